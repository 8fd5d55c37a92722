import { Xorshift32 } from "../../isa/numerics/random.ts";

/** A closed interval [low, high]. */
export type Interval = readonly [low: number, high: number];

const NORMAL_97_5 = 1.959963984540054;

/** Wilson score interval of a proportion, 95 % (Wilson 1927). `successes` of `trials`; [0, 1] for no trials. */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1];
  const z2 = NORMAL_97_5 ** 2;
  const proportion = successes / trials;
  const centre = (proportion + z2 / (2 * trials)) / (1 + z2 / trials);
  const half =
    (NORMAL_97_5 / (1 + z2 / trials)) *
    Math.sqrt((proportion * (1 - proportion)) / trials + z2 / (4 * trials * trials));
  return [successes === 0 ? 0 : centre - half, successes === trials ? 1 : centre + half];
}

const BOOTSTRAP_RESAMPLES = 2000;

/**
 * 95 % percentile interval of (Σ fixed / Σ float) by resampling images with replacement, the same images for both
 * (paired bootstrap, Efron 1979). The four outcomes of a pair are all that matters, so a resample draws n pairs.
 * Null where no resample has a correct float answer.
 */
export function relativeAccuracyInterval(
  floatCorrect: readonly boolean[],
  fixedCorrect: readonly boolean[],
  seed: number,
): Interval | null {
  const images = floatCorrect.length;
  const random = new Xorshift32(seed >>> 0 || 1);
  const ratios: number[] = [];
  for (let resample = 0; resample < BOOTSTRAP_RESAMPLES; resample++) {
    let float = 0;
    let fixed = 0;
    for (let draw = 0; draw < images; draw++) {
      const image = Math.floor((random.next() / 2 ** 32) * images);
      if (floatCorrect[image]) float++;
      if (fixedCorrect[image]) fixed++;
    }
    if (float > 0) ratios.push(fixed / float);
  }
  if (ratios.length === 0) return null;
  ratios.sort((a, b) => a - b);
  const at = (quantile: number): number => ratios[Math.round(quantile * (ratios.length - 1))] ?? 0;
  return [at(0.025), at(0.975)];
}

/**
 * 95 % interval of the difference second − first of two proportions on the same images, from the images that only one got
 * right: Wald's after half an image was added to each of the four outcomes (Agresti, Min, Biostatistics 6(1), 2005).
 */
export function pairedDifferenceInterval(onlyFirst: number, onlySecond: number, images: number): Interval {
  const all = images + 2;
  const first = (onlyFirst + 0.5) / all;
  const second = (onlySecond + 0.5) / all;
  const half = NORMAL_97_5 * Math.sqrt(Math.max(0, first + second - (second - first) ** 2) / all);
  return [Math.max(-1, second - first - half), Math.min(1, second - first + half)];
}

/**
 * 95 % percentile interval of a figure of images by resampling them with replacement (Efron 1979); `figure` gets the indices of
 * the images drawn. Null for no images.
 */
export function bootstrapInterval(
  images: number,
  figure: (drawn: Uint32Array) => number,
  seed: number,
  resamples: number = BOOTSTRAP_RESAMPLES,
): Interval | null {
  if (images === 0) return null;
  const random = new Xorshift32(seed >>> 0 || 1);
  const drawn = new Uint32Array(images);
  const figures = Float64Array.from({ length: resamples }, () => {
    for (let draw = 0; draw < images; draw++) drawn[draw] = Math.floor((random.next() / 2 ** 32) * images);
    return figure(drawn);
  }).sort();
  const at = (quantile: number): number => figures[Math.round(quantile * (resamples - 1))] ?? 0;
  return [at(0.025), at(0.975)];
}
