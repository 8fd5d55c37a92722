import * as fc from "fast-check";
import type { Instruction } from "../../../isa/instructions/table.ts";
import type { Machine } from "../../../isa/machine.ts";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";
import type { Program } from "../../../isa/program/program.ts";
import {
  activation,
  HALT,
  load,
  matrix,
  pixels,
  placeTensors,
  programOf,
  reduction,
  requantize,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
} from "./programs.ts";

/** One matrix problem: inputs by pixel and step, weights by step and filter, registers, and how it is cut up. */
export interface MatrixProblem {
  readonly machine: Machine;
  readonly pixelRows: number;
  readonly pixelColumns: number;
  readonly filters: number;
  readonly steps: number;
  /** Steps of the first matrix instruction; the rest is accumulated by a second one where it is below `steps`. */
  readonly firstPart: number;
  readonly operandA: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  /** E × K, pixel-major. */
  readonly inputs: readonly bigint[];
  /** K × N, step-major. */
  readonly weights: readonly bigint[];
  readonly seed: number;
}

/** Positions of the instructions that matter to a test. */
export interface MatrixProgram {
  readonly program: Program;
  readonly matrixIndices: readonly number[];
}

/** A program that loads, multiplies, copies the accumulators out unchanged and stores them: output word e·N + n. */
export function matrixProgram(problem: MatrixProblem): MatrixProgram {
  const { machine, filters, steps, firstPart, operandA, weight, accumulator } = problem;
  const pixelCount = problem.pixelRows * problem.pixelColumns;
  const sums = pixelCount * filters;
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: operandA, length: pixelCount * steps },
    { name: "weights", role: "constant", format: weight, length: steps * filters, values: problem.weights },
    { name: "output", role: "output", format: accumulator.format, length: sums },
  ];
  const [, weights, output] = placeTensors(tensors);
  const parts = firstPart < steps ? [firstPart, steps - firstPart] : [steps];
  const products = parts.map((reductionLength, part) =>
    matrix({
      columns: filters,
      reductionLength,
      reductionStart: part === 0 ? 0 : firstPart,
      weightAddress: part === 0 ? 0 : firstPart * filters * weight.wordLength,
      accumulate: part > 0,
    }),
  );
  const before: Instruction[] = [
    set("source", operandA),
    set("input", operandA),
    load({ channels: pixelCount * steps }),
    set("source", weight),
    set("input", weight),
    load({ target: "weightScratchpad", dramAddress: weights?.address ?? 0, channels: steps * filters }),
    SYNCHRONISE,
    set("operandA", operandA),
    set("weight", weight),
    set("product", problem.product),
    set("accumulator", accumulator),
    set("output", accumulator),
    activation("none"),
    pixels(problem.pixelRows, problem.pixelColumns, problem.pixelColumns * steps, steps),
    reduction([1, 1, steps], [0, 0, 1]),
  ];
  const program = programOf(
    machine,
    tensors,
    [
      ...before,
      ...products,
      requantize({ pixels: pixelCount, columns: filters }),
      SYNCHRONISE,
      store({ channels: sums, wordLength: accumulator.format.wordLength, dramAddress: output?.address ?? 0 }),
      HALT,
    ],
    { seed: problem.seed },
  );
  return { program, matrixIndices: products.map((_, part) => before.length + part) };
}

const FORMAT: fc.Arbitrary<FixedPointFormat> = fc
  .record({
    wordLength: fc.integer({ min: 1, max: 9 }),
    fractionLength: fc.integer({ min: -3, max: 9 }),
    signed: fc.boolean(),
  })
  .map(({ wordLength, fractionLength, signed }) => fixedPoint(wordLength, fractionLength, signed));

export const ROUNDING: fc.Arbitrary<RoundingMode> = fc.constantFrom(...(Object.keys(ROUNDING_MODES) as RoundingMode[]));

/** Registers of every rounding mode, saturating or wrapping. */
export const REGISTER: fc.Arbitrary<RegisterSpec> = fc
  .tuple(FORMAT, ROUNDING, fc.constantFrom("saturate", "saturate-symmetric", "wrap", "saturate-zero"))
  .map(([format, rounding, overflow]) => register(format, rounding, overflow as RegisterSpec["overflow"]));

/** Raws of a format, its two ends and zero often. */
export function raws(format: FixedPointFormat, length: number): fc.Arbitrary<bigint[]> {
  const { min, max } = rawRange(format);
  const raw = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n));
  return fc.array(raw, { minLength: length, maxLength: length });
}

export const DATAFLOWS = ["output-stationary", "weight-stationary", "input-stationary", "tree"] as const;

export const MACHINE: fc.Arbitrary<Machine> = fc
  .record({
    dataflow: fc.constantFrom(...DATAFLOWS),
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 4 }),
    macPipeline: fc.constantFrom(0, 0, 1, 3),
    tail: fc.constantFrom(0, 1, 4),
    weightDoubleBuffer: fc.boolean(),
    drainOverlap: fc.boolean(),
    ports: fc.record({ input: PORT(), weights: PORT(), accumulator: PORT() }),
  })
  .map(({ ports, ...fields }) => ({
    ...SMALL_MACHINE,
    ...fields,
    inputScratchpad: { ...SMALL_MACHINE.inputScratchpad, bitsPerCycle: ports.input },
    weightScratchpad: { ...SMALL_MACHINE.weightScratchpad, bitsPerCycle: ports.weights },
    accumulatorBank: { ...SMALL_MACHINE.accumulatorBank, bitsPerCycle: ports.accumulator },
  }));

function PORT(): fc.Arbitrary<number> {
  return fc.constantFrom(7, 16, 4096);
}

/** Any problem on any small machine; a split of the sum falls on a group's border. */
export const MATRIX_PROBLEM: fc.Arbitrary<MatrixProblem> = fc
  .record({
    machine: MACHINE,
    pixelRows: fc.integer({ min: 1, max: 3 }),
    pixelColumns: fc.integer({ min: 1, max: 4 }),
    filters: fc.integer({ min: 1, max: 6 }),
    steps: fc.integer({ min: 1, max: 11 }),
    split: fc.boolean(),
    operandA: FORMAT,
    weight: FORMAT,
    product: REGISTER,
    accumulator: REGISTER,
    seed: fc.nat(),
  })
  .chain((drawn) => {
    const { split, ...fields } = drawn;
    const groups = Math.ceil(drawn.steps / drawn.machine.rows);
    const border = drawn.machine.rows * Math.max(1, Math.floor(groups / 2));
    return fc
      .record({
        inputs: raws(drawn.operandA, drawn.pixelRows * drawn.pixelColumns * drawn.steps),
        weights: raws(drawn.weight, drawn.steps * drawn.filters),
      })
      .map((values) => ({ ...fields, ...values, firstPart: split ? Math.min(border, drawn.steps) : drawn.steps }));
  });
