import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint, rawRange } from "../../../isa/numerics/format.ts";
import { rawAt } from "../../../isa/numerics/raws.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import { DATAFLOWS, MACHINE, type MatrixProblem, matrixProgram } from "./matrix-problem.ts";
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
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
} from "./programs.ts";

const FORMAT = fixedPoint(5, 2);
const EXACT = fixedPoint(40, 4);

const CASE = fc
  .record({
    machine: MACHINE,
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 6 }),
    channels: fc.integer({ min: 1, max: 3 }),
    filters: fc.integer({ min: 1, max: 5 }),
    kernelRows: fc.integer({ min: 1, max: 3 }),
    kernelColumns: fc.integer({ min: 1, max: 3 }),
    strideRows: fc.integer({ min: 1, max: 2 }),
    strideColumns: fc.integer({ min: 1, max: 3 }),
    padTop: fc.integer({ min: 0, max: 2 }),
    padLeft: fc.integer({ min: 0, max: 1 }),
    padRight: fc.integer({ min: 0, max: 2 }),
    weightPitchExtra: fc.integer({ min: 0, max: 2 }),
    bankPitchExtra: fc.integer({ min: 0, max: 3 }),
    outputPitchExtra: fc.integer({ min: 0, max: 2 }),
  })
  .filter((c) => c.rows + c.padTop >= c.kernelRows && c.columns + c.padLeft + c.padRight >= c.kernelColumns)
  .chain((shape) => {
    const { min, max } = rawRange(FORMAT);
    const words = (length: number) => fc.array(fc.bigInt({ min, max }), { minLength: length, maxLength: length });
    const steps = shape.kernelRows * shape.kernelColumns * shape.channels;
    return fc
      .record({
        input: words(shape.rows * shape.columns * shape.channels),
        weights: words(steps * (shape.filters + shape.weightPitchExtra)),
      })
      .map((values) => ({ ...shape, ...values, steps }));
  });

describe("a convolution", () => {
  it.each(DATAFLOWS)("%s: is unrolled by the address generators, with pitches, strides and padding", (dataflow) => {
    fc.assert(
      fc.property(CASE, (c) => {
        const [paddedRows, paddedColumns] = [c.rows + c.padTop, c.columns + c.padLeft + c.padRight];
        const outputRows = Math.floor((paddedRows - c.kernelRows) / c.strideRows) + 1;
        const outputColumns = Math.floor((paddedColumns - c.kernelColumns) / c.strideColumns) + 1;
        const outputPixels = outputRows * outputColumns;
        const weightPitch = c.filters + c.weightPitchExtra;
        const accumulatorPitch = c.filters + c.bankPitchExtra;
        const outputPitch = c.filters + c.outputPitchExtra;
        const tensors: TensorFields[] = [
          { name: "input", role: "input", format: FORMAT, length: c.input.length },
          { name: "weights", role: "constant", format: FORMAT, length: c.weights.length, values: c.weights },
          { name: "output", role: "output", format: EXACT, length: outputPixels * c.filters },
        ];
        const [, weights, output] = placeTensors(tensors);
        const W = EXACT.wordLength;
        const line = paddedColumns * c.channels;
        const program = programOf({ ...c.machine, dataflow }, tensors, [
          set("source", FORMAT),
          set("input", FORMAT),
          load({
            address: 320,
            rows: c.rows,
            columns: c.columns,
            channels: c.channels,
            rowStride: c.columns * c.channels,
            columnStride: c.channels,
            padTop: c.padTop,
            padLeft: c.padLeft,
            padRight: c.padRight,
          }),
          load({
            target: "weightScratchpad",
            address: 77,
            dramAddress: weights?.address ?? 0,
            channels: c.weights.length,
          }),
          SYNCHRONISE,
          set("operandA", FORMAT),
          set("weight", FORMAT),
          set("product", fixedPoint(10, 4)),
          set("accumulator", EXACT),
          set("output", EXACT),
          activation("none"),
          pixels(outputRows, outputColumns, c.strideRows * line, c.strideColumns * c.channels),
          reduction([c.kernelRows, c.kernelColumns, c.channels], [line, c.channels, 1]),
          matrix({
            inputAddress: 320,
            weightAddress: 77,
            accumulatorAddress: 123,
            columns: c.filters,
            reductionLength: c.steps,
            weightPitch,
            accumulatorPitch,
          }),
          requantize({
            accumulatorAddress: 123,
            outputAddress: 9,
            pixels: outputPixels,
            columns: c.filters,
            accumulatorPitch,
            outputPitch,
          }),
          SYNCHRONISE,
          ...Array.from({ length: outputPixels }, (_, pixel) =>
            store({
              address: 9 + pixel * outputPitch * W,
              dramAddress: (output?.address ?? 0) + pixel * c.filters * W,
              channels: c.filters,
              wordLength: W,
            }),
          ),
          HALT,
        ]);
        const result = runImages(program, [c.input]);
        expect(result.fault).toBeNull();
        for (let y = 0; y < outputRows; y++) {
          for (let x = 0; x < outputColumns; x++) {
            for (let n = 0; n < c.filters; n++) {
              let sum = 0n;
              for (let i = 0; i < c.kernelRows; i++) {
                for (let j = 0; j < c.kernelColumns; j++) {
                  const [row, column] = [y * c.strideRows + i - c.padTop, x * c.strideColumns + j - c.padLeft];
                  if (row < 0 || row >= c.rows || column < 0 || column >= c.columns) continue;
                  for (let ch = 0; ch < c.channels; ch++) {
                    const k = (i * c.kernelColumns + j) * c.channels + ch;
                    const word = c.input[(row * c.columns + column) * c.channels + ch] ?? 0n;
                    sum += word * (c.weights[k * weightPitch + n] ?? 0n);
                  }
                }
              }
              expect(rawAt(result.outputs, (y * outputColumns + x) * c.filters + n, EXACT)).toBe(sum);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("cycles of a published shape: 72 folds of 16 × 16 with K = 25", () => {
  /** E, N and K on a 16 × 16 array; one-bit words, as only time matters. */
  function matrixCycles(machine: Partial<MatrixProblem["machine"]>, E: number, N: number, K: number): number {
    const bit = fixedPoint(1, 0);
    const { program, matrixIndices } = matrixProgram({
      machine: { ...SMALL_MACHINE, rows: 16, columns: 16, ...machine },
      pixelRows: 1,
      pixelColumns: E,
      filters: N,
      steps: K,
      firstPart: K,
      operandA: bit,
      weight: bit,
      product: { format: bit, rounding: "down", overflow: "wrap", saturatedBits: 0, dialect: "sc" },
      accumulator: { format: bit, rounding: "down", overflow: "wrap", saturatedBits: 0, dialect: "sc" },
      inputs: [],
      weights: Array.from({ length: K * N }, () => 0n),
      seed: 0,
    });
    const { start, end } = referenceEngine.open(program).session.cycles;
    const index = matrixIndices[0] ?? -1;
    return (end[index] ?? 0) - (start[index] ?? 0);
  }

  it("takes 5,112 cycles output-stationary, 1,846 with overlapped drain", () => {
    expect(matrixCycles({}, 576, 20, 25)).toBe(5112);
    expect(matrixCycles({ drainOverlap: true }, 576, 20, 25)).toBe(1846);
  });

  it("takes the same weight-stationary with 25 pixels, without and with double-buffered weights", () => {
    expect(matrixCycles({ dataflow: "weight-stationary" }, 25, 20, 576)).toBe(5112);
    expect(matrixCycles({ dataflow: "weight-stationary", weightDoubleBuffer: true }, 25, 20, 576)).toBe(1846);
  });
});
