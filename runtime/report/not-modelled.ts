/** What the cycle and energy figures leave out, as isa/README.md says; printed with every result. */
export const NOT_MODELLED: readonly string[] = [
  "instruction fetch and decode",
  "bank conflicts",
  "contention of units for one scratchpad",
  "DRAM refresh and pages",
  "clock gating",
  "the host",
];
