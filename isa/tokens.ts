import type { Unit } from "./instructions/definition.ts";

/** Why a unit did not work in a cycle. `bandwidth` causes come from memory ports, the others from tokens. */
export const STALL_CAUSES = [
  "input",
  "weights",
  "accumulator",
  "output",
  "store",
  "space",
  "compute",
  "load",
  "synchronise",
] as const;
export type StallCause = (typeof STALL_CAUSES)[number];

export interface TokenChannel {
  readonly name: string;
  /** The only unit that may signal on this channel. */
  readonly from: Unit;
  /** The only unit that may wait on this channel. */
  readonly to: Unit;
  /** What a unit that waits on it is said to wait for. */
  readonly cause: StallCause;
  readonly meaning: string;
}

/**
 * The eight counting channels, all zero at the start of an image; index = bit in the wait and signal masks. One unit
 * gives, one takes, so the k-th wait always takes the k-th signal and a schedule is the same however long units take.
 */
export const TOKEN_CHANNELS: readonly TokenChannel[] = [
  { name: "inputReady", from: "load", to: "compute", cause: "input", meaning: "an input tile is in its scratchpad" },
  { name: "weightReady", from: "load", to: "compute", cause: "weights", meaning: "a weight tile is in its scratchpad" },
  { name: "inputFree", from: "compute", to: "load", cause: "space", meaning: "an input tile may be overwritten" },
  { name: "weightFree", from: "compute", to: "load", cause: "space", meaning: "a weight tile may be overwritten" },
  { name: "outputReady", from: "compute", to: "store", cause: "compute", meaning: "an output tile is in its buffer" },
  { name: "outputFree", from: "store", to: "compute", cause: "store", meaning: "an output tile may be overwritten" },
  { name: "stored", from: "store", to: "load", cause: "store", meaning: "a tensor in DRAM may be read" },
  { name: "consumed", from: "load", to: "store", cause: "load", meaning: "a tensor in DRAM may be overwritten" },
];

/** Bit of a channel by name. */
export function tokenBit(name: string): number {
  const index = TOKEN_CHANNELS.findIndex((channel) => channel.name === name);
  if (index < 0) throw new RangeError(`no token channel ${name}`);
  return 1 << index;
}
