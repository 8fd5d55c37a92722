import type { ExperimentName } from "../../results/experiment-report.ts";

/** A ready experiment as it is asked for. */
export interface ExperimentRequest {
  readonly name: ExperimentName;
  /** `blocks`, `layers`, or names and patterns with `;` between subunits and `,` within one. */
  readonly subunits: string;
  /** In place of the experiment's own; null: those. */
  readonly wordLengths: readonly number[] | null;
  /** Datapath of intrinsic quantization. */
  readonly intrinsic: string;
}
