/** Distance of fixed-point values from float ones. */
export interface ErrorFigures {
  /** Mean absolute error. */
  readonly mae: number;
  readonly maxAbs: number;
  /** 10 · log10(Σ float² / Σ (fixed − float)²); null where there is no error or no signal. */
  readonly sqnrDb: number | null;
}

/** Adds up errors as tensors come in; `figures` may be asked for at any time. */
export class ErrorMeter {
  private count = 0;
  private absolute = 0;
  private largest = 0;
  private signal = 0;
  private noise = 0;

  add(float: ArrayLike<number>, fixed: ArrayLike<number>): void {
    for (let index = 0; index < float.length; index++) {
      const expected = float[index] ?? 0;
      const difference = (fixed[index] ?? 0) - expected;
      this.absolute += Math.abs(difference);
      this.largest = Math.max(this.largest, Math.abs(difference));
      this.signal += expected * expected;
      this.noise += difference * difference;
    }
    this.count += float.length;
  }

  figures(): ErrorFigures {
    return {
      mae: this.count === 0 ? 0 : this.absolute / this.count,
      maxAbs: this.largest,
      sqnrDb: this.noise === 0 || this.signal === 0 ? null : 10 * Math.log10(this.signal / this.noise),
    };
  }
}
