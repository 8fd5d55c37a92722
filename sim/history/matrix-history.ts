import type { DataflowDefinition, MatrixShape } from "../../isa/dataflow/definition.ts";
import { DATAFLOWS } from "../../isa/dataflow/table.ts";
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Machine } from "../../isa/machine.ts";
import { add, type Exact, multiply } from "../../isa/numerics/exact.ts";
import type { ConfiguredInstruction, ConfiguredMatrix, ConfiguredPreload } from "../configuration.ts";
import { BEFORE_SUM } from "../evidence.ts";
import type { LoadedWords } from "./loaded-words.ts";
import type { Recorder, Writing } from "./recorder.ts";

/** A word that a preload instruction puts into the bank. */
interface Start {
  readonly preload: ConfiguredPreload;
  readonly instruction: number;
  readonly pixel: number;
  readonly filter: number;
}

/** One sum of one matrix instruction: pixel e and filter n, and the bank's word before it; null: it starts from zero. */
interface Sum {
  readonly matrix: ConfiguredMatrix;
  readonly instruction: number;
  readonly pixel: number;
  readonly filter: number;
  readonly before: bigint | null;
}

interface Context {
  readonly machine: Machine;
  readonly words: LoadedWords;
  readonly recorder: Recorder;
}

/** The word of the accumulator bank that instruction `reader` finds at `address`, with everything that led to it. */
export function bankWord(
  configured: readonly ConfiguredInstruction[],
  reader: number,
  address: number,
  context: Context,
): Exact {
  const parts: Omit<Sum, "before">[] = [];
  let start: Start | null = null;
  for (let index = reader - 1; index >= 0 && start === null; index--) {
    const writer = configured[index];
    if (writer?.opcode !== "matrix" && writer?.opcode !== "preload") continue;
    const place = placeIn(writer, address);
    if (place === null) continue;
    if (writer.opcode === "preload") start = { preload: writer, instruction: index, ...place };
    else parts.push({ matrix: writer, instruction: index, ...place });
    if (writer.opcode === "matrix" && !writer.instruction.accumulate) break;
  }
  const first = parts.at(-1)?.matrix;
  const opening = start?.preload ?? (first?.instruction.accumulate === false ? first : undefined);
  if (opening === undefined) {
    throw new InvariantError(`no instruction before ${reader} starts the sum at bank bit ${address}`);
  }
  let raw = start === null ? null : preloaded(start, context);
  for (const part of parts.reverse())
    raw = SUMS[DATAFLOWS[context.machine.dataflow].sum]({ ...part, before: raw }, context);
  return { raw: raw ?? 0n, fractionLength: opening.accumulator.format.fractionLength };
}

/** Q_accumulator(bias), in the lane of its filter. */
function preloaded({ preload, instruction, pixel, filter }: Start, { machine, words, recorder }: Context): bigint {
  const { instruction: fields, bias, accumulator } = preload;
  const address = fields.biasAddress + filter * bias.format.wordLength;
  const word = words.read("weightScratchpad", address, bias.format, instruction, recorder, "bias", BEFORE_SUM);
  const lane = filter % machine.columns;
  const groupsOfLane = Math.floor((fields.columns - 1 - lane) / machine.columns) + 1;
  const draw = pixel * groupsOfLane + Math.floor(filter / machine.columns);
  const place = { instruction, row: 0, column: lane, step: BEFORE_SUM, draw };
  return recorder.write(word, { spec: accumulator, register: "accumulator", ...place }).raw;
}

/** Pixel and filter whose sum lies at a bank address; null where it is none of the instruction's. */
export function placeIn(
  writer: ConfiguredMatrix | ConfiguredPreload,
  address: number,
): { readonly pixel: number; readonly filter: number } | null {
  const { instruction, accumulator } = writer;
  const offset = (address - instruction.accumulatorAddress) / accumulator.format.wordLength;
  const count = writer.opcode === "preload" ? writer.instruction.pixels : pixelCount(writer);
  if (!Number.isInteger(offset) || offset < 0) return null;
  const pixel = Math.min(count - 1, Math.floor(offset / instruction.accumulatorPitch));
  const filter = offset - pixel * instruction.accumulatorPitch;
  return filter < instruction.columns ? { pixel, filter } : null;
}

/** isa/README.md, "Array": which additions are quantized, in which order, by what a run does with its sum. */
const SUMS: Readonly<Record<DataflowDefinition["sum"], (sum: Sum, context: Context) => bigint>> = {
  carries,
  adds,
  gathers,
};

function pixelCount({ pixels }: ConfiguredMatrix): number {
  return pixels.rowCount * pixels.columnCount;
}

function shapeOf({ matrix }: Sum): MatrixShape {
  const { columns: filters, reductionLength: steps, accumulate } = matrix.instruction;
  return { pixels: pixelCount(matrix), filters, steps, accumulate };
}

/** Element, and number of the random word, of step k. */
function placeOf(sum: Sum, { machine }: Context, k: number): Place {
  const { rows, columns, dataflow } = machine;
  const { pixel, filter } = sum;
  const { down, across, productsBefore } = DATAFLOWS[dataflow];
  return {
    row: (down === "pixels" ? pixel : k) % rows,
    column: (across === "pixels" ? pixel : filter) % columns,
    draw: productsBefore(machine, shapeOf(sum), pixel, filter, k),
  };
}

/** One element adds step after step to the bank's word. */
function carries(sum: Sum, context: Context): bigint {
  let raw = sum.before ?? 0n;
  for (let k = 0; k < sum.matrix.instruction.reductionLength; k++) {
    const place = placeOf(sum, context, k);
    raw = accumulated(sum, context, raw, productOf(sum, context, k, place), k, place);
  }
  return raw;
}

/** The rows of one column add, groups of R steps from zero; a group's sum overwrites the bank or is added to it. */
function adds(sum: Sum, context: Context): bigint {
  const { rows } = context.machine;
  const { matrix, before } = sum;
  const steps = matrix.instruction.reductionLength;
  let bank = before;
  for (let first = 0; first < steps; first += rows) {
    const end = Math.min(first + rows, steps);
    let partial = 0n;
    for (let k = first; k < end; k++) {
      const place = placeOf(sum, context, k);
      partial = accumulated(sum, context, partial, productOf(sum, context, k, place), k, place);
    }
    if (bank === null) bank = partial;
    else {
      const { fractionLength } = matrix.accumulator.format;
      // A bank addition drops no bits and draws nothing.
      const writing = accumulatorWriting(sum, end - 1, { ...placeOf(sum, context, first), row: rows, draw: 0 });
      bank = context.recorder.write({ raw: bank + partial, fractionLength }, writing).raw;
    }
  }
  return bank ?? 0n;
}

/** Chunks of R products are summed exactly, then added to the bank; that adder draws as row 0 does. */
function gathers(sum: Sum, context: Context): bigint {
  const { rows } = context.machine;
  const { matrix, before } = sum;
  const steps = matrix.instruction.reductionLength;
  let raw = before ?? 0n;
  for (let first = 0; first < steps; first += rows) {
    const end = Math.min(first + rows, steps);
    let products: Exact = { raw: 0n, fractionLength: matrix.product.format.fractionLength };
    for (let k = first; k < end; k++) {
      products = add(products, productOf(sum, context, k, placeOf(sum, context, k)));
    }
    raw = accumulated(sum, context, raw, products, end - 1, { ...placeOf(sum, context, first), row: rows });
  }
  return raw;
}

type Place = Pick<Writing, "row" | "column" | "draw">;

/** Q_product(x · w) of step k inside the instruction. */
function productOf({ matrix, instruction, pixel, filter }: Sum, { words, recorder }: Context, k: number, place: Place) {
  const { operandA, weight, product, pixels, reduction, instruction: fields } = matrix;
  const step = fields.reductionStart + k;
  const { innerCount, middleCount, outerStride, middleStride, innerStride } = reduction;
  const inputWord =
    Math.floor(pixel / pixels.columnCount) * pixels.rowStride +
    (pixel % pixels.columnCount) * pixels.columnStride +
    Math.floor(step / (innerCount * middleCount)) * outerStride +
    (Math.floor(step / innerCount) % middleCount) * middleStride +
    (step % innerCount) * innerStride;
  const inputAddress = fields.inputAddress + inputWord * operandA.format.wordLength;
  const weightAddress = fields.weightAddress + (k * fields.weightPitch + filter) * weight.format.wordLength;
  const x = words.read("inputScratchpad", inputAddress, operandA.format, instruction, recorder, "input", step);
  const w = words.read("weightScratchpad", weightAddress, weight.format, instruction, recorder, "weight", step);
  return recorder.write(multiply(x, w), { spec: product, register: "product", instruction, step, ...place });
}

function accumulatorWriting({ matrix, instruction }: Sum, k: number, place: Place): Writing {
  const step = matrix.instruction.reductionStart + k;
  return { spec: matrix.accumulator, register: "accumulator", instruction, step, ...place };
}

/** Q_accumulator(sum + product). */
function accumulated(sum: Sum, { recorder }: Context, raw: bigint, product: Exact, k: number, place: Place): bigint {
  const before = { raw, fractionLength: sum.matrix.accumulator.format.fractionLength };
  const exact = add(before, product);
  return recorder.write(exact, accumulatorWriting(sum, k, place)).raw;
}
