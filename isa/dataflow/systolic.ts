/**
 * Steps of arrays through which operands march: element (r, c) works r + c steps behind element (0, 0).
 *
 * The last element, r + c = R + C − 2, starts last and works T steps, then its result needs R more rows to come out, or its operand
 * has needed R rows to come in: 2R + C + T − 2, and P for the pipeline registers. Folds that overlap follow each other after
 * the T steps they stream, or the R in which rows are loaded or drained, whichever is more.
 */

import type { ArrayShape, FoldSteps } from "./definition.ts";
import { counted, sumText } from "./formula.ts";

export interface SystolicFolds {
  readonly folds: number;
  /** T: words that stream through each fold. */
  readonly streamed: number;
  /** Steps in which sums enter before a fold streams. */
  readonly entry: number;
  readonly overlap: boolean;
}

export function systolicSteps(
  { rows, columns, macPipeline }: ArrayShape,
  { folds, streamed, entry, overlap }: SystolicFolds,
): FoldSteps {
  const fold = entry + 2 * rows + columns + streamed - 2 + macPipeline;
  return { folds, fold, interval: overlap ? Math.max(streamed, rows) : fold };
}

/** F · (A + 2R + C + T − 2 + P), or (F − 1) · max(T, R) + 2R + C + T − 2 + P where folds overlap. */
export function systolicFormula(
  { rows, columns, macPipeline }: ArrayShape,
  { folds, streamed, entry, overlap }: SystolicFolds,
): string {
  const pipeline = macPipeline === 0 ? "" : ` + ${macPipeline}`;
  const text = `${sumText(entry, `2·${rows}`, columns, streamed)} − 2${pipeline}`;
  if (!overlap) return `${counted(folds, "fold")} × (${text})`;
  return `(${counted(folds, "fold")} − 1) × max(${streamed}, ${rows}) + ${text}`;
}
