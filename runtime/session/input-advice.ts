/** What to look at before any word length: a float network that sees something else than it was trained on. */
import { wilsonInterval } from "../metrics/intervals.ts";
import type { RunReport } from "../results/run-report.ts";

/** Float accuracy of a trained network that is below this share of images is worth a question. */
const POOR_ACCURACY = 0.4;
/** Fewer images say little of accuracy. */
const ENOUGH_IMAGES = 20;
/** Inputs that never reach this magnitude leave nearly all of a usual word unused. */
const SMALL_INPUT = 1 / 64;

/** A sentence, or undefined where nothing looks wrong. */
export function inputAdvice({
  accuracy,
  images,
  classes,
  input,
  weights,
}: Pick<RunReport, "accuracy" | "images" | "classes" | "input" | "weights">): string | undefined {
  const { range } = input;
  // Nothing was trained where weights are drawn.
  if (weights?.startsWith("drawn") || range === null) return undefined;
  const [least, largest] = range;
  const reach = `inputs reach ${short(least)} … ${short(largest)} (${input.preparation})`;
  if (least === largest) return `all inputs are ${short(least)}: check the data and their preprocessing.`;
  const float = accuracy?.float ?? null;
  const chance = 1 / Math.max(1, classes?.length ?? 0);
  if (float !== null && chance < 1 && images >= ENOUGH_IMAGES) {
    const [low] = wilsonInterval(Math.round(float * images), images);
    const isChance = low <= chance;
    if (isChance || float < POOR_ACCURACY) {
      const level = isChance ? `is no better than chance (${percent(chance)})` : "is poor for a trained network";
      return (
        `float accuracy, ${percent(float)}, ${level}: before any word length check what the network sees. ` +
        `${reach[0]?.toUpperCase()}${reach.slice(1)}: is that the range, order of channels and of axes (--layout) it was trained on, and are the labels its classes?`
      );
    }
  }
  if (Math.max(Math.abs(least), Math.abs(largest)) < SMALL_INPUT) {
    return `${reach}, which leaves most of a word unused: is a scale applied twice?`;
  }
  return undefined;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
