import type { CalibratedRange } from "../../isa/datapath.ts";
import { nameRecord } from "../../isa/name-record.ts";
import type { FloatNetwork, NodeObserver } from "./interpreter.ts";

/**
 * Least and largest value of the input and of every node over some images. Taken in float32 by whichever backend is at
 * hand; the result is stored with the assignment, so that a run repeats whatever measured it.
 * `onProgress` hears of images done.
 */
export async function calibrate(
  network: FloatNetwork,
  images: Float32Array,
  count: number,
  onProgress?: (done: number) => void,
): Promise<Record<string, CalibratedRange>> {
  const ranges = nameRecord<CalibratedRange>();
  const observe: NodeObserver = (name, values) => {
    let { min, max } = ranges[name] ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    ranges[name] = { min, max };
    return undefined;
  };
  await network.run(images, count, observe, onProgress);
  return ranges;
}
