/** What every kind of layer needs while its instructions are emitted, and the transfers they share. */

import type { LoadTarget } from "../../isa/instructions/load.ts";
import type { Machine } from "../../isa/machine.ts";
import { type FixedPointFormat, formatsEqual } from "../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import type { TileSymbol } from "../../isa/program/program.ts";
import type { Activation } from "../graph/graph.ts";
import type { AxisBlock } from "./axis.ts";
import { blockLength } from "./axis.ts";
import type { Emitter, MemoryRange } from "./emitter.ts";
import type { PingPongBuffer } from "./memory/ping-pong-buffer.ts";
import { type Block, withLongestRuns } from "./memory/transfer.ts";

/** A tensor with its place in DRAM. */
export interface StoredTensor {
  readonly name: string;
  /** Bit address. */
  readonly address: number;
  readonly shape: readonly [rows: number, columns: number, channels: number];
  readonly format: FixedPointFormat;
}

/** On-chip memories whose tiles the compiler places. */
export interface TileMemories {
  readonly inputScratchpad: PingPongBuffer;
  readonly weightScratchpad: PingPongBuffer;
  readonly outputBuffer: PingPongBuffer;
}

export interface LayerLowering {
  readonly name: string;
  readonly machine: Machine;
  readonly emitter: Emitter;
  readonly memories: TileMemories;
  readonly datapath: DatapathSpec;
  /** In the order of the node's inputs. */
  readonly inputs: readonly StoredTensor[];
  readonly output: StoredTensor;
  readonly tiles: TileSymbol[];
}

/** A register that only says how its words are to be read. */
export function wordsOf(format: FixedPointFormat): RegisterSpec {
  return register(format);
}

/** The part of a tensor that a load moves. Strides count words of the tensor. */
export interface LoadRequest {
  readonly tensor: StoredTensor;
  /** Word of the tensor at source row 0, column 0 and the block's first channel. */
  readonly origin: number;
  readonly rows: AxisBlock;
  readonly columns: AxisBlock;
  readonly channels: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly target: LoadTarget;
  /** Bit address in the target. */
  readonly address: number;
  /** Register of the words after loading. */
  readonly input: RegisterSpec;
}

/** Emits a load; equal formats in DRAM and scratchpad make it a copy. */
export function emitLoad(emitter: Emitter, request: LoadRequest): void {
  const { tensor, rows, columns, channels, rowStride, columnStride, target, address, input } = request;
  const source = wordsOf(tensor.format);
  const { wordLength } = tensor.format;
  emitter.setLoad(source, formatsEqual(tensor.format, input.format) ? source : input);

  const first = request.origin + rows.source * rowStride + columns.source * columnStride;
  const dramAddress = tensor.address + first * wordLength;
  const moved = mergedBlock(
    { rows: rows.sourceCount, columns: columns.sourceCount, channels, rowStride, columnStride },
    rows,
    columns,
  );
  const words = blockLength(rows) * blockLength(columns) * channels;
  emitter.emit(
    {
      opcode: "load",
      target,
      dramAddress,
      address,
      ...moved,
      padTop: rows.padBefore,
      padBottom: rows.padAfter,
      padLeft: columns.padBefore,
      padRight: columns.padAfter,
    },
    {
      reads: [dramRange(dramAddress, moved, wordLength)],
      writes: [{ memory: target, start: address, end: address + words * input.format.wordLength }],
    },
  );
}

/** Emits a load of consecutive words without padding. */
export function emitRunLoad(
  emitter: Emitter,
  run: Pick<LoadRequest, "tensor" | "origin" | "target" | "address" | "input"> & { readonly words: number },
): void {
  const one: AxisBlock = { source: 0, sourceCount: 1, padBefore: 0, padAfter: 0, skip: 0 };
  const { words, ...rest } = run;
  emitLoad(emitter, { ...rest, rows: one, columns: one, channels: words, rowStride: 0, columnStride: 0 });
}

/** A tile of a layer's output. */
export interface OutputTile {
  readonly row: number;
  readonly column: number;
  readonly channel: number;
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
}

/** Where a result lies in its tensor: its row r at row + r · rowStep, its column likewise, its channels from `channel` on. */
export interface Placement {
  readonly row: number;
  readonly column: number;
  readonly channel: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** The result is the whole tensor. */
export const WHOLE: Placement = { row: 0, column: 0, channel: 0, rowStep: 1, columnStep: 1 };

/** The tile's symbol in terms of the tensor. */
export function placedTile(instruction: number, tile: OutputTile, placement: Placement): TileSymbol {
  const { rowStep, columnStep } = placement;
  return {
    instruction,
    row: placement.row + tile.row * rowStep,
    column: placement.column + tile.column * columnStep,
    channel: placement.channel + tile.channel,
    columns: tile.columns,
    channels: tile.channels,
    ...(rowStep > 1 && { rowStep }),
    ...(columnStep > 1 && { columnStep }),
  };
}

/** Emits the store of a dense tile that lies at `address` of the output buffer. */
export function emitStore(
  emitter: Emitter,
  tensor: StoredTensor,
  tile: OutputTile,
  address: number,
  placement: Placement = WHOLE,
): void {
  const [, tensorColumns, tensorChannels] = tensor.shape;
  const { wordLength } = tensor.format;
  const tensorRow = tensorColumns * tensorChannels;
  const placed = placedTile(0, tile, placement);
  const first = placed.row * tensorRow + placed.column * tensorChannels + placed.channel;
  const dramAddress = tensor.address + first * wordLength;
  const { rows, columns, channels } = tile;
  const rowStride = placement.rowStep * tensorRow;
  const columnStride = placement.columnStep * tensorChannels;
  const moved = withLongestRuns({ rows, columns, channels, rowStride, columnStride });
  emitter.emit(
    { opcode: "store", address, dramAddress, wordLength, ...moved },
    {
      reads: [outputRange(address, rows * columns * channels, wordLength)],
      writes: [dramRange(dramAddress, moved, wordLength)],
    },
  );
}

/** Words of the output buffer. */
export function outputRange(start: number, words: number, wordLength: number): MemoryRange {
  return { memory: "outputBuffer", start, end: start + words * wordLength };
}

/** Sets the activation; ReLU6's bound is 6 in the format of the register before it, to nearest. */
export function setActivation(emitter: Emitter, activation: Activation, { format }: RegisterSpec): void {
  if (activation !== "relu6") {
    emitter.setActivation({ activation, lowest: 0n, highest: 0n, fractionLength: 0n });
    return;
  }
  const { fractionLength } = format;
  const six = quantizeFloat64(6, wordsOf(format)).raw;
  const shift = Math.max(0, fractionLength - LONGEST_BOUND_FRACTION);
  // Upwards: then it is beyond every word where the register cannot hold 6.
  const highest = -(-six >> BigInt(shift));
  emitter.setActivation({ activation: "clip", lowest: 0n, highest, fractionLength: BigInt(fractionLength - shift) });
}

/** Fraction bits at which 6 is a field of an instruction. */
const LONGEST_BOUND_FRACTION = 100;

/** Contiguous positions of a padded axis stay positions: the zeros around them are counted in them. */
function mergedBlock(block: Block, rows: AxisBlock, columns: AxisBlock): Block {
  const { columnStride, rowStride } = block;
  if (blockLength(columns) > columns.sourceCount) {
    return {
      ...block,
      rowStride: block.rows === 1 ? 0 : rowStride,
      columnStride: block.columns === 1 ? 0 : columnStride,
    };
  }
  if (blockLength(rows) === rows.sourceCount) return withLongestRuns(block);
  return { ...withLongestRuns({ ...block, rows: 1 }), rows: block.rows, rowStride: block.rows === 1 ? 0 : rowStride };
}

function dramRange(start: number, block: Block, wordLength: number): MemoryRange {
  const { rows, columns, channels, rowStride, columnStride } = block;
  const words = (rows - 1) * rowStride + (columns - 1) * columnStride + channels;
  return { memory: "dram", start, end: start + words * wordLength };
}
