/**
 * Layers of the vector unit: sums, products, functions, and every movement of words (concatenation, padding, slices,
 * transposes, resizes). Word by word, so tiles need no search: as many whole rows as fit twice, else part of a row,
 * else part of one pixel's channels.
 */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { VectorOperation } from "../../../isa/instructions/vector.ts";
import type { Machine } from "../../../isa/machine.ts";
import type { Padding } from "../../graph/graph.ts";
import { isNoPadding } from "../../graph/shape.ts";
import { tilesAlong } from "../axis.ts";
import type { MemoryRange } from "../emitter.ts";
import { FIELD_LIMITS } from "../field-limits.ts";
import {
  emitStore,
  type LayerLowering,
  type OutputTile,
  outputRange,
  type Placement,
  placedTile,
  type StoredTensor,
  wordsOf,
} from "../layer-lowering.ts";
import { loadOperand, operandWords, type VectorOperand } from "./vector-operand.ts";

/** Words in the weight scratchpad that the operation reads: a look-up table, or slopes. */
export interface LoadedConstants {
  readonly address: number;
  readonly wordLength: number;
  readonly range: MemoryRange;
}

/** One run of the vector unit over an image. */
export interface VectorProblem {
  readonly operation: Exclude<VectorOperation, "shift" | "maximum" | "minimum">;
  /** One or two, as the operation takes. */
  readonly operands: readonly VectorOperand[];
  /** Rows, columns, channels of the result, padding included. */
  readonly shape: readonly [rows: number, columns: number, channels: number];
  /** Zeros around the operand; a copy's only, and only under a whole view. */
  readonly padding: Padding;
  readonly output: StoredTensor;
  /** Where the result lies in the output tensor; stored once for each. */
  readonly placements: readonly Placement[];
  /** Brings the words of a function into the weight scratchpad, unless they are there. */
  readonly constants?: () => LoadedConstants;
  /** The constants are one word for each channel. */
  readonly perChannel?: boolean;
}

/** Words that the input scratchpad and the output buffer must hold at least. A tile that is all padding takes a row and a column more. */
export function smallestVectorTile(padding: Padding): number {
  return isNoPadding(padding) ? 1 : 4;
}

/** The tiles, in order. The memories hold at least `smallestVectorTile` elements. */
export function vectorTiles(problem: VectorProblem, machine: Machine): readonly OutputTile[] {
  const { shape, padding } = problem;
  const [rows, columns, channels] = shape;
  const operands = distinctOperands(problem);
  const inputBits = operands.reduce((bits, operand) => bits + operand.input.format.wordLength, 0);
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
  // A view that strides through channels loads them as columns.
  const mostChannels = operands.every(({ view }) => view.channelStride === 1) ? channels : FIELD_LIMITS.side;

  const wholeRows = Math.min(Math.floor(elements / (columns * channels)) - spare, rows, tallest);
  if (wholeRows >= 1 && columns <= FIELD_LIMITS.side && channels <= mostChannels && !wideSides) {
    return cut(shape, { rows: wholeRows, columns, channels });
  }
  const wholePixels = Math.min(Math.floor(elements / ((1 + spare) * channels)) - spare, columns, tallest);
  if (wholePixels >= 1 && channels <= mostChannels) return cut(shape, { rows: 1, columns: wholePixels, channels });
  const some = Math.min(Math.floor(elements / smallest), channels, mostChannels);
  return cut(shape, { rows: 1, columns: 1, channels: some });
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
  const { operation, operands, padding, output, placements } = problem;
  const elements = tile.rows * tile.columns * tile.channels;
  const constants = tileConstants(problem, tile);
  const distinct = distinctOperands(problem);
  const sizes = distinct.map((operand) => operandWords(operand, padding, tile) * operand.input.format.wordLength);
  const bits = sizes.reduce((sum, size) => sum + size, 0);
  const slot = memories.inputScratchpad.allocate("", bits);
  let next = slot;
  const addresses = distinct.map((operand, index) => {
    const address = loadOperand(emitter, operand, padding, tile, next);
    next += sizes[index] ?? 0;
    return address;
  });

  const { wordLength } = output.format;
  const outputAddress = memories.outputBuffer.allocate("", elements * wordLength);
  const inputs: MemoryRange = { memory: "inputScratchpad", start: slot, end: slot + bits };
  const instruction = emitter.emit(
    {
      opcode: "vector",
      operation,
      addressA: addresses[0] ?? 0,
      addressB: operands.length > 1 ? (addresses[1] ?? addresses[0] ?? 0) : 0,
      outputAddress,
      elements,
      shift: 0n,
      tableAddress: constants?.address ?? 0,
      period: problem.perChannel ? tile.channels : 1,
    },
    {
      reads: constants === undefined ? [inputs] : [inputs, constants.range],
      writes: [outputRange(outputAddress, elements, wordLength)],
    },
  );
  placements.forEach((placement, index) => {
    if (index === 0) lowering.tiles.push(placedTile(instruction, tile, placement));
    emitStore(emitter, output, tile, outputAddress, placement);
  });
}

/** The words of a function; of those for each channel the tile's own. */
function tileConstants({ constants, perChannel }: VectorProblem, tile: OutputTile): LoadedConstants | undefined {
  const all = constants?.();
  if (all === undefined || !perChannel) return all;
  const address = all.address + tile.channel * all.wordLength;
  const range = { ...all.range, start: address, end: address + tile.channels * all.wordLength };
  return { ...all, address, range };
}

/** The operands to load: one where both are the same words in the same register. */
function distinctOperands({ operands }: VectorProblem): readonly VectorOperand[] {
  const [first, second] = operands;
  const same = first !== undefined && second !== undefined && first.tensor === second.tensor;
  return same && first.input === second.input && first.view === second.view ? [first] : operands;
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
