import type { CalibratedRange } from "../../isa/program/datapath.ts";

/** Least and greatest of the values added so far. */
export class MeasuredRange implements CalibratedRange {
  min: number = Number.POSITIVE_INFINITY;
  max: number = Number.NEGATIVE_INFINITY;

  add(value: number): this {
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    return this;
  }

  addAll(values: ArrayLike<number>): this {
    let { min, max } = this;
    for (let index = 0; index < values.length; index++) {
      const value = values[index] as number;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.min = min;
    this.max = max;
    return this;
  }
}

/** Ranges of values that stand interleaved: value i is of channel i mod channels. */
export class ChannelRanges {
  readonly min: Float64Array;
  readonly max: Float64Array;

  constructor(channels: number) {
    this.min = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
    this.max = new Float64Array(channels).fill(Number.NEGATIVE_INFINITY);
  }

  addAll(values: ArrayLike<number>): void {
    const { min, max } = this;
    const channels = min.length;
    for (let first = 0; first < values.length; first += channels) {
      for (let channel = 0; channel < channels; channel++) {
        const value = values[first + channel] as number;
        if (value < (min[channel] as number)) min[channel] = value;
        if (value > (max[channel] as number)) max[channel] = value;
      }
    }
  }
}
