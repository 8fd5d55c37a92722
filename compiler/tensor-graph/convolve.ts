/**
 * Convolution and transposed convolution of up to three spatial axes over float64 arrays. One sum per output element, in
 * the order channel, kernel position; integers up to 2^53 stay exact.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import { type WindowAxis, windowRange } from "./windows.ts";

export interface ConvolutionShape {
  readonly batch: number;
  readonly groups: number;
  /** Channels of the input per group. */
  readonly channels: number;
  /** Channels of the output per group. */
  readonly filters: number;
  /** One to three spatial axes. */
  readonly axes: readonly WindowAxis[];
}

/** The kernel positions of one axis with the windows that each of them may serve. */
interface AxisTable {
  readonly stride: number;
  readonly kernel: number;
  /** Position of kernel element k for window 0. */
  readonly shift: Int32Array;
  readonly first: Int32Array;
  readonly end: Int32Array;
}

interface Sides {
  readonly planes: readonly [AxisTable, AxisTable, AxisTable];
  /** Sizes of the side with one element per window. */
  readonly windows: readonly number[];
  /** Sizes of the side that the windows slide over. */
  readonly elements: readonly number[];
}

/**
 * `x`: batch × groups·channels × input positions, `w`: groups·filters × channels × kernel positions; returns
 * batch × groups·filters × output positions.
 */
export function convolve(x: Float64Array, w: Float64Array, shape: ConvolutionShape): Float64Array {
  const { batch, groups, channels, filters, axes } = shape;
  const sides = sidesOf(axes, false);
  const windows = product(sides.windows);
  const elements = product(sides.elements);
  const kernel = product(axes.map((axis) => axis.kernel));
  const y = new Float64Array(batch * groups * filters * windows);
  for (let image = 0; image < batch; image++) {
    for (let filter = 0; filter < groups * filters; filter++) {
      const group = Math.floor(filter / filters);
      const target = (image * groups * filters + filter) * windows;
      for (let channel = 0; channel < channels; channel++) {
        const source = ((image * groups + group) * channels + channel) * elements;
        gather(y, target, x, source, w, (filter * channels + channel) * kernel, sides);
      }
    }
  }
  return y;
}

/**
 * `x`: batch × groups·channels × input positions, `w`: groups·channels × filters × kernel positions; returns
 * batch × groups·filters × output positions. Axes as `transposedWindows` gives them.
 */
export function convolveTransposed(x: Float64Array, w: Float64Array, shape: ConvolutionShape): Float64Array {
  const { batch, groups, channels, filters, axes } = shape;
  const sides = sidesOf(axes, true);
  const windows = product(sides.windows);
  const elements = product(sides.elements);
  const kernel = product(axes.map((axis) => axis.kernel));
  const y = new Float64Array(batch * groups * filters * elements);
  for (let image = 0; image < batch; image++) {
    for (let channel = 0; channel < groups * channels; channel++) {
      const group = Math.floor(channel / channels);
      const source = (image * groups * channels + channel) * windows;
      for (let filter = 0; filter < filters; filter++) {
        const target = ((image * groups + group) * filters + filter) * elements;
        scatter(y, target, x, source, w, (channel * filters + filter) * kernel, sides);
      }
    }
  }
  return y;
}

/** Adds one channel, weighted and summed over the kernel, to one plane of the output. */
function gather(
  y: Float64Array,
  target: number,
  x: Float64Array,
  source: number,
  w: Float64Array,
  weights: number,
  { planes: [deep, rows, columns], windows, elements }: Sides,
): void {
  const windowRows = windows[1] ?? 1;
  const windowColumns = windows[2] ?? 1;
  const elementRows = elements[1] ?? 1;
  const elementColumns = elements[2] ?? 1;
  let weight = weights;
  for (let kd = 0; kd < deep.kernel; kd++) {
    for (let kr = 0; kr < rows.kernel; kr++) {
      for (let kc = 0; kc < columns.kernel; kc++) {
        const factor = w[weight++] as number;
        const first = columns.first[kc] as number;
        const count = (columns.end[kc] as number) - first;
        const start = (columns.shift[kc] as number) + first * columns.stride;
        for (let d = deep.first[kd] as number; d < (deep.end[kd] as number); d++) {
          const plane = (d * deep.stride + (deep.shift[kd] as number)) * elementRows;
          for (let r = rows.first[kr] as number; r < (rows.end[kr] as number); r++) {
            let from = source + (plane + r * rows.stride + (rows.shift[kr] as number)) * elementColumns + start;
            let to = target + (d * windowRows + r) * windowColumns + first;
            for (const last = to + count; to < last; to++) {
              y[to] = (y[to] as number) + factor * (x[from] as number);
              from += columns.stride;
            }
          }
        }
      }
    }
  }
}

/** Adds one channel of the input, spread by the kernel, to one plane of the output. */
function scatter(
  y: Float64Array,
  target: number,
  x: Float64Array,
  source: number,
  w: Float64Array,
  weights: number,
  { planes: [deep, rows, columns], windows, elements }: Sides,
): void {
  const windowRows = windows[1] ?? 1;
  const windowColumns = windows[2] ?? 1;
  const elementRows = elements[1] ?? 1;
  const elementColumns = elements[2] ?? 1;
  let weight = weights;
  for (let kd = 0; kd < deep.kernel; kd++) {
    for (let kr = 0; kr < rows.kernel; kr++) {
      for (let kc = 0; kc < columns.kernel; kc++) {
        const factor = w[weight++] as number;
        const first = columns.first[kc] as number;
        const count = (columns.end[kc] as number) - first;
        const start = (columns.shift[kc] as number) + first * columns.stride;
        for (let d = deep.first[kd] as number; d < (deep.end[kd] as number); d++) {
          const plane = (d * deep.stride + (deep.shift[kd] as number)) * elementRows;
          for (let r = rows.first[kr] as number; r < (rows.end[kr] as number); r++) {
            let to = target + (plane + r * rows.stride + (rows.shift[kr] as number)) * elementColumns + start;
            let from = source + (d * windowRows + r) * windowColumns + first;
            for (const last = from + count; from < last; from++) {
              y[to] = (y[to] as number) + factor * (x[from] as number);
              to += columns.stride;
            }
          }
        }
      }
    }
  }
}

/** The axes filled up to three with axes of one element; `transposed`: the windows are on the input's side. */
function sidesOf(axes: readonly WindowAxis[], transposed: boolean): Sides {
  const one: WindowAxis = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, excess: 0 };
  if (axes.length > 3) throw new InvariantError(`convolution of ${axes.length} spatial axes`);
  const all = [...Array.from({ length: 3 - axes.length }, () => one), ...axes];
  const [deep = one, rows = one, columns = one] = all;
  const tableOf = (axis: WindowAxis): AxisTable => {
    const [windows, elements] = transposed ? [axis.input, axis.output] : [axis.output, axis.input];
    const table = {
      stride: axis.stride,
      kernel: axis.kernel,
      shift: new Int32Array(axis.kernel),
      first: new Int32Array(axis.kernel),
      end: new Int32Array(axis.kernel),
    };
    for (let k = 0; k < axis.kernel; k++) {
      const [first, end] = windowRange(axis, k, windows, elements);
      table.shift[k] = k * axis.dilation - axis.before;
      table.first[k] = first;
      table.end[k] = end;
    }
    return table;
  };
  return {
    planes: [tableOf(deep), tableOf(rows), tableOf(columns)],
    windows: all.map((axis) => (transposed ? axis.input : axis.output)),
    elements: all.map((axis) => (transposed ? axis.output : axis.input)),
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
