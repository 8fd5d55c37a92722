/** Data sets whose pictures stand one behind the other as an array: in memory, or in a file that is read by ranges. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { Elements, PictureSource } from "./dataset.ts";
import { elementsOf, type ImageShape, shapeText } from "./image-shape.ts";

export interface PictureArray {
  readonly name: string;
  /** images × rows × columns [× channels], or images × features. */
  readonly shape: readonly number[];
  readonly elements: PictureSource["elements"];
  readonly labels: Int32Array | null;
  /** The elements of images `first` to `first + count − 1`. */
  read(first: number, count: number): Elements | Promise<Elements>;
}

/** Throws `DiagnosticError` for a shape that is none of images. `where` names the file. */
export function arraySource(array: PictureArray, where: string): PictureSource {
  const { count, shape } = imageShape(array.shape, where);
  const { name, elements, labels } = array;
  if (labels !== null) requireLabelCount(where, labels.length, count);
  const size = elementsOf(shape);
  return {
    name,
    count,
    labelled: labels !== null,
    shape,
    axes: array.shape.slice(1),
    elements,
    async read(first, images) {
      const all = await array.read(first, images);
      return {
        pictures: Array.from({ length: images }, (_, index) => ({
          shape,
          elements: all.subarray(index * size, (index + 1) * size),
        })),
        labels: labels === null ? null : labels.slice(first, first + images),
      };
    },
  };
}

function imageShape(shape: readonly number[], where: string): { readonly count: number; readonly shape: ImageShape } {
  const [count = 0, rows = 0, columns = 0, channels = 1] = shape;
  if (shape.length < 2 || shape.length > 4) {
    throw diagnosticError(
      "DATA",
      where,
      `found ${shape.length} dimensions, expected images × rows × columns [× channels]`,
      "is this a file of labels?",
    );
  }
  if (shape.includes(0)) {
    throw diagnosticError("DATA", where, `no images: ${shapeText(shape)}`, "give at least one image");
  }
  return { count, shape: shape.length === 2 ? [1, 1, rows] : [rows, columns, channels] };
}

/** One label for each image, or a diagnostic. */
export function requireLabelCount(where: string, labels: number, images: number): void {
  if (labels === images) return;
  throw diagnosticError(
    "DATA",
    where,
    `found ${labels} labels, expected one for each of ${images} images`,
    "use the label file that belongs to the images",
  );
}
