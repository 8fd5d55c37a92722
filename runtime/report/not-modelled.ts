/**
 * What the cycle and energy figures leave out, as isa/README.md says; printed with every result. What closes a
 * network, such as a softmax, is the host's: figures of values are of what it is given.
 */
export function notModelled(hostOperators: readonly string[], unreadInputs: readonly string[]): readonly string[] {
  return [
    "instruction fetch and decode",
    "bank conflicts",
    "contention of units for one scratchpad",
    "DRAM refresh and pages",
    "clock gating",
    ...(hostOperators.length === 0 ? ["the host"] : []),
    ...outsideTheNetwork(hostOperators, unreadInputs),
  ];
}

/** What of a model no layer computes. */
export function outsideTheNetwork(
  hostOperators: readonly string[],
  unreadInputs: readonly string[] = [],
): readonly string[] {
  return [
    ...(hostOperators.length === 0 ? [] : [`the host, which computes the closing ${hostOperators.join(" and ")}`]),
    ...unreadInputs.map((name) => `the model's input "${name}", which nothing reads`),
  ];
}
