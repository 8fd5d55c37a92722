/**
 * In which order the axes of stored arrays stand, and how they become what the network reads. An array of the very shape that
 * the model file declares is taken as it is, in row-major order; only otherwise the order is guessed, and the result says so.
 */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { type ImageShape, shapeText } from "../image-shape.ts";

/**
 * `declared`: as the model file declares its input. `channels-last`: rows × columns × channels. `channels-first`: channels ×
 * rows × columns. `automatic`: declared where the shapes agree, else what fits.
 */
export const LAYOUTS = ["automatic", "declared", "channels-last", "channels-first"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** How a data set's elements were taken; `picture` where its file format knows rows, columns and channels itself. */
export interface FoundLayout {
  readonly order: Exclude<Layout, "automatic"> | "picture";
  /** The shapes did not say it. */
  readonly guessed: boolean;
  /** Of one stored image, for messages. */
  readonly stored: readonly number[];
}

/** The input of a network, as far as data must know it. */
export interface NetworkInputShape {
  /** As the network stores it: rows, columns, channels, or a vector. */
  readonly shape: readonly number[];
  /** As the model file declares it, and its axes as they lie in `shape`; absent where that is the same. */
  readonly declared?: { readonly shape: readonly number[]; readonly order: readonly number[] } | undefined;
}

/** Axes of the declared shape that are a picture's rows, columns and channels; null for a size of 1 that is not declared. */
type PictureAxes = readonly [rows: number | null, columns: number | null, channels: number | null];

interface Declared {
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly axes: PictureAxes;
}

function declaredOf(input: NetworkInputShape): Declared {
  const shape = input.declared?.shape ?? input.shape;
  const order = input.declared?.order ?? shape.map((_size, axis) => axis);
  return { shape, order, axes: pictureAxes(shape, order) };
}

function pictureAxes(shape: readonly number[], order: readonly number[]): PictureAxes {
  switch (shape.length) {
    case 1:
      return [null, null, 0];
    case 2:
      return order[0] === 1 ? [null, 1, 0] : [0, 1, null];
    default:
      return order.at(-1) === 0 ? [1, 2, 0] : [0, 1, 2];
  }
}

function pictureShape({ shape, axes }: Declared): ImageShape {
  const [rows, columns, channels] = axes.map((axis) => (axis === null ? 1 : (shape[axis] ?? 1)));
  return [rows ?? 1, columns ?? 1, channels ?? 1];
}

/** How the axes of one stored image are taken for a network, and where each element of the picture then stands in it. */
export function arrangeAxes(
  stored: readonly number[],
  input: NetworkInputShape | undefined,
  layout: Layout,
  where: string,
): { readonly found: FoundLayout; readonly shape: ImageShape; readonly places: Int32Array | null } {
  const declared = input === undefined ? null : declaredOf(input);
  const found = layout === "automatic" ? foundLayout(stored, declared) : { order: layout, guessed: false };
  const { shape, sizes, permutation } = arrangement(stored, found.order, declared, where);
  return { found: { ...found, stored }, shape, places: gather(sizes, permutation) };
}

/** Where each word of the network's input stands in a picture of the given shape; null for pictures of another shape. */
export function networkOrder(
  picture: ImageShape,
  input: NetworkInputShape,
): { readonly shape: ImageShape; readonly places: Int32Array | null } | null {
  const declared = declaredOf(input);
  if (!pictureShape(declared).every((size, axis) => size === picture[axis])) return null;
  const from = declared.axes.filter((axis) => axis !== null);
  const sizes = from.map((axis) => declared.shape[axis] ?? 1);
  const order = declared.order.map((axis) => from.indexOf(axis));
  const [rows = 1, columns = 1, channels = 1] = input.shape;
  const shape: ImageShape = input.shape.length === 3 ? [rows, columns, channels] : picture;
  return { shape, places: gather(sizes, order) };
}

function foundLayout(
  stored: readonly number[],
  declared: Declared | null,
): { readonly order: Exclude<Layout, "automatic">; readonly guessed: boolean } {
  // A vector takes all elements in the order in which they are stored.
  if (declared === null || declared.shape.length === 1) return { order: "channels-last", guessed: false };
  if (sameBut1(stored, declared.shape)) return { order: "declared", guessed: false };
  const picture = pictureShape(declared);
  if (sameBut1(stored, picture)) return { order: "channels-last", guessed: true };
  if (stored.length === 3 && sameBut1([stored[1] ?? 1, stored[2] ?? 1, stored[0] ?? 1], picture)) {
    return { order: "channels-first", guessed: true };
  }
  if (stored.length === 1 && product(stored) === product(declared.shape)) return { order: "declared", guessed: true };
  // Rows and columns may change on the way: the channels tell.
  const [, , channels] = picture;
  const isFirst = stored.length === 3 && stored[0] === channels && stored[2] !== channels;
  return { order: isFirst ? "channels-first" : "channels-last", guessed: true };
}

/** The picture that an array makes: its shape, and the array's sizes with the axis of each of the picture's, outermost first. */
function arrangement(
  stored: readonly number[],
  order: Exclude<Layout, "automatic">,
  declared: Declared | null,
  where: string,
): { readonly shape: ImageShape; readonly sizes: readonly number[]; readonly permutation: readonly number[] } {
  if (order === "declared") {
    if (declared === null || product(stored) !== product(declared.shape)) {
      const what = `images of ${shapeText(stored)}, and the model declares ${declared === null ? "nothing" : shapeText(declared.shape)}`;
      throw diagnosticError("DATA_SHAPE", where, what, "use data of the declared shape, or another --layout");
    }
    // Axes of size 1 more or less, or flattening, move no element.
    const permutation = declared.axes.filter((axis) => axis !== null);
    return { shape: pictureShape(declared), sizes: declared.shape, permutation };
  }
  if (order === "channels-first" && stored.length > 1) {
    const [first = 1, second = 1, third = 1] = stored;
    if (stored.length === 2) return { shape: [1, second, first], sizes: stored, permutation: [1, 0] };
    return { shape: [second, third, first], sizes: stored, permutation: [1, 2, 0] };
  }
  const isLines = stored.length === 2 && declared?.axes[0] === null && declared.shape.length === 2;
  const [a = 1, b = 1, c = 1] = stored;
  const shape: ImageShape = stored.length === 1 ? [1, 1, a] : isLines ? [1, a, b] : [a, b, c];
  return { shape, sizes: stored, permutation: stored.map((_size, axis) => axis) };
}

/** For each element of the permuted array, axis n of which is axis `permutation[n]`, its place before; null where all stay. */
function gather(shape: readonly number[], permutation: readonly number[]): Int32Array | null {
  const moving = permutation.filter((axis) => shape[axis] !== 1);
  if (moving.every((axis, position) => position === 0 || axis > (moving[position - 1] ?? -1))) return null;
  const strides = shape.map((_size, axis) => product(shape.slice(axis + 1)));
  const places = new Int32Array(product(shape));
  const index = permutation.map(() => 0);
  let place = 0;
  for (let element = 0; element < places.length; element++) {
    places[element] = place;
    for (let axis = permutation.length - 1; axis >= 0; axis--) {
      const [size, stride] = [shape[permutation[axis] ?? 0] ?? 1, strides[permutation[axis] ?? 0] ?? 1];
      const next = (index[axis] ?? 0) + 1;
      if (next < size) {
        index[axis] = next;
        place += stride;
        break;
      }
      index[axis] = 0;
      place -= (size - 1) * stride;
    }
  }
  return places;
}

/** Whether both are the same but for axes of size 1. */
function sameBut1(a: readonly number[], b: readonly number[]): boolean {
  const [left, right] = [a.filter((size) => size !== 1), b.filter((size) => size !== 1)];
  return left.length === right.length && left.every((size, axis) => size === right[axis]);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
