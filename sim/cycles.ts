import type { Unit } from "../isa/instructions/definition.ts";
import type { StallCause } from "../isa/tokens.ts";

/** How one unit spent the cycles of an image: busy + Σ stalls + idle = total. */
export interface UnitCycles {
  readonly busy: number;
  readonly stalls: { readonly [Cause in StallCause]?: number };
  /** After the unit's last instruction. */
  readonly idle: number;
}

/** Cycles of one image. Every image takes the same: time follows from the program alone. */
export interface CycleReport {
  readonly total: number;
  readonly units: Readonly<Record<Unit, UnitCycles>>;
  /** First cycle and one past the last cycle of each instruction, stalls for memory ports included. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  /**
   * Cycles by which each layer moves the program forward: running maximum of the layers' last `end`, differenced. The
   * last layer also takes the cycles of the closing control instructions, so the layers add up to `total`.
   */
  readonly layers: readonly number[];
}
