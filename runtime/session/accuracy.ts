import { classify, withinTop } from "../metrics/classification.ts";
import { relativeAccuracyInterval, wilsonInterval } from "../metrics/intervals.ts";
import { mcnemar } from "../metrics/mcnemar.ts";
import type { Accuracy } from "../report/run-report.ts";

/** Last values of both computations, images × classes, on any monotone scale. */
export interface Outcome {
  readonly fixed: ArrayLike<number | bigint>;
  /** Null where there is no float network (a program file). */
  readonly float: ArrayLike<number> | null;
  readonly images: number;
  readonly classes: number;
}

/** Accuracy of a classifier; null without labels, or where a label is no class of the network. */
export function accuracyOf(outcome: Outcome, labels: Uint8Array | null, seed: number): Accuracy | null {
  const { images, classes } = outcome;
  if (labels === null || images === 0 || classes < 2) return null;
  if (labels.subarray(0, images).some((label) => label >= classes)) return null;
  const share = (correct: readonly boolean[]): number => correct.filter(Boolean).length / images;
  const right = (top1: Int32Array): boolean[] => Array.from(top1, (answer, image) => answer === labels[image]);
  const fixed = classify(outcome.fixed, images, classes);
  const fixedRight = right(fixed.top1);
  const fixedShare = share(fixedRight);
  const common = {
    fixed: fixedShare,
    top5: classes > 5 ? share(withinTop(outcome.fixed, labels, images, classes, 5)) : null,
    fixed95: wilsonInterval(fixedRight.filter(Boolean).length, images),
    ties: fixed.ties,
  };
  if (outcome.float === null) {
    return { ...common, float: null, relative: null, agreement: null, relative95: null, mcnemar: null };
  }
  const float = classify(outcome.float, images, classes);
  const floatRight = right(float.top1);
  const floatShare = share(floatRight);
  const { onlyFirst, onlySecond, pValue } = mcnemar(floatRight, fixedRight);
  return {
    ...common,
    float: floatShare,
    relative: floatShare === 0 ? null : fixedShare / floatShare,
    agreement: share(Array.from(fixed.top1, (answer, image) => answer === float.top1[image])),
    relative95: relativeAccuracyInterval(floatRight, fixedRight, seed),
    mcnemar: { onlyFloat: onlyFirst, onlyFixed: onlySecond, pValue },
  };
}
