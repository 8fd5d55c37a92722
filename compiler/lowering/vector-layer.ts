/**
 * Layers of the vector unit: addition, concatenation, padding and an activation of its own. Word by word, so tiles need no
 * search: as many whole rows as fit twice, else part of a row, else part of one pixel's channels.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { VectorOperation } from "../../isa/instructions/vector.ts";
import type { Machine } from "../../isa/machine.ts";
import type { RegisterSpec } from "../../isa/register.ts";
import type { Padding } from "../graph/graph.ts";
import { axisBlock, blockLength, tilesAlong } from "./axis.ts";
import { FIELD_LIMITS } from "./field-limits.ts";
import {
  emitLoad,
  emitStore,
  type LayerLowering,
  type OutputTile,
  outputRange,
  type StoredTensor,
  wordsOf,
} from "./layer-lowering.ts";

/** An operand and the register its words enter on loading. */
export interface VectorOperand {
  readonly tensor: StoredTensor;
  readonly input: RegisterSpec;
}

/** One run of the vector unit over an image. */
export interface VectorProblem {
  readonly operation: Extract<VectorOperation, "copy" | "add">;
  /** One for a copy, two for an addition. */
  readonly operands: readonly VectorOperand[];
  /** Rows, columns, channels of the result, padding included. */
  readonly shape: readonly [rows: number, columns: number, channels: number];
  /** Zeros around the operand; a copy's only. */
  readonly padding: Padding;
  readonly output: StoredTensor;
  /** Where the result's channels begin in the output tensor. */
  readonly firstChannel: number;
}

/** Words that the input scratchpad and the output buffer must hold at least. A tile that is all padding takes a row and a column more. */
export function smallestVectorTile({ top, bottom, left, right }: Padding): number {
  return top + bottom + left + right > 0 ? 4 : 1;
}

/** The tiles, in order. The memories hold at least `smallestVectorTile` elements. */
export function vectorTiles(problem: VectorProblem, machine: Machine): readonly OutputTile[] {
  const { shape, padding } = problem;
  const [rows, columns, channels] = shape;
  const inputBits = problem.operands.reduce((bits, operand) => bits + operand.input.format.wordLength, 0);
  const outputBits = problem.output.format.wordLength;
  const room = (share: number): number =>
    Math.min(
      Math.floor(Math.floor(machine.inputScratchpad.capacityBits / share) / inputBits),
      Math.floor(Math.floor(machine.outputBuffer.capacityBits / share) / outputBits),
      FIELD_LIMITS.count,
    );
  const smallest = smallestVectorTile(padding);
  const spare = smallest > 1 ? 1 : 0;
  const elements = room(2) >= smallest ? room(2) : room(1);
  const tallest = spare > 0 ? FIELD_LIMITS.padding : FIELD_LIMITS.side;
  const wideSides = Math.max(padding.left, padding.right) > FIELD_LIMITS.padding;

  const wholeRows = Math.min(Math.floor(elements / (columns * channels)) - spare, rows, tallest);
  if (wholeRows >= 1 && columns <= FIELD_LIMITS.side && !wideSides) {
    return cut(shape, { rows: wholeRows, columns, channels });
  }
  const wholePixels = Math.min(Math.floor(elements / ((1 + spare) * channels)) - spare, columns, tallest);
  if (wholePixels >= 1) return cut(shape, { rows: 1, columns: wholePixels, channels });
  return cut(shape, { rows: 1, columns: 1, channels: Math.min(Math.floor(elements / smallest), channels) });
}

/** Emits the run; activation and output register are set by the caller. */
export function emitVector(lowering: LayerLowering, problem: VectorProblem): void {
  const { emitter, machine } = lowering;
  const [first, second] = problem.operands;
  if (first === undefined) throw new InvariantError(`vector layer "${lowering.name}" has no operand`);
  emitter.setRegister("operandA", wordsOf(first.input.format));
  if (second) emitter.setRegister("operandB", wordsOf(second.input.format));
  for (const tile of vectorTiles(problem, machine)) emitVectorTile(lowering, problem, tile);
}

function emitVectorTile(lowering: LayerLowering, problem: VectorProblem, tile: OutputTile): void {
  const { emitter, memories } = lowering;
  const { operation, operands, padding, output, firstChannel } = problem;
  const elements = tile.rows * tile.columns * tile.channels;
  const blocks = operands.map(({ tensor, input }) => {
    const [rows, columns, channels] = tensor.shape;
    const block = {
      rows: axisBlock(tile.row - padding.top, tile.rows, rows),
      columns: axisBlock(tile.column - padding.left, tile.columns, columns),
    };
    const words = blockLength(block.rows) * blockLength(block.columns) * tile.channels;
    const skipped = (block.rows.skip * blockLength(block.columns) + block.columns.skip) * tile.channels;
    return { tensor, input, channels, columns, block, bits: words * input.format.wordLength, skipped };
  });
  const slot = memories.inputScratchpad.allocate(
    "",
    blocks.reduce((sum, { bits }) => sum + bits, 0),
  );
  let address = slot;
  const addresses = blocks.map(({ tensor, input, channels, columns, block, bits, skipped }) => {
    emitLoad(emitter, {
      tensor,
      origin: tile.channel,
      ...block,
      channels: tile.channels,
      rowStride: columns * channels,
      columnStride: channels,
      target: "inputScratchpad",
      address,
      input,
    });
    const first = address + skipped * input.format.wordLength;
    address += bits;
    return first;
  });

  const { wordLength } = output.format;
  const outputAddress = memories.outputBuffer.allocate("", elements * wordLength);
  const instruction = emitter.emit(
    {
      opcode: "vector",
      operation,
      addressA: addresses[0] ?? 0,
      addressB: addresses[1] ?? 0,
      outputAddress,
      elements,
      shift: 0n,
      tableAddress: 0,
      tableShift: 0,
    },
    {
      reads: [{ memory: "inputScratchpad", start: slot, end: address }],
      writes: [outputRange(outputAddress, elements, wordLength)],
    },
  );
  const placed = { ...tile, channel: firstChannel + tile.channel };
  lowering.tiles.push({
    instruction,
    row: tile.row,
    column: tile.column,
    channel: placed.channel,
    columns: tile.columns,
    channels: tile.channels,
  });
  emitStore(emitter, output, placed, outputAddress);
}

function cut(
  [rows, columns, channels]: readonly [number, number, number],
  size: { readonly rows: number; readonly columns: number; readonly channels: number },
): readonly OutputTile[] {
  return tilesAlong(rows, size.rows).flatMap((row) =>
    tilesAlong(columns, size.columns).flatMap((column) =>
      tilesAlong(channels, size.channels).map(
        (channel): OutputTile => ({
          row: row.first,
          column: column.first,
          channel: channel.first,
          rows: row.count,
          columns: column.count,
          channels: channel.count,
        }),
      ),
    ),
  );
}
