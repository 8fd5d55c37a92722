import type { StallCause } from "../../isa/tokens.ts";

/** How long one instruction occupies its unit once it has started. */
export interface InstructionCycles {
  /** Busy cycles and stalls for memory ports. */
  readonly cycles: number;
  /** Steps of the array or of the lanes; for other instructions the same as `cycles`. */
  readonly steps: number;
  /** m, cycles per step. */
  readonly stretch: number;
  /** Stalls for memory ports, contained in `cycles`: (m − 1) · steps under one cause. */
  readonly stalls: { readonly [Cause in StallCause]?: number };
  /** The closed form with its numbers, see formula.ts. */
  readonly formula: string;
}
