/** The result of `macroscope bits` as scripts read it: the assignment that was found, and why it can be believed. */
import type { CandidateCost, ImageSpan } from "./evaluation.ts";
import type { Accuracy, AgreementEntry, ErrorEntry, ResourceEntry } from "./run-report.ts";

/** What the result must keep. `relative` and `agreement` are shares, `top1-drop` points of percent, `sqnr` decibels, `mean-error` and `largest-error` values. */
export const TARGET_KINDS = ["relative", "agreement", "top1-drop", "sqnr", "mean-error", "largest-error"] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

export const OBJECTIVES = ["bits", "energy", "dsp", "weighted"] as const;
export type Objective = (typeof OBJECTIVES)[number];

export const STRATEGIES = ["uniform", "greedy", "pareto"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface BitsReport {
  readonly schema: "macroscope/bits/1";
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly request: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly weights: string | null;
  readonly floatBackend: string;
  readonly target: { readonly kind: TargetKind; readonly value: number; readonly margin: number };
  readonly objective: Objective;
  readonly strategy: Strategy;
  /** Images that the search saw. */
  readonly search: { readonly data: string; readonly span: ImageSpan };
  /** Images that no decision saw; those of the final figures. */
  readonly final: { readonly data: string; readonly span: ImageSpan };
  /** The cheapest format for all registers that keeps the target on the search's images; null where none does. */
  readonly uniform: MeasuredAssignment | null;
  /** What was found; null where no candidate keeps the target. */
  readonly chosen: MeasuredAssignment | null;
  /** Whether the chosen assignment keeps the target on the final images. */
  readonly kept: boolean;
  /** What to use where the chosen one missed; null where it did not, or where nothing that was tried holds. Absent in older results. */
  readonly alternative?: AlternativeAssignment | null | undefined;
  /** Every candidate that was tried, in order. */
  readonly trials: readonly Trial[];
  /** Indices into `trials` that no other trial betters in both cost and the target's figure. */
  readonly front: readonly number[];
  readonly layers: readonly LayerRequirement[];
  readonly resources: ResourceEntry;
}

export interface MeasuredAssignment {
  readonly name: string;
  /** An `AssignmentSpecification`, as `run --assign` takes it. */
  readonly assignment: object;
  readonly cost: CandidateCost | null;
  readonly search: Measured;
  /** Null where it was not verified on the final images. */
  readonly final: Measured | null;
}

/**
 * The cheapest assignment tried that keeps the target on images that no decision saw: it was picked on the first half of the final images
 * (`decision`), and `final` is of the other half (`rest`).
 */
export interface AlternativeAssignment extends MeasuredAssignment {
  readonly decision: ImageSpan;
  readonly rest: ImageSpan;
}

/** What an assignment says of itself under `verified`. */
export interface VerificationEntry {
  /** Kind of the target. */
  readonly target: string;
  readonly wanted: number;
  /** Null where there is no number, e.g. the SQNR of no error. */
  readonly found: number | null;
  readonly kept: boolean;
  readonly images: number;
  readonly data: string;
}

/** What images showed of an assignment. */
export interface Measured {
  readonly images: number;
  /** The target's figure, in the target's unit. */
  readonly figure: number;
  readonly figure95: readonly [low: number, high: number] | null;
  readonly accuracy: Accuracy | null;
  readonly agreement: AgreementEntry | null;
  readonly error: ErrorEntry;
  readonly overflow: number;
  readonly digest: string | null;
}

export interface Trial {
  /** SHA-256 of assignment, images and everything else that decides the result. */
  readonly key: string;
  /** What was changed, e.g. `fc1 weight 8,7`. */
  readonly change: string;
  readonly images: number;
  readonly figure: number;
  readonly cost: CandidateCost | null;
  readonly verdict: "kept" | "missed";
  /** Decided before all images of the search were seen. */
  readonly early: boolean;
}

export interface LayerRequirement {
  readonly name: string;
  readonly registers: Readonly<Record<string, RegisterRequirement>>;
}

/** One register: what it was given, and what stands behind it. Bits count the sign. */
export interface RegisterRequirement {
  /** `8,4 nearest saturate`. */
  readonly format: string;
  /** W − F that the observed range needs, with the stated margin; null where nothing was observed. */
  readonly observedIntegerBits: number | null;
  /** W − F beyond which no input can bring it. */
  readonly provenIntegerBits: number | null;
  /** The least word length with the same output bits on the search's images as the starting point; null: not searched. */
  readonly identicalWordLength: number | null;
  /** The least word length that keeps the target with all others as at the start; null: not searched. */
  readonly targetWordLength: number | null;
  /** Whether it held the target back first. */
  readonly bottleneck: boolean;
}
