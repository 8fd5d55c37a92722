import type { StallCause } from "../../isa/tokens.ts";

/** What one step moves through a memory port. */
export interface Port {
  /** The stall that the port is to blame for. */
  readonly cause: StallCause;
  readonly bits: number;
  readonly bitsPerCycle: number;
}

/** How a step waits for its slowest port: the clock enable comes after so many stalled cycles. */
export interface PortStall {
  readonly cause: StallCause;
  readonly cycles: number;
}

/** The slowest of several ports; the first of equally slow ones. A port that moves all its bits in one cycle stalls nothing. */
export function slowestPort(ports: readonly Port[]): PortStall {
  let slowest: PortStall = { cause: ports[0]?.cause ?? "input", cycles: 0 };
  for (const { cause, bits, bitsPerCycle } of ports) {
    const cycles = Math.ceil(bits / bitsPerCycle) - 1;
    if (cycles > slowest.cycles) slowest = { cause, cycles };
  }
  return slowest;
}
