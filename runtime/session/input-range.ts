/** The range of what a network is fed, watched while images are read. */
import type { Dataset } from "../datasets/dataset.ts";

export interface WatchedData {
  readonly data: Dataset;
  /** Least and largest value read so far; null before the first image. */
  range(): readonly [least: number, largest: number] | null;
}

/** The same data set; every value that is read through it counts. */
export function watchedData(data: Dataset): WatchedData {
  let [least, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    data: {
      ...data,
      async read(first, count) {
        const batch = await data.read(first, count);
        const { values } = batch;
        for (let index = 0; index < values.length; index++) {
          const value = values[index] as number;
          if (value < least) least = value;
          if (value > largest) largest = value;
        }
        return batch;
      },
    },
    range: () => (least > largest ? null : [least, largest]),
  };
}
