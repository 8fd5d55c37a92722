/** Distance of fixed-point values from float ones. */
export interface ErrorFigures {
  /** Mean absolute error. */
  readonly mae: number;
  readonly maxAbs: number;
  /** 10 · log10(Σ float² / Σ (fixed − float)²); null where there is no error or no signal. */
  readonly sqnrDb: number | null;
}

/** Distances of the values of each image. */
export interface ImageErrors {
  /** Mean absolute error. */
  readonly mean: Float64Array;
  /** Σ float² and Σ (fixed − float)². */
  readonly signal: Float64Array;
  readonly noise: Float64Array;
}

/** The same for every image of a batch; both hold images × values. */
function errorsByImage(float: ArrayLike<number>, fixed: ArrayLike<number>, images: number): ImageErrors {
  const values = float.length / images;
  const errors = { mean: new Float64Array(images), signal: new Float64Array(images), noise: new Float64Array(images) };
  for (let image = 0; image < images; image++) {
    let [absolute, signal, noise] = [0, 0, 0];
    for (let index = image * values; index < (image + 1) * values; index++) {
      const expected = float[index] ?? 0;
      const difference = (fixed[index] ?? 0) - expected;
      absolute += Math.abs(difference);
      signal += expected * expected;
      noise += difference * difference;
    }
    errors.mean[image] = absolute / values;
    errors.signal[image] = signal;
    errors.noise[image] = noise;
  }
  return errors;
}

/** Those of all batches, in order. */
function joinedImageErrors(batches: readonly ImageErrors[]): ImageErrors {
  const all = (of: (batch: ImageErrors) => Float64Array): Float64Array =>
    Float64Array.from(batches.flatMap((batch) => [...of(batch)]));
  return { mean: all(({ mean }) => mean), signal: all(({ signal }) => signal), noise: all(({ noise }) => noise) };
}

/** Adds up errors as tensors come in; `figures` may be asked for at any time. */
export class ErrorMeter {
  #count = 0;
  #absolute = 0;
  #largest = 0;
  #signal = 0;
  #noise = 0;

  add(float: ArrayLike<number>, fixed: ArrayLike<number>): void {
    for (let index = 0; index < float.length; index++) {
      const expected = float[index] ?? 0;
      const difference = (fixed[index] ?? 0) - expected;
      this.#absolute += Math.abs(difference);
      this.#largest = Math.max(this.#largest, Math.abs(difference));
      this.#signal += expected * expected;
      this.#noise += difference * difference;
    }
    this.#count += float.length;
  }

  figures(): ErrorFigures {
    return {
      mae: this.#count === 0 ? 0 : this.#absolute / this.#count,
      maxAbs: this.#largest,
      sqnrDb: this.#noise === 0 || this.#signal === 0 ? null : 10 * Math.log10(this.#signal / this.#noise),
    };
  }
}

/** The errors of a run as its batches come in, of all values together and of each image. */
export class RunErrors {
  readonly #meter: ErrorMeter = new ErrorMeter();
  readonly #batches: ImageErrors[] = [];

  /** Values of a batch of `images` images. */
  add(float: ArrayLike<number>, fixed: ArrayLike<number>, images: number): void {
    this.#meter.add(float, fixed);
    this.#batches.push(errorsByImage(float, fixed, images));
  }

  figures(): ErrorFigures {
    return this.#meter.figures();
  }

  byImage(): ImageErrors {
    return joinedImageErrors(this.#batches);
  }
}
