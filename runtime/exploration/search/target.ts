/** What a result must keep: the kinds of targets, their figures, margins, intervals and verdicts. */
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import {
  bootstrapInterval,
  type Interval,
  pairedDifferenceInterval,
  relativeAccuracyInterval,
  wilsonInterval,
} from "../../metrics/intervals.ts";
import type { TargetKind } from "../../results/bits-report.ts";
import type { Evaluation } from "../../results/evaluation.ts";

/** What figures are taken from. */
export type Shown = Pick<Evaluation, "floatRight" | "fixedRight" | "sameClass" | "error" | "imageErrors">;

export interface Target {
  readonly kind: TargetKind;
  /** Share, points of percent, decibels or value; see `TARGET_KINDS`. */
  readonly value: number;
  /** How much better the search's images must be, in the target's unit; at least 0. */
  readonly margin: number;
}

/** Scores of single images whose mean is at least zero exactly where the target is kept. */
export interface Scores {
  readonly low: number;
  readonly high: number;
  of(evaluation: Shown, limit: number): Float64Array;
}

interface TargetRule {
  /** Whether larger figures are better. */
  readonly higherIsBetter: boolean;
  readonly unit: string;
  /** Range of values, and of margins from 0. */
  readonly range: readonly [least: number, most: number];
  readonly defaultMargin: (value: number) => number;
  /** Null where the images do not show it. */
  readonly figure: (evaluation: Shown) => number | null;
  readonly interval: (evaluation: Shown, seed: number) => Interval | null;
  /** Null where single images have no bounded score: then all images are looked at. */
  readonly scores: ((limit: number) => Scores) | null;
  /** Limits around one, from the stricter to the laxer, for a front of cost and figure. */
  readonly ladder: (limit: number) => readonly number[];
}

/** What is given up, as multiples of what a limit gives up. */
const STEPS = [0.25, 0.5, 1, 2, 4] as const;
const ofTheRest = (limit: number): readonly number[] => STEPS.map((step) => 1 - step * (1 - limit));
const multiples = (limit: number): readonly number[] => STEPS.map((step) => step * limit);
const decibels = (limit: number): readonly number[] => [12, 6, 0, -6, -12].map((step) => limit + step);

const NO_LABELS = "needs labelled images of this network's classes";
const NO_CLASSES = "needs a network that classifies";

/** Half of what the target gives up: chance and choice among many candidates both flatter the search's images. */
const halfTheRest = (value: number): number => (1 - value) / 2;

export const TARGET_RULES: Readonly<Record<TargetKind, TargetRule>> = {
  relative: {
    higherIsBetter: true,
    unit: "",
    range: [0, 2],
    defaultMargin: (value) => Math.max(0, halfTheRest(value)),
    figure: relativeAccuracy,
    interval: ({ floatRight, fixedRight }, seed) =>
      floatRight === null || fixedRight === null
        ? null
        : relativeAccuracyInterval([...floatRight].map(Boolean), [...fixedRight].map(Boolean), seed),
    scores: (limit) => ({
      low: -limit,
      high: 1,
      of: ({ floatRight, fixedRight }, least) => pairScores(floatRight, fixedRight, (a, b) => b - least * a),
    }),
    ladder: ofTheRest,
  },
  agreement: {
    higherIsBetter: true,
    unit: "",
    range: [0, 1],
    defaultMargin: halfTheRest,
    figure: ({ sameClass }) => (sameClass === null ? null : share(sameClass)),
    interval: ({ sameClass }) => (sameClass === null ? null : wilsonInterval(count(sameClass), sameClass.length)),
    scores: (limit) => ({
      low: -limit,
      high: 1 - limit,
      of: ({ sameClass }, least) => pairScores(sameClass, sameClass, (same) => same - least),
    }),
    ladder: ofTheRest,
  },
  "top1-drop": {
    higherIsBetter: false,
    unit: "points",
    range: [-100, 100],
    defaultMargin: (value) => Math.max(0, value / 2),
    figure: ({ floatRight, fixedRight }) =>
      floatRight === null || fixedRight === null ? null : 100 * (share(floatRight) - share(fixedRight)),
    interval: dropInterval,
    scores: (limit) => ({
      low: -1 + limit / 100,
      high: 1 + limit / 100,
      of: ({ floatRight, fixedRight }, most) => pairScores(floatRight, fixedRight, (a, b) => b - a + most / 100),
    }),
    ladder: multiples,
  },
  sqnr: {
    higherIsBetter: true,
    unit: "dB",
    range: [-1000, 1000],
    defaultMargin: () => 1,
    // Without any noise the ratio is infinite; without any signal there is none to lose.
    figure: ({ error }) => error.sqnrDb ?? (error.maxAbs === 0 ? Number.POSITIVE_INFINITY : null),
    interval: ({ imageErrors }, seed) =>
      imageErrors === undefined
        ? null
        : bootstrapInterval(
            imageErrors.signal.length,
            (drawn) => 10 * Math.log10(sumOf(imageErrors.signal, drawn) / sumOf(imageErrors.noise, drawn)),
            seed,
          ),
    scores: null,
    ladder: decibels,
  },
  "mean-error": {
    higherIsBetter: false,
    unit: "",
    range: [0, Number.MAX_VALUE],
    defaultMargin: (value) => value / 10,
    figure: ({ error }) => error.mae,
    interval: ({ imageErrors }, seed) =>
      imageErrors === undefined
        ? null
        : bootstrapInterval(
            imageErrors.mean.length,
            (drawn) => sumOf(imageErrors.mean, drawn) / imageErrors.mean.length,
            seed,
          ),
    scores: null,
    ladder: multiples,
  },
  "largest-error": {
    higherIsBetter: false,
    unit: "",
    range: [0, Number.MAX_VALUE],
    defaultMargin: (value) => value / 10,
    figure: ({ error }) => error.maxAbs,
    // The largest of a sample says nothing of a larger one beyond it.
    interval: () => null,
    scores: null,
    ladder: multiples,
  },
};

/** Target and margin, checked; the kind's own margin where none is given. Throws `DiagnosticError` TARGET. */
export function targetOf(kind: TargetKind, value: number, margin?: number): Target {
  const rule = TARGET_RULES[kind];
  const [least, most] = rule.range;
  if (!(value >= least && value <= most)) {
    throw diagnosticError(
      "TARGET",
      "--target",
      `${value} is no ${kind} target`,
      `give a number from ${least} to ${most}${rule.unit === "" ? "" : ` in ${rule.unit}`}, or another --target-kind`,
    );
  }
  // Twelve digits: half of 1 − 0.99 is meant, not what doubles leave behind its sixteenth.
  const chosen = margin ?? Number(rule.defaultMargin(value).toPrecision(12));
  if (chosen >= 0 && Number.isFinite(chosen)) return { kind, value, margin: chosen };
  throw diagnosticError(
    "TARGET",
    "--margin",
    `${margin} is no margin`,
    "give a number from 0 on, in the target's unit",
  );
}

/** What the search's images must show. */
export function searchLimit({ kind, value, margin }: Target): number {
  return TARGET_RULES[kind].higherIsBetter ? value + margin : value - margin;
}

/** Counts of images make shares that are not exact in binary. */
const SHARE_SLACK = 1e-9;

/** Whether a figure is at least as good as a limit of the same unit. */
export function keeps(kind: TargetKind, figure: number, limit: number): boolean {
  return TARGET_RULES[kind].higherIsBetter ? figure >= limit - SHARE_SLACK : figure <= limit + SHARE_SLACK;
}

/** How much better a figure is than another; negative where it is worse. */
export function advantage(kind: TargetKind, figure: number, other: number): number {
  if (figure === other) return 0;
  return TARGET_RULES[kind].higherIsBetter ? figure - other : other - figure;
}

/** The target's figure. Throws `DiagnosticError` TARGET where these images cannot show it. */
export function figureOf(kind: TargetKind, evaluation: Shown): number {
  const figure = TARGET_RULES[kind].figure(evaluation);
  if (figure === null) throw withoutFigure(kind, evaluation);
  return figure;
}

function withoutFigure(kind: TargetKind, { sameClass, floatRight }: Shown): DiagnosticError {
  const classes = sameClass !== null;
  const hint = classes
    ? "give labels by --labels, or use --target-kind agreement"
    : "use --target-kind sqnr, mean-error or largest-error";
  const what =
    kind === "sqnr"
      ? "float gives nothing but zeros: there is no signal"
      : classes && floatRight !== null
        ? "float gets none of these images right"
        : classes
          ? NO_LABELS
          : NO_CLASSES;
  return diagnosticError("TARGET", `--target-kind ${kind}`, what, hint);
}

function relativeAccuracy({ floatRight, fixedRight }: Shown): number | null {
  if (floatRight === null || fixedRight === null) return null;
  const float = count(floatRight);
  return float === 0 ? null : count(fixedRight) / float;
}

function dropInterval({ floatRight, fixedRight }: Shown): Interval | null {
  if (floatRight === null || fixedRight === null) return null;
  const onlyFloat = count(pairScores(floatRight, fixedRight, (float, fixed) => (float > fixed ? 1 : 0)));
  const onlyFixed = count(pairScores(floatRight, fixedRight, (float, fixed) => (fixed > float ? 1 : 0)));
  const [low, high] = pairedDifferenceInterval(onlyFixed, onlyFloat, floatRight.length);
  return [100 * low, 100 * high];
}

function pairScores(
  first: Uint8Array | null,
  second: Uint8Array | null,
  score: (first: number, second: number) => number,
): Float64Array {
  return Float64Array.from(first ?? [], (value, image) => score(value, second?.[image] ?? 0));
}

function count(flags: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < flags.length; index++) sum += flags[index] ?? 0;
  return sum;
}

function share(flags: Uint8Array): number {
  return flags.length === 0 ? 0 : count(flags) / flags.length;
}

function sumOf(values: Float64Array, indices: Uint32Array): number {
  let sum = 0;
  for (const index of indices) sum += values[index] ?? 0;
  return sum;
}
