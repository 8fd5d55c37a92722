/**
 * CIFAR-10 in its binary version: records of 3,073 bytes, a label 0 … 9 and 32 × 32 pixels, all red ones first, then green,
 * then blue. Read by ranges. Source: the CIFAR-10 page of Krizhevsky.
 */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { withFile } from "../../files.ts";
import type { PictureSource } from "../dataset.ts";
import type { ImageShape } from "../image-shape.ts";

const SIDE = 32;
const PIXELS = SIDE * SIDE;
const CLASSES = 10;
const SHAPE: ImageShape = [SIDE, SIDE, 3];

/** Bytes of one record. */
export const CIFAR10_RECORD: number = 1 + 3 * PIXELS;

/** Several files are one data set, in the order given. */
export async function openCifar10(name: string, paths: readonly string[]): Promise<PictureSource> {
  const files: { readonly path: string; readonly first: number; readonly count: number }[] = [];
  let total = 0;
  for (const path of paths) {
    const size = await withFile(path, async (file) => file.size);
    if (size === 0 || size % CIFAR10_RECORD !== 0) {
      throw diagnosticError(
        "CIFAR_FILE",
        path,
        `${size} bytes, expected records of ${CIFAR10_RECORD} bytes`,
        "give test_batch.bin or data_batch_1.bin of CIFAR-10's binary version",
      );
    }
    files.push({ path, first: total, count: size / CIFAR10_RECORD });
    total += size / CIFAR10_RECORD;
  }
  return {
    name,
    count: total,
    labelled: true,
    shape: SHAPE,
    elements: "bytes",
    async read(first, count) {
      const pictures: { shape: ImageShape; elements: Uint8Array }[] = [];
      const labels: number[] = [];
      for (const file of files) {
        const start = Math.max(first, file.first);
        const end = Math.min(first + count, file.first + file.count);
        if (start >= end) continue;
        const offset = (start - file.first) * CIFAR10_RECORD;
        const bytes = await withFile(file.path, (opened) => opened.read(offset, (end - start) * CIFAR10_RECORD));
        for (let record = 0; record < end - start; record++) {
          const at = record * CIFAR10_RECORD;
          labels.push(labelAt(bytes, at, file.path, start - file.first + record));
          pictures.push({ shape: SHAPE, elements: interleaved(bytes.subarray(at + 1, at + CIFAR10_RECORD)) });
        }
      }
      return { pictures, labels: Int32Array.from(labels) };
    },
  };
}

function labelAt(bytes: Uint8Array, at: number, path: string, record: number): number {
  const label = bytes[at] ?? CLASSES;
  if (label < CLASSES) return label;
  throw diagnosticError(
    "CIFAR_FILE",
    `${path}: record ${record}`,
    `label ${label}, expected 0 to ${CLASSES - 1}`,
    "is this CIFAR-10's binary version?",
  );
}

/** Three planes as pixels of three bytes. */
function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * PIXELS);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    for (let channel = 0; channel < 3; channel++) pixels[3 * pixel + channel] = planes[channel * PIXELS + pixel] ?? 0;
  }
  return pixels;
}
