import type { StallCause } from "../../isa/tokens.ts";

/** What an instruction moves through one memory port in every step. */
export interface PortDemand {
  readonly cause: StallCause;
  readonly bits: number;
  readonly bitsPerCycle: number;
}

/** m cycles per step, and the port that makes it so: the first of those that need the most; null where m = 1. */
export interface Stretch {
  readonly stretch: number;
  readonly cause: StallCause | null;
}

export function stretchOf(ports: readonly PortDemand[]): Stretch {
  let slowest: Stretch = { stretch: 1, cause: null };
  for (const { cause, bits, bitsPerCycle } of ports) {
    const cycles = Math.ceil(bits / bitsPerCycle);
    if (cycles > slowest.stretch) slowest = { stretch: cycles, cause };
  }
  return slowest;
}
