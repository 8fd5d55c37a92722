import { z } from "zod";
import { elementCount, type Program } from "../../isa/program/program.ts";
import type { RunConfiguration } from "../configuration.ts";
import type { Dataset, ImageBatch } from "../datasets/dataset.ts";
import { elementsOf } from "../datasets/image-shape.ts";
import { openDataset } from "../datasets/open-dataset.ts";
import type { NetworkInputShape } from "../datasets/preprocessing/layout.ts";
import { tensorSymbol } from "./host-input.ts";

/** Values of the images of one batch, 32 MiB: memory follows the image, not the data set. */
const BATCH_BYTES = 2 ** 25;

/** The data set of a configuration for a network with the given input. */
export function openData(configuration: RunConfiguration, input: NetworkInputShape, images: number): Promise<Dataset> {
  const { data, labels, labelNames, labelOffset, layout, preprocessing } = configuration;
  return openDataset(data, { labels, labelNames, labelOffset, layout, preprocessing, images, input });
}

const declaredInput: z.ZodType<NetworkInputShape["declared"]> = z
  .strictObject({ shape: z.array(z.int().min(1)).max(3), order: z.array(z.int().min(0).max(2)).max(3) })
  .refine(({ shape, order }) => order.toSorted((a, b) => a - b).every((axis, index) => axis === index && shape[axis]))
  .optional()
  .catch(undefined);

/** The input of a compiled program: what its model file declared is in its metadata. */
export function programInput(program: Program): NetworkInputShape {
  const { shape } = tensorSymbol(program, program.input);
  const declared = declaredInput.parse(program.metadata.declaredInput);
  const isSame = declared !== undefined && elementCount(declared.shape) === elementCount(shape);
  return isSame ? { shape, declared } : { shape };
}

/** What a run's configuration says of data once they are open, so that nothing is guessed or automatic when it is repeated. */
export function dataConfiguration({ preprocessing, layout }: Dataset): Partial<RunConfiguration> {
  return layout.order === "picture" ? { preprocessing } : { preprocessing, layout: layout.order };
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
