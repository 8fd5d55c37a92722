/** A small network and a small data set as files, for tests of everything that reads files. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeIdx } from "../../runtime/datasets/formats/idx.ts";
import { functionalModel } from "../compiler/importers/keras-json.ts";
import type { SavedModel } from "../compiler/importers/saved-model.ts";

const inbound = (...names: string[]): unknown => [names.map((name) => [name, 0, 0, {}])];

/** 6 × 5 × 1 image → convolution with ReLU → uneven pool → dense with softmax, seven classes. */
export function smallModel(): SavedModel {
  return functionalModel(
    [6, 5, 1],
    [
      {
        className: "Conv2D",
        name: "conv1",
        config: { filters: 3, kernel_size: [3, 2], strides: [1, 1], padding: "valid", activation: "relu" },
        inbound: inbound("image"),
        weights: { kernel: [3, 2, 1, 3], bias: [3] },
      },
      {
        className: "MaxPooling2D",
        name: "pool1",
        config: { pool_size: [2, 2], strides: [2, 2], padding: "same" },
        inbound: inbound("conv1"),
      },
      { className: "Flatten", name: "flat", config: {}, inbound: inbound("pool1") },
      {
        className: "Dense",
        name: "fc1",
        config: { units: 7, activation: "softmax" },
        inbound: inbound("flat"),
        weights: { kernel: [12, 7], bias: [7] },
      },
    ],
  );
}

/** Every layer that the machine runs, in order. */
export const SMALL_LAYERS = ["conv1", "pool1", "fc1"] as const;

export const SMALL_CLASSES = 7;

/** `count` images of 6 × 5 bytes and labels 0 … 6, the same for the same count. */
export function smallImages(count: number): { readonly images: Uint8Array; readonly labels: Uint8Array } {
  const pixels = Uint8Array.from({ length: count * 30 }, (_, index) => (index * 89 + (index >> 3) * 31) % 256);
  const labels = Uint8Array.from({ length: count }, (_, index) => (index * 3) % SMALL_CLASSES);
  return {
    images: writeIdx({ shape: [count, 6, 5], data: pixels }),
    labels: writeIdx({ shape: [count], data: labels }),
  };
}

export interface SmallFiles {
  /** model.json; its shard lies beside it. */
  readonly model: string;
  readonly shard: string;
  /** Folder with both IDX files. */
  readonly data: string;
  readonly images: string;
  readonly labels: string;
}

/** Writes network and data into a folder. */
export async function writeSmallFiles(folder: string, count = 12): Promise<SmallFiles> {
  const files: SmallFiles = {
    model: join(folder, "network", "model.json"),
    shard: join(folder, "network", "group1-shard1of1.bin"),
    data: join(folder, "data"),
    images: join(folder, "data", "small-images.idx"),
    labels: join(folder, "data", "small-labels.idx"),
  };
  await mkdir(join(folder, "network"), { recursive: true });
  await mkdir(files.data, { recursive: true });
  const { json, weights } = smallModel();
  const { images, labels } = smallImages(count);
  await writeFile(files.model, JSON.stringify(json));
  await writeFile(files.shard, weights);
  await writeFile(files.images, images);
  await writeFile(files.labels, labels);
  return files;
}
