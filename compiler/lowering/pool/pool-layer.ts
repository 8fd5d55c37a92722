/** Pooling layers: tiles of rows, columns and channels, each of load, pool and store. */

import { laneSteps } from "../../../isa/dataflow/lane-steps.ts";
import { type Diagnostic, InvariantError } from "../../../isa/diagnostic.ts";
import type { PoolKind } from "../../../isa/instructions/pool.ts";
import type { Machine } from "../../../isa/machine.ts";
import type { IntegerRequantization, PoolNode } from "../../graph/graph.ts";
import { axisBlock, candidateSizes, type Span, tileSizes, tilesAlong, type WindowAxis, windowSpan } from "../axis.ts";
import { FIELD_LIMITS } from "../field-limits.ts";
import { imageShape } from "../image-shape.ts";
import {
  emitLoad,
  emitStore,
  type LayerLowering,
  type OutputTile,
  outputRange,
  placedTile,
  type StoredTensor,
  WHOLE,
  wordsOf,
} from "../layer-lowering.ts";
import { configureRequantization, emitScaledTile } from "../matrix/requantization.ts";
import { estimateTraffic, withLongestRuns } from "../memory/transfer.ts";
import { choosePlan, type PlanCost, tileFit } from "../plan-cost.ts";
import type { MemoryBits } from "../plan-request.ts";

export interface PoolProblem {
  readonly kind: PoolKind;
  readonly rows: WindowAxis;
  readonly columns: WindowAxis;
  readonly channels: number;
  readonly countPadding: boolean;
  /** Of sums, which a requantize instruction finishes. */
  readonly requantization: IntegerRequantization | null;
}

/** Word lengths in DRAM, in the scratchpad and of the output; of sums also in the bank, and of the constants of a channel. */
export interface PoolWords {
  readonly source: number;
  readonly input: number;
  readonly output: number;
  readonly accumulator: number;
  readonly perChannel: number;
}

/** Multipliers and offsets of sums. */
export interface PoolConstants {
  readonly scale: StoredTensor | null;
  readonly bias: StoredTensor | null;
}

/** Sizes of a tile of the output. */
export interface PoolTiling {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
}

interface PoolPlan {
  readonly tiling: PoolTiling;
  readonly cost: PlanCost;
}

export function poolProblem(
  node: PoolNode,
  inputShape: readonly number[],
  options: { readonly averageDivider: boolean; readonly countPadding: boolean | undefined },
): PoolProblem {
  const [inputRows, inputColumns, channels] = imageShape(inputShape);
  const [outputRows, outputColumns] = imageShape(node.shape);
  const average: PoolKind = options.averageDivider ? "averageDivider" : "average";
  return {
    kind: node.kind === "maximum" ? "maximum" : node.requantization === null ? average : "sum",
    rows: {
      input: inputRows,
      output: outputRows,
      kernel: node.kernel[0],
      stride: node.strides[0],
      dilation: 1,
      before: node.padding.top,
    },
    columns: {
      input: inputColumns,
      output: outputColumns,
      kernel: node.kernel[1],
      stride: node.strides[1],
      dilation: 1,
      before: node.padding.left,
    },
    channels,
    countPadding: options.countPadding ?? node.countPadding,
    requantization: node.requantization,
  };
}

/** Windows that no pool instruction can express. */
export function poolFieldDiagnostics({ rows, columns }: PoolProblem, where: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  const limit = (what: string, value: number, most: number): void => {
    if (value <= most) return;
    const text = `${what} ${value}, the pool instruction has at most ${most}`;
    found.push({ code: "FIELD_LIMIT", where, what: text, hint: "pool in two layers" });
  };
  limit("window rows", rows.kernel, FIELD_LIMITS.poolKernel);
  limit("window columns", columns.kernel, FIELD_LIMITS.poolKernel);
  limit("padding rows", rows.before, FIELD_LIMITS.padding);
  limit("padding columns", columns.before, FIELD_LIMITS.padding);
  return found;
}

/** The best tiling; undefined where not even one output of one channel fits. */
export function searchPoolTiling(problem: PoolProblem, words: PoolWords, machine: Machine): PoolTiling | undefined {
  const plans: PoolPlan[] = [];
  const channelSizes = [...new Set([...candidateSizes(problem.channels, machine.columns), 8, 4, 2, 1])];
  for (const channels of channelSizes.filter((size) => size <= Math.min(problem.channels, FIELD_LIMITS.side))) {
    for (const rows of axisSizes(problem.rows)) {
      for (const columns of axisSizes(problem.columns)) {
        const plan = poolPlan(problem, words, machine, { rows, columns, channels });
        if (plan) plans.push(plan);
      }
    }
  }
  return choosePlan(plans)?.tiling;
}

/** Bits of the smallest tile: one window of one channel, one output. */
export function smallestPoolTile(problem: PoolProblem, words: PoolWords): MemoryBits {
  return {
    inputScratchpad: largestBlock(problem.rows, 1) * largestBlock(problem.columns, 1) * words.input,
    outputBuffer: words.output,
    ...(problem.kind === "sum" && { accumulatorBank: words.accumulator, weightScratchpad: words.perChannel }),
  };
}

export function emitPoolLayer(
  lowering: LayerLowering,
  problem: PoolProblem,
  tiling: PoolTiling,
  constants: PoolConstants,
): void {
  const { emitter, datapath } = lowering;
  emitter.setRegister("operandA", wordsOf(datapath.input.format));
  if (problem.kind !== "maximum") emitter.setRegister("accumulator", datapath.accumulator);
  if (problem.requantization !== null) configureRequantization(emitter, datapath, problem.requantization);
  else if (problem.kind !== "maximum") emitter.setRegister("output", datapath.output);
  for (const row of tilesAlong(problem.rows.output, tiling.rows)) {
    for (const column of tilesAlong(problem.columns.output, tiling.columns)) {
      for (const channel of tilesAlong(problem.channels, tiling.channels)) {
        emitPoolTile(lowering, problem, { row, column, channel }, constants);
      }
    }
  }
}

function emitPoolTile(
  lowering: LayerLowering,
  problem: PoolProblem,
  { row, column, channel }: { readonly row: Span; readonly column: Span; readonly channel: Span },
  constants: PoolConstants,
): void {
  const { emitter, memories, datapath, output } = lowering;
  const [tensor] = lowering.inputs;
  if (tensor === undefined) throw new InvariantError(`pool "${lowering.name}" has no input`);
  const rows = imageBlock(problem.rows, row);
  const columns = imageBlock(problem.columns, column);
  const inputWords = rows.length * columns.length * channel.count;
  const inputBits = inputWords * datapath.input.format.wordLength;
  const inputAddress = memories.inputScratchpad.allocate("", inputBits);
  emitLoad(emitter, {
    tensor,
    origin: channel.first,
    rows: axisBlock(rows.first, rows.length, problem.rows.input),
    columns: axisBlock(columns.first, columns.length, problem.columns.input),
    channels: channel.count,
    rowStride: problem.columns.input * problem.channels,
    columnStride: problem.channels,
    target: "inputScratchpad",
    address: inputAddress,
    input: datapath.input,
  });

  const outputBits = output.format.wordLength;
  const outputWords = row.count * column.count * channel.count;
  // Sums lie in the bank from 0 on, as those of a matrix tile.
  const sums = problem.requantization !== null;
  const outputAddress = sums ? 0 : memories.outputBuffer.allocate("", outputWords * outputBits);
  const instruction = emitter.emit(
    {
      opcode: "pool",
      kind: problem.kind,
      inputAddress,
      outputAddress,
      inputRows: rows.length,
      inputColumns: columns.length,
      outputRows: row.count,
      outputColumns: column.count,
      channels: channel.count,
      kernelRows: problem.rows.kernel,
      kernelColumns: problem.columns.kernel,
      // The distance to a neighbour that the tile does not have.
      strideRows: row.count === 1 ? 1 : problem.rows.stride,
      strideColumns: column.count === 1 ? 1 : problem.columns.stride,
      padTop: rows.pad,
      padLeft: columns.pad,
      countPadding: problem.countPadding,
    },
    {
      reads: [{ memory: "inputScratchpad", start: inputAddress, end: inputAddress + inputBits }],
      writes: sums ? [] : [outputRange(outputAddress, outputWords, outputBits)],
    },
  );
  const place = { row: row.first, column: column.first, channel: channel.first };
  const tile: OutputTile = { ...place, rows: row.count, columns: column.count, channels: channel.count };
  lowering.tiles.push(placedTile(instruction, tile, WHOLE));
  emitStore(emitter, output, tile, sums ? finishSums(lowering, problem, tile, constants) : outputAddress);
}

/** Scales the sums that lie in the bank; returns where their words go. */
function finishSums(
  lowering: LayerLowering,
  { requantization }: PoolProblem,
  tile: OutputTile,
  { scale, bias }: PoolConstants,
): number {
  if (requantization === null || scale === null) {
    throw new InvariantError(`pool "${lowering.name}" has sums and no multipliers`);
  }
  const { instruction, outputAddress } = emitScaledTile(lowering, { scale, bias }, requantization, {
    source: "accumulatorBank",
    address: 0,
    pixels: tile.rows * tile.columns,
    channel: tile.channel,
    channels: tile.channels,
    reads: [],
  });
  lowering.tiles.push(placedTile(instruction, tile, WHOLE));
  return outputAddress;
}

/** The part of the image that a run of windows covers, and the padding before it; what lies beyond the image stays away. */
function imageBlock(axis: WindowAxis, { first, count }: Span): { first: number; length: number; pad: number } {
  const start = first * axis.stride - axis.before;
  const from = Math.max(start, 0);
  const to = Math.min(start + windowSpan(axis, count), axis.input);
  return { first: from, length: to - from, pad: from - start };
}

function largestBlock(axis: WindowAxis, size: number): number {
  const lengths = tilesAlong(axis.output, size).map((span) => imageBlock(axis, span).length);
  return lengths.reduce((most, length) => Math.max(most, length), 0);
}

/** A stride beyond its field leaves tiles of one output, which need none. */
function axisSizes(axis: WindowAxis): readonly number[] {
  return candidateSizes(axis.output).filter((size) => size === 1 || axis.stride <= FIELD_LIMITS.poolStride);
}

function poolPlan(problem: PoolProblem, words: PoolWords, machine: Machine, tiling: PoolTiling): PoolPlan | undefined {
  const { rows, columns, channels } = tiling;
  const { dram } = machine;
  const blockRows = largestBlock(problem.rows, rows);
  const blockColumns = largestBlock(problem.columns, columns);
  const sides = [rows, columns, blockRows, blockColumns];
  const tileCounts = [problem.rows.output / rows, problem.columns.output / columns, problem.channels / channels];
  const tiles = tileCounts.reduce((product, count) => product * Math.ceil(count), 1);
  const inputBits = blockRows * blockColumns * channels * words.input;
  const input = tileFit(inputBits, tiles, machine.inputScratchpad.capacityBits);
  const output = tileFit(rows * columns * channels * words.output, tiles, machine.outputBuffer.capacityBits);
  if (problem.kind === "sum") {
    const bank = rows * columns * channels * words.accumulator;
    if (bank > machine.accumulatorBank.capacityBits) return undefined;
    if (channels * words.perChannel > machine.weightScratchpad.capacityBits) return undefined;
  }
  if (!input.fits || !output.fits || sides.some((side) => side > FIELD_LIMITS.side)) return undefined;

  const columnStride = problem.channels;
  const loaded = withLongestRuns({
    rows: blockRows,
    columns: blockColumns,
    channels,
    rowStride: problem.columns.input * problem.channels,
    columnStride,
  });
  const rowStride = problem.columns.output * problem.channels;
  const stored = withLongestRuns({ rows, columns, channels, rowStride, columnStride });
  const outputs = problem.rows.output * problem.columns.output;
  const positions = problem.rows.kernel * problem.columns.kernel;
  const steps = outputs * (problem.kind === "sum" ? positions + 1 : positions);
  const computeCycles = tileSizes(problem.channels, channels).reduce(
    (sum, { count, size }) => sum + count * laneSteps(steps, size, machine.columns),
    0,
  );
  const share = (outputs * problem.channels) / (tiles * rows * columns * channels);
  const cost: PlanCost = {
    overlapped: input.overlaps && output.overlaps,
    load: estimateTraffic(dram, tiles, loaded.rows * loaded.columns, loaded.channels * words.source, share),
    store: estimateTraffic(dram, tiles, stored.rows * stored.columns, stored.channels * words.output, share),
    computeCycles,
  };
  return { tiling, cost };
}
