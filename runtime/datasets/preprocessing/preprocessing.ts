/**
 * How a stored picture becomes the network's input. In this order: resize, central crop, channels, then for every element
 * of channel c: value = (element · scale[c] + offset[c]) · 2^−inputShift, computed in double precision and rounded once to
 * float32.
 * A picture that has the size of the crop already is taken as it is: it was cropped before.
 */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import type { ImageShape } from "../image-shape.ts";

/** `stored` leaves one or three channels as they are; `grey` is one channel, 0.299 R + 0.587 G + 0.114 B. */
export const COLOURS = ["stored", "rgb", "bgr", "grey"] as const;
export type Colour = (typeof COLOURS)[number];

/** Kernels of the resize, as libvips names them. */
export const RESIZE_KERNELS = ["nearest", "linear", "cubic", "mitchell", "lanczos2", "lanczos3"] as const;
export type ResizeKernel = (typeof RESIZE_KERNELS)[number];

/** A picture's new size: its shorter side with the proportions kept, or both sides. */
export type Resize = { readonly shorterSide: number } | { readonly rows: number; readonly columns: number };

/** Rows and columns cut from the middle; an odd rest is left at the end. */
export interface Crop {
  readonly rows: number;
  readonly columns: number;
}

export interface Preprocessing {
  readonly colour: Colour;
  readonly resize: Resize | null;
  readonly resizeKernel: ResizeKernel;
  readonly crop: Crop | null;
  /** One for all channels, or one per channel in the network's order; `automatic`: 1/256 for bytes, 1 for other numbers. */
  readonly scale: number | readonly number[] | "automatic";
  readonly offset: number | readonly number[];
  /** The network's first weights are multiplied by 2^inputShift in turn, so that its values stay the same. */
  readonly inputShift: number;
}

/** As a result holds it: nothing depends on the data any more. */
export interface ResolvedPreprocessing extends Preprocessing {
  readonly scale: number | readonly number[];
}

export const DEFAULT_PREPROCESSING: Preprocessing = {
  colour: "stored",
  resize: null,
  resizeKernel: "linear",
  crop: null,
  scale: "automatic",
  offset: 0,
  inputShift: 0,
};

export const PREPROCESSING_LIMITS: {
  readonly side: number;
  readonly pixels: number;
  readonly channels: number;
  readonly inputShift: number;
} = {
  /** Rows or columns after resize or crop. */
  side: 16_384,
  /** Rows × columns of a picture, decoded or resized: 2^26, so that no file makes more than 200 MB of one picture. */
  pixels: 2 ** 26,
  /** Longest list of scales or offsets. */
  channels: 1024,
  /** Of inputShift, either way. */
  inputShift: 32,
};

/** Fills `automatic`. */
export function resolvePreprocessing(
  preprocessing: Preprocessing,
  elements: "bytes" | "numbers",
): ResolvedPreprocessing {
  const { scale } = preprocessing;
  return { ...preprocessing, scale: scale === "automatic" ? (elements === "bytes" ? 1 / 256 : 1) : scale };
}

/** Rows and columns after the resize. */
export function resizedSide(rows: number, columns: number, resize: Resize): readonly [number, number] {
  if ("rows" in resize) return [resize.rows, resize.columns];
  const { shorterSide } = resize;
  const longer = (long: number, short: number): number => Math.max(1, Math.floor((shorterSide * long) / short));
  return rows <= columns ? [shorterSide, longer(columns, rows)] : [longer(rows, columns), shorterSide];
}

/** Whether a picture was cut to its size before, so that neither resize nor crop touches it. */
export function isCropped([rows, columns]: ImageShape, { crop }: Preprocessing): boolean {
  return crop !== null && crop.rows === rows && crop.columns === columns;
}

/** Shape of a picture of the given shape after preprocessing. Throws `DiagnosticError` where it cannot be. */
export function preprocessedShape(shape: ImageShape, preprocessing: Preprocessing, where: string): ImageShape {
  const { resize, crop, colour } = preprocessing;
  const channels = channelsAfter(shape[2], colour, where);
  let [rows, columns] = shape;
  if (!isCropped(shape, preprocessing)) {
    if (resize !== null) [rows, columns] = resizedSide(rows, columns, resize);
    if (rows * columns > PREPROCESSING_LIMITS.pixels) {
      throw diagnosticError(
        "PREPROCESSING",
        where,
        `${shape[0]} × ${shape[1]} would be resized to ${rows} × ${columns}, more than ${PREPROCESSING_LIMITS.pixels} pixels`,
        "leave the picture out, or resize to rows x columns",
      );
    }
    if (crop !== null) {
      if (crop.rows > rows || crop.columns > columns) {
        throw diagnosticError(
          "PREPROCESSING",
          where,
          `${rows} × ${columns} pixels, fewer than the crop of ${crop.rows} × ${crop.columns}`,
          "resize to at least that size before",
        );
      }
      [rows, columns] = [crop.rows, crop.columns];
    }
  }
  checkChannels(preprocessing, channels);
  return [rows, columns, channels];
}

function channelsAfter(channels: number, colour: Colour, where: string): number {
  if (colour === "stored") return channels;
  if (channels !== 1 && channels !== 3) {
    throw diagnosticError(
      "PREPROCESSING",
      where,
      `${channels} channels cannot become ${colour}`,
      "leave the colour as stored",
    );
  }
  return colour === "grey" ? 1 : 3;
}

/** Every list has one entry per channel. */
function checkChannels({ scale, offset }: Preprocessing, channels: number): void {
  for (const [name, value] of Object.entries({ scale, offset })) {
    if (typeof value !== "object" || value.length === channels) continue;
    throw diagnosticError(
      "PREPROCESSING",
      `preprocessing: ${name}`,
      `${value.length} values for ${channels} ${channels === 1 ? "channel" : "channels"}`,
      "give one value, or one per channel",
    );
  }
}
