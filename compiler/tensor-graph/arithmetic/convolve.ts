/**
 * Convolution and transposed convolution (of up to three spatial axes) over float64 arrays. One sum per output element, in
 * the order channel, kernel position; integers up to 2^53 stay exact.
 */
import { InvariantError } from "../../../isa/diagnostic.ts";
import { multiplyBlock } from "./matrix-product.ts";
import { type WindowAxis, windowRange } from "./windows.ts";

export interface ConvolutionShape {
  readonly batch: number;
  readonly groups: number;
  /** Channels of the input per group. */
  readonly channels: number;
  /** Channels of the output per group. */
  readonly filters: number;
  /** The spatial axes. */
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

/** Windows that are computed together: their elements stand in one panel of kernel elements × windows. */
const PANEL_WINDOWS = 64;

/** The most elements of a panel, where four windows have no more. */
const PANEL_ELEMENTS = 2 ** 20;

/**
 * `x`: batch × groups·channels × input positions, `w`: groups·filters × channels × kernel positions; returns
 * batch × groups·filters × output positions. Padding counts as zeros.
 */
export function convolve(x: Float64Array, w: Float64Array, shape: ConvolutionShape): Float64Array {
  const { batch, groups, channels, filters, axes } = shape;
  const windows = product(axes.map((axis) => axis.output));
  const elements = product(axes.map((axis) => axis.input));
  const kernel = product(axes.map((axis) => axis.kernel));
  const y = new Float64Array(batch * groups * filters * windows);
  const inner = channels * kernel;
  if (y.length === 0 || inner === 0) return y;
  const most = Math.max(4, Math.min(PANEL_WINDOWS, Math.floor(PANEL_ELEMENTS / inner)));
  for (let first = 0; first < windows; first += most) {
    const count = Math.min(most, windows - first);
    const places = kernelPlaces(axes, first, count);
    const panel = new Float64Array(inner * count);
    for (let part = 0; part < batch * groups; part++) {
      const image = Math.floor(part / groups);
      const group = part % groups;
      for (let channel = 0; channel < channels; channel++) {
        const source = ((image * groups + group) * channels + channel) * elements;
        const target = channel * places.length;
        for (let index = 0; index < places.length; index++) {
          const place = places[index] as number;
          panel[target + index] = place < 0 ? 0 : (x[source + place] as number);
        }
      }
      multiplyBlock(
        { data: y, start: part * filters * windows + first, stride: windows },
        w.subarray(group * filters * inner, (group + 1) * filters * inner),
        panel,
        filters,
        inner,
        count,
      );
    }
  }
  return y;
}

/** Kernel positions × `count` windows from `first`: the position of the input there, −1 in padding. */
function kernelPlaces(axes: readonly WindowAxis[], first: number, count: number): Int32Array {
  let places = new Int32Array(count);
  let kernels = 1;
  let remaining = product(axes.map((axis) => axis.output));
  for (const { input, output, kernel, stride, dilation, before } of axes) {
    remaining /= output;
    const next = new Int32Array(kernels * kernel * count);
    for (let index = 0; index < next.length; index++) {
      const at = index % count;
      const k = Math.floor(index / count) % kernel;
      const outer = places[Math.floor(index / (count * kernel)) * count + at] as number;
      const window = Math.floor((first + at) / remaining) % output;
      const position = window * stride - before + k * dilation;
      next[index] = outer < 0 || position < 0 || position >= input ? -1 : outer * input + position;
    }
    places = next;
    kernels *= kernel;
  }
  return places;
}

/**
 * `x`: batch × groups·channels × input positions, `w`: groups·channels × filters × kernel positions; returns
 * batch × groups·filters × output positions. Axes as `transposedWindows` gives them.
 */
export function convolveTransposed(x: Float64Array, w: Float64Array, shape: ConvolutionShape): Float64Array {
  const { batch, groups, channels, filters, axes } = shape;
  const sides = sidesOf(axes);
  const windows = product(sides.windows);
  const elements = product(sides.elements);
  const kernel = product(axes.map((axis) => axis.kernel));
  const y = new Float64Array(batch * groups * filters * elements);
  if (y.length === 0 || x.length === 0) return y;
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

/** The axes of a transposed convolution filled up to three with axes of one element. */
function sidesOf(axes: readonly WindowAxis[]): Sides {
  const one: WindowAxis = { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, excess: 0 };
  if (axes.length > 3) throw new InvariantError(`convolution of ${axes.length} spatial axes`);
  const all = [...Array.from({ length: 3 - axes.length }, () => one), ...axes];
  const [deep = one, rows = one, columns = one] = all;
  const tableOf = (axis: WindowAxis): AxisTable => {
    const table = {
      stride: axis.stride,
      kernel: axis.kernel,
      shift: new Int32Array(axis.kernel),
      first: new Int32Array(axis.kernel),
      end: new Int32Array(axis.kernel),
    };
    for (let k = 0; k < axis.kernel; k++) {
      const [first, end] = windowRange(axis, k, axis.input, axis.output);
      table.shift[k] = k * axis.dilation - axis.before;
      table.first[k] = first;
      table.end[k] = end;
    }
    return table;
  };
  return {
    planes: [tableOf(deep), tableOf(rows), tableOf(columns)],
    windows: all.map((axis) => axis.input),
    elements: all.map((axis) => axis.output),
  };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
