import type { RunConfiguration } from "../configuration.ts";
import type { Dataset, ImageBatch } from "../datasets/dataset.ts";
import { elementsOf } from "../datasets/image-shape.ts";
import { openDataset } from "../datasets/open-dataset.ts";

/** Values of the images of one batch, 32 MiB: memory follows the image, not the data set. */
const BATCH_BYTES = 2 ** 25;

/** The data set of a configuration for a network whose input has the given shape. */
export function openData(
  configuration: RunConfiguration,
  inputShape: readonly number[],
  images: number,
): Promise<Dataset> {
  const { data, labels, labelOffset, preprocessing } = configuration;
  return openDataset(data, { labels, labelOffset, preprocessing, images, inputShape });
}

/** Consecutive images of a run. */
export interface RunBatch extends ImageBatch {
  /** Number of its first image within the data. */
  readonly first: number;
}

/**
 * `count` images from image `start` on, in batches whose size depends on the images' own size alone. The next batch is read
 * while the caller works on one.
 */
export async function* imageBatches(data: Dataset, count: number, start = 0): AsyncGenerator<RunBatch, void, void> {
  const size = Math.max(1, Math.floor(BATCH_BYTES / (4 * elementsOf(data.shape))));
  const read = async (first: number): Promise<RunBatch> => ({
    first,
    ...(await data.read(first, Math.min(size, start + count - first))),
  });
  let next: Promise<RunBatch> | null = count > 0 ? read(start) : null;
  while (next !== null) {
    const batch: RunBatch = await next;
    const end = batch.first + batch.count;
    next = end < start + count ? read(end) : null;
    // A failure is thrown when the batch is asked for, not before; a caller that stops never asks.
    next?.catch(() => undefined);
    yield batch;
  }
}
