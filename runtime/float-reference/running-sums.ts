/**
 * The sums of a layer as they grow, term by term in the order of k: how far an accumulator reaches before its sum is whole. Every sum
 * of consecutive terms counts, wherever it begins: dataflows sum in groups of their own, all of which are such parts.
 */
import type { Conv2dNode, ConvTranspose2dNode, DenseNode, PoolNode } from "../../compiler/graph/graph.ts";
import type { MeasuredRange } from "./measured-range.ts";
import { type Tap, windowTaps } from "./window-taps.ts";

/** Adds the sums of consecutive terms of some outputs of one image to `range`; positions are numbered row by row. */
export type RunningSums = (image: Float32Array, positions: Iterable<number>, range: MeasuredRange) => void;

export interface SummedLayer {
  /** Output positions of an image; all channels of one are followed together. */
  readonly positions: number;
  /** Additions for one position. */
  readonly additions: number;
  readonly follow: RunningSums;
}

type ImageShape = readonly [rows: number, columns: number, channels: number];

/** Input channel c, ascending, of every output channel n of the channel's own group. */
export function convolutionSums(node: Conv2dNode | ConvTranspose2dNode, input: ImageShape): SummedLayer {
  const [kernelRows = 1, kernelColumns = 1, groupChannels = 1, filters = 1] = node.kernel.shape;
  const { data: weights } = node.kernel;
  const [, columns, channels] = input;
  const groupFilters = filters / node.groups;
  const { positions, taps } = outputTaps(node, input);
  const [highest, lowest] = [new Float64Array(groupFilters), new Float64Array(groupFilters)];
  const follow: RunningSums = (image, chosen, range) => {
    let { min, max } = range;
    for (const position of chosen) {
      const [rowTaps, columnTaps] = taps(position);
      for (let group = 0; group < node.groups; group++) {
        highest.fill(0);
        lowest.fill(0);
        for (const row of rowTaps) {
          for (const column of columnTaps) {
            const source = (row.source * columns + column.source) * channels + group * groupChannels;
            const place = (row.kernel * kernelColumns + column.kernel) * groupChannels;
            for (let channel = 0; channel < groupChannels; channel++) {
              const x = image[source + channel] as number;
              if (x === 0) continue;
              const first = (place + channel) * filters + group * groupFilters;
              for (let filter = 0; filter < groupFilters; filter++) {
                const term = x * (weights[first + filter] as number);
                const up = Math.max(highest[filter] as number, 0) + term;
                const down = Math.min(lowest[filter] as number, 0) + term;
                highest[filter] = up;
                lowest[filter] = down;
                if (up > max) max = up;
                if (down < min) min = down;
              }
            }
          }
        }
      }
    }
    range.add(min).add(max);
  };
  return { positions, additions: kernelRows * kernelColumns * groupChannels * filters, follow };
}

/** Features in the order of the kernel's rows. */
export function denseSums(node: DenseNode, input: ImageShape): SummedLayer {
  const [features = 1, units = 1] = node.kernel.shape;
  const { data: weights } = node.kernel;
  const order = featureOrder(node, input);
  const [highest, lowest] = [new Float64Array(units), new Float64Array(units)];
  const follow: RunningSums = (image, chosen, range) => {
    let { min, max } = range;
    for (const _position of chosen) {
      highest.fill(0);
      lowest.fill(0);
      for (let feature = 0; feature < features; feature++) {
        const x = image[order(feature)] as number;
        if (x === 0) continue;
        const first = feature * units;
        for (let unit = 0; unit < units; unit++) {
          const term = x * (weights[first + unit] as number);
          const up = Math.max(highest[unit] as number, 0) + term;
          const down = Math.min(lowest[unit] as number, 0) + term;
          highest[unit] = up;
          lowest[unit] = down;
          if (up > max) max = up;
          if (down < min) min = down;
        }
      }
    }
    range.add(min).add(max);
  };
  return { positions: 1, additions: features * units, follow };
}

/** Values of a window, row by row, of every channel by itself. */
export function poolSums(node: PoolNode, input: ImageShape): SummedLayer {
  const [, columns, channels] = input;
  const { positions, taps } = outputTaps(node, input);
  const follow: RunningSums = (image, chosen, range) => {
    let { min, max } = range;
    for (const position of chosen) {
      const [rowTaps, columnTaps] = taps(position);
      for (let channel = 0; channel < channels; channel++) {
        let [up, down] = [0, 0];
        for (const row of rowTaps) {
          for (const column of columnTaps) {
            const term = image[(row.source * columns + column.source) * channels + channel] as number;
            up = Math.max(up, 0) + term;
            down = Math.min(down, 0) + term;
            if (up > max) max = up;
            if (down < min) min = down;
          }
        }
      }
    }
    range.add(min).add(max);
  };
  return { positions, additions: node.kernel[0] * node.kernel[1] * channels, follow };
}

/** Where the value of row `feature` of a dense kernel lies in an image whose channels come last. */
export function featureOrder(node: DenseNode, [rows, columns, channels]: ImageShape): (feature: number) => number {
  if (node.inputOrder === "as stored") return (feature) => feature;
  const pixels = rows * columns;
  return (feature) => (feature % pixels) * channels + Math.floor(feature / pixels);
}

function outputTaps(
  node: Conv2dNode | ConvTranspose2dNode | PoolNode,
  [rows, columns]: ImageShape,
): {
  readonly positions: number;
  readonly taps: (position: number) => readonly [rows: readonly Tap[], columns: readonly Tap[]];
} {
  const [outputRows = 1, outputColumns = 1] = node.shape;
  const rowTaps = windowTaps(node, 0, rows, outputRows);
  const columnTaps = windowTaps(node, 1, columns, outputColumns);
  return {
    positions: outputRows * outputColumns,
    taps: (position) => [
      rowTaps[Math.floor(position / outputColumns)] ?? [],
      columnTaps[position % outputColumns] ?? [],
    ],
  };
}
