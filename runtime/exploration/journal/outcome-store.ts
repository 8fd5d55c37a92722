/** Outcomes that are kept between runs, so that an interrupted search repeats no image. */

import type { Candidate, Evaluation, ImageSpan } from "../../results/evaluation.ts";
import { canonicalDigest } from "./canonical-json.ts";

/** Where outcomes are kept. Values are plain data. */
export interface OutcomeStore {
  get(key: string): unknown;
  put(key: string, value: StoredOutcome): Promise<void>;
}

/** An evaluation as plain data. Accuracy and agreement are not kept: they follow from the answers where a search needs them. */
export interface StoredOutcome {
  readonly span: ImageSpan;
  /** One digit per image: 1 float right + 2 fixed right + 4 same class; null for networks that do not classify. */
  readonly answers: string | null;
  /** Whether `answers` knows of labels. */
  readonly labelled: boolean;
  readonly error: Evaluation["error"];
  readonly overflow: number;
  readonly digest: string | null;
}

/** What a search needs of an evaluation. */
export type SearchedEvaluation = Pick<
  Evaluation,
  "span" | "floatRight" | "fixedRight" | "sameClass" | "error" | "digest"
>;

/** SHA-256 of everything that decides the outcome: `shared`, the candidate and the images. Fields may stand in any order. */
export function outcomeKey(shared: unknown, candidate: Candidate, span: ImageSpan): string {
  return canonicalDigest({ shared, candidate, span });
}

export function stored(evaluation: Evaluation): StoredOutcome {
  const { span, floatRight, fixedRight, sameClass, error, overflow, digest } = evaluation;
  const answers =
    sameClass === null
      ? null
      : Array.from(
          sameClass,
          (same, image) => (floatRight?.[image] ?? 0) + 2 * (fixedRight?.[image] ?? 0) + 4 * same,
        ).join("");
  return {
    span,
    answers,
    labelled: floatRight !== null,
    error,
    overflow: overflow.reduce((sum, register) => sum + register.overflow, 0),
    digest,
  };
}

/** The evaluation that was stored; null where the value is none of that span. */
export function restored(value: unknown, span: ImageSpan): SearchedEvaluation | null {
  if (!isStored(value) || value.span.first !== span.first || value.span.images !== span.images) return null;
  const { answers, labelled, error, digest } = value;
  if (answers !== null && !(answers.length === span.images && /^[0-7]*$/.test(answers))) return null;
  const bit = (weight: number): Uint8Array =>
    Uint8Array.from(answers ?? "", (digit) => ((Number(digit) & weight) === 0 ? 0 : 1));
  return {
    span,
    floatRight: labelled && answers !== null ? bit(1) : null,
    fixedRight: labelled && answers !== null ? bit(2) : null,
    sameClass: answers === null ? null : bit(4),
    error,
    digest,
  };
}

function isStored(value: unknown): value is StoredOutcome {
  if (typeof value !== "object" || value === null) return false;
  const { span, answers, labelled, error, digest } = value as Partial<StoredOutcome>;
  const isNumber = (part: unknown): boolean => typeof part === "number" && Number.isFinite(part);
  return (
    isNumber(span?.first) &&
    isNumber(span?.images) &&
    (answers === null || typeof answers === "string") &&
    typeof labelled === "boolean" &&
    isNumber(error?.mae) &&
    isNumber(error?.maxAbs) &&
    (error?.sqnrDb === null || isNumber(error?.sqnrDb)) &&
    (digest === null || typeof digest === "string")
  );
}
