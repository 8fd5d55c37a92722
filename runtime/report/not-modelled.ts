/**
 * What the cycle and energy figures leave out, as isa/README.md says; printed with every result. A closing softmax is the
 * host's: figures of values are of what it is given.
 */
export function notModelled(hostSoftmax: boolean): readonly string[] {
  return [
    "instruction fetch and decode",
    "bank conflicts",
    "contention of units for one scratchpad",
    "DRAM refresh and pages",
    "clock gating",
    hostSoftmax ? "the host, which computes the closing softmax" : "the host",
  ];
}
