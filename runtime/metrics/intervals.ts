import { Xorshift32 } from "../../isa/random.ts";

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
