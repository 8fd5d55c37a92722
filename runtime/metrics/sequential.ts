/** A verdict on all images before all of them were seen, wrong at most as often as agreed. */

/** What the mean over the whole population is: at least zero, or below. */
export type MeanVerdict = "reached" | "missed";

export interface SequentialTestOptions {
  /** Scores of the whole population. */
  readonly population: number;
  /** What no score is below or above; low < 0 < high. */
  readonly low: number;
  readonly high: number;
  /** Probability that an early verdict is not that of the whole population, at most; 0 for none but certain ones. */
  readonly errorProbability: number;
}

/** Bets as shares of the largest one that cannot lose everything. */
const STAKES = [0.05, 0.1, 0.2, 0.4, 0.7, 0.95] as const;

/**
 * Is the mean of N bounded scores at least zero? Drawn one by one without replacement, in random order.
 *
 * Two gamblers start with 1. One bets that the mean is at least zero, the other that it is not. While the first one's
 * opponent is right, i.e. Σ of all scores < 0, the next score's mean given the t seen is below m = −S/(N − t), S their sum;
 * so wealth × (1 + λ (score − m)) with λ ≥ 0 fixed beforehand is a supermartingale, and it ever reaches 1/α with probability
 * α at most (Ville's inequality), however often one looks. The wealth is the mean over several λ. Verdicts that the scores
 * left cannot change any more are given as well.
 *
 * J. Ville, Étude critique de la notion de collectif, 1939; I. Waudby-Smith, A. Ramdas, Confidence sequences for sampling
 * without replacement, NeurIPS 2020, and Estimating means of bounded random variables by betting, JRSS B 86(1), 2024.
 */
export class SequentialMeanTest {
  readonly #options: SequentialTestOptions;
  readonly #onReached: Float64Array = new Float64Array(STAKES.length).fill(1);
  readonly #onMissed: Float64Array = new Float64Array(STAKES.length).fill(1);
  #seen = 0;
  #sum = 0;
  #verdict: MeanVerdict | null = null;

  constructor(options: SequentialTestOptions) {
    this.#options = options;
  }

  /** The verdict as soon as there is one; it stays. */
  get verdict(): MeanVerdict | null {
    return this.#verdict;
  }

  /** Scores used for the verdict so far. */
  get seen(): number {
    return this.#seen;
  }

  /** The next scores, in order. Those after a verdict are not looked at. */
  add(scores: ArrayLike<number>): MeanVerdict | null {
    for (let index = 0; index < scores.length && this.#verdict === null; index++) this.#addOne(scores[index] ?? 0);
    return this.#verdict;
  }

  #addOne(score: number): void {
    const { population, low, high, errorProbability } = this.#options;
    const expected = -this.#sum / (population - this.#seen);
    const above = expected - low;
    const below = high - expected;
    for (let index = 0; index < STAKES.length; index++) {
      const stake = (STAKES[index] ?? 0) * (score - expected);
      this.#onReached[index] = (this.#onReached[index] ?? 0) * (1 + stake / above);
      this.#onMissed[index] = (this.#onMissed[index] ?? 0) * (1 - stake / below);
    }
    this.#sum += score;
    this.#seen++;
    this.#verdict = this.#certain() ?? (errorProbability > 0 ? this.#likely(1 / errorProbability) : null);
  }

  #certain(): MeanVerdict | null {
    const { population, low, high } = this.#options;
    const left = population - this.#seen;
    // Sums of scores such as 1 − 0.995 are not exact.
    const slack = 1e-9 * population;
    if (this.#sum + left * low >= -slack) return "reached";
    if (this.#sum + left * high < -slack) return "missed";
    return null;
  }

  #likely(needed: number): MeanVerdict | null {
    if (mean(this.#onReached) >= needed) return "reached";
    if (mean(this.#onMissed) >= needed) return "missed";
    return null;
  }
}

function mean(wealths: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < wealths.length; index++) sum += wealths[index] ?? 0;
  return sum / wealths.length;
}
