/**
 * Decoding of JPEG and PNG, and resizing, through libvips (`sharp`, which is imported here and nowhere else, and only when a
 * picture comes up). Colour profiles and orientation tags are not applied, as in the pipelines networks were trained with;
 * an alpha channel is dropped; CMYK becomes RGB; 16 bits become 8.
 */
import type { Sharp, SharpOptions } from "sharp";
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import type { Picture } from "../dataset.ts";
import type { ImageShape } from "../image-shape.ts";
import { PREPROCESSING_LIMITS, type ResizeKernel } from "./preprocessing.ts";

/** Largest picture file that is read, 256 MiB. */
export const PICTURE_FILE_LIMIT: number = 2 ** 28;

type Open = (input: Uint8Array, options?: SharpOptions) => Sharp;

let opened: Promise<Open> | undefined;

async function loadSharp(): Promise<Open> {
  opened ??= import("sharp").then(
    ({ default: sharp }) => {
      // Every picture is read once, and pictures are decoded side by side already.
      sharp.cache(false);
      sharp.concurrency(1);
      return sharp;
    },
    (error: unknown) => {
      opened = undefined;
      const what = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
      throw diagnosticError("PICTURE", "sharp", `cannot be loaded: ${what}`, "install sharp for this platform");
    },
  );
  return opened;
}

/** Whether bytes start as a JPEG or PNG file does. */
export function isPicture(bytes: Uint8Array): boolean {
  const starts = (...magic: number[]): boolean => magic.every((byte, index) => bytes[index] === byte);
  return starts(0xff, 0xd8, 0xff) || starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
}

/** Name endings of picture files. */
export const PICTURE_NAME: RegExp = /\.(jpe?g|png)$/i;

/** Rows, columns and channels (1 or 3) of a picture file, from its header. */
export async function pictureShape(bytes: Uint8Array, where: string): Promise<ImageShape> {
  const sharp = await openPicture(bytes, where);
  const { width, height, space } = await attempt(where, () => sharp.metadata());
  checkPixels(height, width, where);
  return [height, width, space === "b-w" || space === "grey16" ? 1 : 3];
}

/** The pixels of a JPEG or PNG file, one or three bytes each. Sizes are checked before memory for pixels is taken. */
export async function decodePicture(bytes: Uint8Array, where: string): Promise<Picture> {
  const [, , channels] = await pictureShape(bytes, where);
  const sharp = await openPicture(bytes, where);
  const { data, info } = await attempt(where, () =>
    sharp
      .removeAlpha()
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true }),
  );
  if (info.channels !== 1 && info.channels !== 3) {
    throw corrupt(where, `${info.channels} channels, expected grey or RGB`);
  }
  return { shape: [info.height, info.width, info.channels], elements: plainBytes(data) };
}

async function openPicture(bytes: Uint8Array, where: string): Promise<Sharp> {
  // Other formats that libvips knows are not let in: some of them name further files.
  if (!isPicture(bytes)) throw corrupt(where, "neither a JPEG nor a PNG file");
  const open = await loadSharp();
  return open(bytes, { failOn: "error", limitInputPixels: PREPROCESSING_LIMITS.pixels, ignoreIcc: true });
}

/** A picture of bytes in another size; grey or RGB. */
export async function resizePicture(
  { shape, elements }: Picture,
  rows: number,
  columns: number,
  kernel: ResizeKernel,
  where: string,
): Promise<Picture> {
  const [height, width, channels] = shape;
  if (!(elements instanceof Uint8Array) || (channels !== 1 && channels !== 3)) {
    throw diagnosticError(
      "PREPROCESSING",
      where,
      `cannot resize ${channels} channels of ${elements instanceof Uint8Array ? "bytes" : "numbers"}`,
      "resize takes grey or RGB bytes; resize the data beforehand",
    );
  }
  if (height === rows && width === columns) return { shape, elements };
  const open = await loadSharp();
  const resized = open(elements, { raw: { width, height, channels }, limitInputPixels: PREPROCESSING_LIMITS.pixels })
    .resize(columns, rows, { fit: "fill", kernel, fastShrinkOnLoad: false })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw({ depth: "uchar" });
  const { data, info } = await attempt(where, () => resized.toBuffer({ resolveWithObject: true }));
  return { shape: [info.height, info.width, info.channels], elements: plainBytes(data) };
}

/** Without the ways of Node's buffers, whose `slice` shares memory. */
function plainBytes(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

function checkPixels(rows: number, columns: number, where: string): void {
  if (rows * columns <= PREPROCESSING_LIMITS.pixels) return;
  throw diagnosticError(
    "PICTURE",
    where,
    `${rows} × ${columns} pixels, expected at most ${PREPROCESSING_LIMITS.pixels}`,
    "use a smaller picture",
  );
}

async function attempt<T>(where: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw corrupt(where, error instanceof Error ? error.message : String(error));
  }
}

function corrupt(where: string, what: string): DiagnosticError {
  return diagnosticError("PICTURE", where, what, "give sound JPEG or PNG files");
}
