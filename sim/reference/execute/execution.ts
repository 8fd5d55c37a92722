import type { StallCause } from "../../../isa/tokens.ts";
import type { PortStall } from "../ports.ts";

/**
 * An instruction at work: does the work of one cycle, yields how that cycle is spent, and so on; returns after its last
 * cycle. Every instruction takes at least one cycle.
 */
export type Execution = Generator<"busy" | StallCause, void, void>;

/** One step through memory ports: waits for the slowest of them and does its work in the last cycle. */
export function* step(stall: PortStall, work: () => void): Execution {
  for (let cycle = 0; cycle < stall.cycles; cycle++) yield stall.cause;
  work();
  yield "busy";
}
