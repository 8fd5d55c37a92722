/** Pictures through preprocessing: geometry, channels, scale and offset. */
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { Dataset, Picture, PictureSource } from "../dataset.ts";
import { elementsOf, type ImageShape, shapeText } from "../image-shape.ts";
import { resizePicture } from "./pictures.ts";
import {
  isCropped,
  type Preprocessing,
  preprocessedShape,
  type ResolvedPreprocessing,
  resizedSide,
  resolvePreprocessing,
} from "./preprocessing.ts";

/** Pictures that are resized at the same time. */
const SIDE_BY_SIDE = 8;

/** A data set of what the network sees. Throws `DiagnosticError` where the pictures do not suit the preprocessing. */
export function preprocessedDataset(source: PictureSource, preprocessing: Preprocessing): Dataset {
  const resolved = resolvePreprocessing(preprocessing, source.elements);
  const shape = preprocessedShape(source.shape, resolved, source.name);
  const convert = elementConverter(resolved, shape[2], source.elements);
  const size = elementsOf(shape);
  return {
    name: source.name,
    shape,
    count: source.count,
    labelled: source.labelled,
    ...(source.classNames && { classNames: source.classNames }),
    preprocessing: resolved,
    layout: source.layout ?? { order: "picture", guessed: false, stored: source.shape },
    async read(first, count) {
      if (first < 0 || count < 0 || first + count > source.count) {
        throw new InvariantError(`images ${first} to ${first + count} of ${source.count}`);
      }
      const { pictures, labels, places } = await source.read(first, count);
      const values = new Float32Array(count * size);
      for (let start = 0; start < count; start += SIDE_BY_SIDE) {
        await Promise.all(
          pictures.slice(start, start + SIDE_BY_SIDE).map(async (picture, index) => {
            const where = places?.[start + index] ?? source.name;
            const sized = await inSize(picture, resolved, where);
            const placed = inChannels(sized, colourOf(sized, shape, resolved));
            requireSame(placed.shape, shape, where);
            convert(placed, values, (start + index) * size);
          }),
        );
      }
      return { count, values, labels };
    },
  };
}

async function inSize(picture: Picture, preprocessing: Preprocessing, where: string): Promise<Picture> {
  const { resize, crop, resizeKernel } = preprocessing;
  if ((resize === null && crop === null) || isCropped(picture.shape, preprocessing)) return picture;
  preprocessedShape(picture.shape, preprocessing, where);
  let sized = picture;
  if (resize !== null) {
    const [rows, columns] = resizedSide(picture.shape[0], picture.shape[1], resize);
    sized = await resizePicture(picture, rows, columns, resizeKernel, where);
  }
  return crop === null ? sized : cropped(sized, crop.rows, crop.columns);
}

function cropped({ shape, elements }: Picture, rows: number, columns: number): Picture {
  const [height, width, channels] = shape;
  const top = Math.floor((height - rows) / 2);
  const left = Math.floor((width - columns) / 2);
  const length = rows * columns * channels;
  const part = elements instanceof Uint8Array ? new Uint8Array(length) : new Float64Array(length);
  for (let row = 0; row < rows; row++) {
    const from = ((top + row) * width + left) * channels;
    part.set(elements.subarray(from, from + columns * channels), row * columns * channels);
  }
  return { shape: [rows, columns, channels], elements: part };
}

/** Grey pictures among coloured ones get three equal channels, which loses nothing. */
function colourOf({ shape }: Picture, target: ImageShape, { colour }: Preprocessing): Preprocessing["colour"] {
  return colour === "stored" && shape[2] === 1 && target[2] === 3 ? "rgb" : colour;
}

function inChannels(picture: Picture, colour: Preprocessing["colour"]): Picture {
  const { shape, elements } = picture;
  const [rows, columns, channels] = shape;
  const wanted = colour === "grey" ? 1 : 3;
  if (colour === "stored" || (channels === wanted && colour !== "bgr")) return picture;
  const pixels = rows * columns;
  const isBytes = elements instanceof Uint8Array;
  const out = isBytes ? new Uint8Array(pixels * wanted) : new Float64Array(pixels * wanted);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * channels;
    const red = elements[from] ?? 0;
    const green = channels === 1 ? red : (elements[from + 1] ?? 0);
    const blue = channels === 1 ? red : (elements[from + 2] ?? 0);
    if (wanted === 1) {
      // ITU-R BT.601; bytes in sixteenth-bit integers, rounded, as Pillow has it.
      out[pixel] = isBytes
        ? (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
        : 0.299 * red + 0.587 * green + 0.114 * blue;
      continue;
    }
    out[3 * pixel] = colour === "bgr" ? blue : red;
    out[3 * pixel + 1] = green;
    out[3 * pixel + 2] = colour === "bgr" ? red : blue;
  }
  return { shape: [rows, columns, wanted], elements: out };
}

function requireSame(found: ImageShape, expected: ImageShape, where: string): void {
  if (found.every((side, index) => side === expected[index])) return;
  throw diagnosticError(
    "DATA_SHAPE",
    where,
    `a picture of ${shapeText(found)} among pictures of ${shapeText(expected)}`,
    "bring all to one size and colour: --resize 256 --crop 224 --colour rgb",
  );
}

type Convert = (picture: Picture, values: Float32Array, at: number) => void;

/** (element · scale + offset) · 2^−inputShift, through a table where elements are bytes. Throws where a byte would leave float32. */
function elementConverter(
  { scale, offset, inputShift }: ResolvedPreprocessing,
  channels: number,
  elements: PictureSource["elements"],
): Convert {
  const perChannel = (value: number | readonly number[]): Float64Array =>
    Float64Array.from(
      { length: channels },
      (_, channel) => (typeof value === "number" ? value : (value[channel] ?? Number.NaN)) * 2 ** -inputShift,
    );
  const [scales, offsets] = [perChannel(scale), perChannel(offset)];
  if (elements === "numbers") return convertNumbers(scales, offsets);
  const tables = Array.from(scales, (factor, channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => byte * factor + (offsets[channel] ?? 0)),
  );
  if (!tables.every((table) => table.every(Number.isFinite))) {
    const what = `bytes × ${scale} + ${offset} leave the range of float32`;
    throw diagnosticError("PREPROCESSING", "preprocessing", what, "choose a smaller scale, e.g. 1/256");
  }
  return ({ elements: bytes }, values, at) => {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Float32Array;
      for (let index = channel; index < bytes.length; index += channels) {
        values[at + index] = table[bytes[index] ?? 0] ?? 0;
      }
    }
  };
}

function convertNumbers(scales: Float64Array, offsets: Float64Array): Convert {
  return ({ elements }, values, at) => {
    for (let index = 0; index < elements.length; index++) {
      const channel = index % scales.length;
      values[at + index] = (elements[index] ?? 0) * (scales[channel] ?? 1) + (offsets[channel] ?? 0);
    }
    if (values.subarray(at, at + elements.length).every(Number.isFinite)) return;
    throw diagnosticError(
      "PREPROCESSING",
      "preprocessing",
      "a stored number is not finite, or leaves the range of float32 when scaled",
      "clean the data, or choose a smaller scale",
    );
  };
}
