/** Loads of a matrix tile's operands and the reduction counters that run through them. */
import {
  type AxisBlock,
  blockLength,
  positionBlock,
  type Span,
  tilesAlong,
  type WindowAxis,
  windowBlock,
} from "../axis.ts";
import type { MemoryRange } from "../emitter.ts";
import { emitLoad, emitRunLoad, wordsOf } from "../layer-lowering.ts";
import { type MatrixProblem, reductionSteps, sliceChannels } from "./matrix-problem.ts";
import type { FilterTile, MatrixLayer, PixelTile } from "./matrix-tiles.ts";
import type { MatrixTiling } from "./matrix-tiling.ts";

/**
 * Steps first … first + count − 1 of the sum. In a slice they are some channels of one kernel position, or of all positions
 * where channels run outermost.
 */
export interface ReductionChunk extends Span {
  readonly kernelRow: number;
  readonly kernelColumn: number;
  readonly channel: number;
}

export interface LoadedInput {
  /** Bit address of pixel 0, step 0 of the chunk's first group. */
  readonly address: number;
  /** Positions of a block's row, and words of a position. */
  readonly columns: number;
  readonly channels: number;
  readonly range: MemoryRange;
}

export interface LoadedWeights {
  /** Bit addresses in the weight scratchpad. */
  readonly weight: number;
  readonly perFilter: PerFilterWords;
  readonly range: MemoryRange;
}

/** Addresses of a tile's bias and scale words, which lie in front of the weights of the chunk that needs them. */
export interface PerFilterWords {
  readonly bias: number;
  readonly scale: number;
  readonly range: MemoryRange;
}

/** The chunks of every sum of the layer, ascending. */
export function reductionChunks(problem: MatrixProblem, tiling: MatrixTiling): readonly ReductionChunk[] {
  const { channelsPerGroup } = problem;
  if (tiling.residency === "window") {
    const steps = reductionSteps(problem);
    return tilesAlong(steps, tiling.steps).map((span) => ({ ...span, kernelRow: 0, kernelColumn: 0, channel: 0 }));
  }
  if (problem.order === "channels") {
    const positions = problem.columns.kernel;
    return tilesAlong(reductionSteps(problem), tiling.steps).map((span) => ({
      ...span,
      kernelRow: 0,
      kernelColumn: 0,
      channel: span.first / positions,
    }));
  }
  const positions = Array.from({ length: problem.rows.kernel * problem.columns.kernel }, (_, position) => position);
  return positions.flatMap((position) =>
    tilesAlong(channelsPerGroup, tiling.steps).map(({ first, count }) => ({
      first: position * channelsPerGroup + first,
      count,
      kernelRow: Math.floor(position / problem.columns.kernel),
      kernelColumn: position % problem.columns.kernel,
      channel: first,
    })),
  );
}

/**
 * The tile's weights of a chunk, loaded unless they are still there; with the last chunk, or with the first where sums
 * start from the bias, the words for each filter.
 */
export function loadWeights(layer: MatrixLayer, filters: FilterTile, chunk: ReductionChunk): LoadedWeights {
  const { lowering, problem, weight, weightOrigin, bias, scale } = layer;
  const { emitter, memories, datapath, name } = lowering;
  const tileFilters = filters.groups * filters.filters;
  const firstFilter = filters.group * problem.filtersPerGroup + filters.filter;
  const words = chunk.count * tileFilters;
  const bringsWords = layer.preloads ? chunk.first === 0 : chunk.first + chunk.count === reductionSteps(problem);
  const biasBits = bias === null || !bringsWords ? 0 : tileFilters * bias.format.wordLength;
  const scaleBits = scale === null || !bringsWords ? 0 : tileFilters * scale.format.wordLength;
  const leading = biasBits + scaleBits;
  const bits = leading + words * datapath.weight.format.wordLength;

  const key = `${name} weights ${weightOrigin} ${firstFilter} ${chunk.first}`;
  const known = memories.weightScratchpad.find(key);
  const address = known ?? memories.weightScratchpad.allocate(key, bits);
  const weightAddress = address + leading;
  const target = "weightScratchpad";
  if (known === undefined) {
    for (const [tensor, at] of [
      [bias, address],
      [scale, address + biasBits],
    ] as const) {
      if (tensor === null || !bringsWords) continue;
      const input = wordsOf(tensor.format);
      emitRunLoad(emitter, { tensor, origin: firstFilter, words: tileFilters, target, address: at, input });
    }
    emitRunLoad(emitter, {
      tensor: weight,
      origin: weightOrigin + firstFilter * reductionSteps(problem) + chunk.first * filters.filters,
      words,
      target,
      address: weightAddress,
      input: wordsOf(datapath.weight.format),
    });
  }
  return {
    weight: weightAddress,
    perFilter: {
      bias: address,
      scale: address + biasBits,
      range: { memory: target, start: address, end: weightAddress },
    },
    range: { memory: target, start: weightAddress, end: address + bits },
  };
}

/** The input block of the tile's pixels, loaded unless it is still there. */
export function loadInput(
  layer: MatrixLayer,
  pixels: PixelTile,
  filters: FilterTile,
  chunk: ReductionChunk,
): LoadedInput {
  const { lowering, problem, tiling, weightOrigin } = layer;
  const { emitter, memories, datapath, name } = lowering;
  const [tensor] = lowering.inputs;
  const sliced = tiling.residency === "slice";
  const onePosition = sliced && problem.order === "positions";
  const block = (axis: WindowAxis, { first, count }: Span, position: number): AxisBlock =>
    onePosition ? positionBlock(axis, first, count, position) : windowBlock(axis, first, count);
  const rows = block(problem.rows, pixels.row, chunk.kernelRow);
  const columns = block(problem.columns, pixels.column, chunk.kernelColumn);
  const channels = sliced ? sliceChannels(problem, chunk.count) : filters.groups * problem.channelsPerGroup;
  const blockColumns = blockLength(columns);
  const bits = blockLength(rows) * blockColumns * channels * datapath.input.format.wordLength;

  const part = sliced ? chunk.first : "";
  const key = `${name} input ${weightOrigin} ${pixels.row.first} ${pixels.column.first} ${filters.group} ${part}`;
  const known = memories.inputScratchpad.find(key);
  const address = known ?? memories.inputScratchpad.allocate(key, bits);
  if (known === undefined && tensor !== undefined) {
    emitLoad(emitter, {
      tensor,
      origin: filters.group * problem.channelsPerGroup + chunk.channel,
      rows,
      columns,
      channels,
      rowStride: problem.rowStride,
      columnStride: problem.columnStride,
      target: "inputScratchpad",
      address,
      input: datapath.input,
    });
  }
  const skipped = (rows.skip * blockColumns + columns.skip) * channels * datapath.input.format.wordLength;
  return {
    address: address + skipped,
    columns: blockColumns,
    channels,
    range: { memory: "inputScratchpad", start: address, end: address + bits },
  };
}

/** Counters through a window: kernel row, kernel column, channel. Through slices: the slice, which starts anew, and the channel. */
export function configureReduction({ lowering, problem, tiling }: MatrixLayer, input: LoadedInput): void {
  const { rows, columns, channelsPerGroup } = problem;
  if (problem.order === "channels") {
    const channels = tiling.residency === "slice" ? sliceChannels(problem, tiling.steps) : channelsPerGroup;
    lowering.emitter.setReduction({
      outerCount: Math.ceil(channelsPerGroup / channels),
      middleCount: channels,
      innerCount: columns.kernel,
      outerStride: 0,
      middleStride: 1,
      innerStride: input.channels,
    });
    return;
  }
  if (tiling.residency === "slice") {
    lowering.emitter.setReduction({
      outerCount: rows.kernel * columns.kernel * Math.ceil(channelsPerGroup / tiling.steps),
      middleCount: 1,
      innerCount: tiling.steps,
      outerStride: 0,
      middleStride: 0,
      innerStride: 1,
    });
    return;
  }
  lowering.emitter.setReduction({
    outerCount: rows.kernel,
    middleCount: columns.kernel,
    innerCount: channelsPerGroup,
    outerStride: rows.kernel === 1 ? 0 : rows.dilation * input.columns * input.channels,
    middleStride: columns.kernel === 1 ? 0 : columns.dilation * input.channels,
    innerStride: 1,
  });
}
