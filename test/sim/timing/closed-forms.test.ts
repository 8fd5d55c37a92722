import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { type ConfiguredInstruction, walkConfiguration } from "../../../sim/configuration.ts";
import { instructionCycles } from "../../../sim/timing/index.ts";
import { contiguousRuns, dramWords } from "../../../sim/timing/transfer-cycles.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import {
  configure,
  configureAll,
  HALT,
  load,
  matrix,
  pixels,
  pool,
  preload,
  program,
  reduction,
  requantize,
  signed,
  store,
  table,
  vector,
} from "../check/build.ts";

/** Wide enough for any step. */
const OPEN_PORTS: Machine = {
  ...DEFAULT_MACHINE,
  tail: 0,
  inputScratchpad: { ...DEFAULT_MACHINE.inputScratchpad, bitsPerCycle: 2 ** 24 },
  weightScratchpad: { ...DEFAULT_MACHINE.weightScratchpad, bitsPerCycle: 2 ** 24 },
  accumulatorBank: { ...DEFAULT_MACHINE.accumulatorBank, bitsPerCycle: 2 ** 24 },
  outputBuffer: { ...DEFAULT_MACHINE.outputBuffer, bitsPerCycle: 2 ** 24 },
};

/** The last instruction but halt, with its settings. */
function configured(instructions: readonly Instruction[], machine: Machine): ConfiguredInstruction {
  const walk = walkConfiguration(program([...instructions, HALT], undefined, machine));
  if ("fault" in walk) throw new Error(walk.fault.message);
  return walk.configured.at(-2) as ConfiguredInstruction;
}

interface MatrixShape {
  readonly pixelCount: number;
  readonly filters: number;
  readonly steps: number;
  readonly accumulate?: boolean;
  readonly wordLength?: number;
}

function matrixOf(shape: MatrixShape, machine: Machine): ConfiguredInstruction {
  return configured(
    [
      ...configureAll(shape.wordLength ?? 16),
      pixels({ columnCount: shape.pixelCount }),
      reduction({ innerCount: shape.steps }),
      matrix({ columns: shape.filters, reductionLength: shape.steps, accumulate: shape.accumulate ?? false }),
    ],
    machine,
  );
}

/** Works a formula text out again. */
function evaluate(formula: string): number {
  const expression = formula
    .replace(/\bfolds?\b/g, "")
    .replace(/log2 (\d+)/g, "Math.log2($1)")
    .replace(/max\(/g, "Math.max(")
    .replaceAll("⌈", "Math.ceil(")
    .replaceAll("⌉", ")")
    .replace(/[·×]/g, "*")
    .replaceAll("−", "-");
  expect(expression).toMatch(/^[\d\s+\-*/().,]|Math/);
  return Function(`"use strict"; return (${expression});`)() as number;
}

describe("closed forms of the array", () => {
  // 576 pixels × 32 filters on 16 × 16 elements: 36 · 2 folds.
  const folds72 = { pixelCount: 576, filters: 32, steps: 25 };

  test("72 folds of 16 × 16 output-stationary at K = 25 take 5,112 cycles, 1,846 where drains overlap", () => {
    const plain = instructionCycles(matrixOf(folds72, OPEN_PORTS), OPEN_PORTS);
    expect(plain.cycles).toBe(5112);
    expect(plain.formula).toBe("72 folds × (2·16 + 16 + 25 − 2)");
    const machine = { ...OPEN_PORTS, drainOverlap: true };
    const overlapped = instructionCycles(matrixOf(folds72, machine), machine);
    expect(overlapped.cycles).toBe(1846);
    expect(overlapped.formula).toBe("(72 folds − 1) × max(25, 16) + 2·16 + 16 + 25 − 2");
  });

  test("the same folds weight-stationary with T = 25 take the same, and overlap with the double buffer", () => {
    const shape = { pixelCount: 25, filters: 32, steps: 576 };
    const machine: Machine = { ...OPEN_PORTS, dataflow: "weight-stationary" };
    expect(instructionCycles(matrixOf(shape, machine), machine).cycles).toBe(5112);
    const buffered = { ...machine, weightDoubleBuffer: true };
    expect(instructionCycles(matrixOf(shape, buffered), buffered).cycles).toBe(1846);
  });

  test("input-stationary with T = 25 filters takes the same", () => {
    const shape = { pixelCount: 32, filters: 25, steps: 576 };
    const machine: Machine = { ...OPEN_PORTS, dataflow: "input-stationary" };
    expect(instructionCycles(matrixOf(shape, machine), machine).cycles).toBe(5112);
    const buffered = { ...machine, weightDoubleBuffer: true };
    expect(instructionCycles(matrixOf(shape, buffered), buffered).cycles).toBe(1846);
  });

  test("a tree of 16 inputs takes T · ⌈K / 16⌉ + 4 + 1 cycles per column fold", () => {
    const machine: Machine = { ...OPEN_PORTS, dataflow: "tree" };
    const timing = instructionCycles(matrixOf({ pixelCount: 10, filters: 20, steps: 25 }, machine), machine);
    expect(timing.cycles).toBe(2 * (10 * 2 + 4 + 1));
    expect(timing.formula).toBe("2 folds × (2·10 + ⌈log2 16⌉ + 1)");
  });

  test("a tree of one input has no levels", () => {
    const machine: Machine = { ...OPEN_PORTS, dataflow: "tree", rows: 1 };
    expect(instructionCycles(matrixOf({ pixelCount: 3, filters: 1, steps: 5 }, machine), machine).cycles).toBe(16);
  });

  test("sums that enter from the bank cost R more per fold and never overlap", () => {
    const machine = { ...OPEN_PORTS, drainOverlap: true };
    const timing = instructionCycles(matrixOf({ ...folds72, accumulate: true }, machine), machine);
    expect(timing.cycles).toBe(72 * (16 + 71));
  });

  test("the pipeline costs P per fold, or once where folds overlap; the tail once", () => {
    const machine = { ...OPEN_PORTS, macPipeline: 3, tail: 2 };
    expect(instructionCycles(matrixOf(folds72, machine), machine).cycles).toBe(72 * 74 + 2);
    const overlapped = { ...machine, drainOverlap: true };
    expect(instructionCycles(matrixOf(folds72, overlapped), overlapped).cycles).toBe(1846 + 3 + 2);
  });

  test("a port that needs three cycles per step stretches every step and names the stall, the tail excepted", () => {
    const machine: Machine = {
      ...OPEN_PORTS,
      tail: 4,
      // 16 filters of 16 bits: 256 bits per step.
      weightScratchpad: { ...OPEN_PORTS.weightScratchpad, bitsPerCycle: 100 },
    };
    const timing = instructionCycles(matrixOf(folds72, machine), machine);
    expect(timing).toMatchObject({ cycles: 3 * 5112 + 4, stretch: 3, stalls: { weights: 2 * 5112 } });
    expect(timing.formula).toBe("3 × (72 folds × (2·16 + 16 + 25 − 2)) + 4");
  });

  test("ports that need the same number of cycles: input before weights before accumulator", () => {
    const narrow = { ...OPEN_PORTS.inputScratchpad, bitsPerCycle: 128 };
    const machine = { ...OPEN_PORTS, inputScratchpad: narrow, weightScratchpad: narrow, accumulatorBank: narrow };
    expect(Object.keys(instructionCycles(matrixOf(folds72, machine), machine).stalls)).toEqual(["input"]);
    const later = { ...machine, inputScratchpad: OPEN_PORTS.inputScratchpad };
    expect(Object.keys(instructionCycles(matrixOf(folds72, later), later).stalls)).toEqual(["weights"]);
  });

  test("a tree asks ⌈R · C · W / E⌉ bits of the weight port per step", () => {
    const machine: Machine = {
      ...OPEN_PORTS,
      dataflow: "tree",
      weightScratchpad: { ...OPEN_PORTS.weightScratchpad, bitsPerCycle: 100 },
    };
    // 16 · 16 · 16 = 4096 bits over 10 pixels: 410 bits, 5 cycles.
    const timing = instructionCycles(matrixOf({ pixelCount: 10, filters: 16, steps: 16 }, machine), machine);
    expect(timing.stretch).toBe(5);
  });

  test("steps are what the last event of the dataflow table leaves, for any shape", () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 9 }),
      columns: fc.integer({ min: 1, max: 9 }),
      macPipeline: fc.integer({ min: 0, max: 3 }),
      pixelCount: fc.integer({ min: 1, max: 40 }),
      filters: fc.integer({ min: 1, max: 30 }),
      steps: fc.integer({ min: 1, max: 40 }),
      overlap: fc.boolean(),
      dataflow: fc.constantFrom("output-stationary", "weight-stationary", "input-stationary"),
    });
    fc.assert(
      fc.property(shapes, ({ overlap, ...shape }) => {
        const machine: Machine = { ...OPEN_PORTS, ...shape, drainOverlap: overlap, weightDoubleBuffer: overlap };
        const { rows, columns, macPipeline, pixelCount, filters, steps } = shape;
        const sides: Record<string, readonly [number, number, number]> = {
          "output-stationary": [pixelCount, filters, steps],
          "weight-stationary": [steps, filters, pixelCount],
          "input-stationary": [steps, pixelCount, filters],
        };
        const [alongRows, alongColumns, streamed] = sides[shape.dataflow] as readonly [number, number, number];
        let starts = 0;
        let end = 0;
        const stationary = shape.dataflow !== "output-stationary";
        for (let column = 0; column < alongColumns; column += columns) {
          for (let row = 0; row < alongRows; row += rows) {
            // A fold: operands load for R steps (stationary), the corner element sees its last pair, sums drain (output-).
            const streams = starts + (stationary ? rows : 0);
            const lastWrite = streams + (rows - 1) + (columns - 1) + (streamed - 1) + macPipeline;
            end = lastWrite + 1 + (stationary ? 0 : rows);
            starts = overlap ? starts + Math.max(streamed, rows) : end;
          }
        }
        expect(instructionCycles(matrixOf(shape, machine), machine).steps).toBe(end);
      }),
    );
  });
});

describe("closed forms of lanes and transfers", () => {
  const narrow: Machine = {
    ...DEFAULT_MACHINE,
    columns: 8,
    outputBuffer: { capacityBits: 4096, banks: 1, bitsPerCycle: 40 },
  };

  test("requantize takes pixels · ⌈columns / C⌉ steps, stretched by the output port", () => {
    const each = configured([...configureAll(10), requantize({ pixels: 7, columns: 9 })], narrow);
    const timing = instructionCycles(each, narrow);
    // 8 lanes · 10 bits on 40 bits per cycle.
    expect(timing).toMatchObject({ cycles: 28, steps: 14, stretch: 2, stalls: { output: 14 } });
    expect(timing.formula).toBe("2 × (7 × ⌈9 / 8⌉)");
  });

  test("requantize asks the weight port for scale and bias, and for nothing without them", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      weightScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 1 },
    };
    const without = configured([...configureAll(16), requantize({ pixels: 2 })], machine);
    expect(instructionCycles(without, machine).stretch).toBe(1);
    const biased = configured([...configureAll(16), requantize({ pixels: 2, hasBias: true })], machine);
    expect(instructionCycles(biased, machine)).toMatchObject({ stretch: 256, stalls: { weights: 255 * 2 } });
    const scale = configure("scale", signed(5));
    const scaled = configured([...configureAll(16), scale, requantize({ pixels: 2, hasScale: true })], machine);
    expect(instructionCycles(scaled, machine)).toMatchObject({ stretch: 80, stalls: { weights: 79 * 2 } });
    const fields = { pixels: 2, hasBias: true, hasScale: true };
    const both = configured([...configureAll(16), scale, requantize(fields)], machine);
    expect(instructionCycles(both, machine)).toMatchObject({ stretch: 336, stalls: { weights: 335 * 2 } });
  });

  test("preload takes pixels · ⌈columns / C⌉ steps, stretched by the bias words or the bank", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      columns: 8,
      weightScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 20 },
      accumulatorBank: { capacityBits: 4096, banks: 1, bitsPerCycle: 40 },
    };
    const bits = (bias: number, accumulator: number) => {
      const registers = [configure("bias", signed(bias)), configure("accumulator", signed(accumulator))];
      const each = configured([...registers, preload({ pixels: 7, columns: 9 })], machine);
      return instructionCycles(each, machine);
    };
    // 8 · 10 bits on 20 against 8 · 10 on 40; then 8 · 5 on 20 against 8 · 20 on 40.
    expect(bits(10, 10)).toMatchObject({ cycles: 56, steps: 14, stretch: 4, stalls: { weights: 42 } });
    expect(bits(5, 20)).toMatchObject({ cycles: 56, steps: 14, stretch: 4, stalls: { accumulator: 42 } });
    expect(bits(1, 1).formula).toBe("7 × ⌈9 / 8⌉");
  });

  test("requantize asks the input port for its operands, and the weight port for the multipliers of each", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      inputScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 16 },
      weightScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 4 },
    };
    const registers = [...configureAll(16), configure("scale", signed(5))];
    const one = configured([...registers, requantize({ pixels: 2, hasScale: true, source: "operand" })], machine);
    expect(instructionCycles(one, machine)).toMatchObject({ stretch: 20, stalls: { weights: 19 * 2 } });
    const two = configured([...registers, requantize({ pixels: 2, hasScale: true, source: "operands" })], machine);
    expect(instructionCycles(two, machine)).toMatchObject({ stretch: 40, stalls: { weights: 39 * 2 } });
    const wide = { ...machine, weightScratchpad: DEFAULT_MACHINE.weightScratchpad };
    expect(instructionCycles(two, wide)).toMatchObject({ stretch: 32, stalls: { input: 31 * 2 } });
  });

  test("pooling takes the whole window for every group of channels; maximum writes words of operandA", () => {
    const window = { outputRows: 3, outputColumns: 2, channels: 9, kernelRows: 2, kernelColumns: 3 };
    const input = { inputRows: 4, inputColumns: 4 };
    const registers = [...configureAll(16), configure("operandA", signed(5))];
    const maximum = configured([...registers, pool({ ...window, ...input })], narrow);
    expect(instructionCycles(maximum, narrow)).toMatchObject({ steps: 3 * 2 * 2 * 6, stretch: 1 });
    const average = configured([...registers, pool({ ...window, ...input, kind: "average" })], narrow);
    expect(instructionCycles(average, narrow)).toMatchObject({ steps: 72, stretch: 4, cycles: 288 });
  });

  test("vector instructions ask the input port for both operands", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      inputScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 256 },
    };
    const copy = configured([...configureAll(16), vector({ elements: 33 })], machine);
    expect(instructionCycles(copy, machine)).toMatchObject({ cycles: 3, stretch: 1, formula: "⌈33 / 16⌉" });
    const add = configured([...configureAll(16), vector({ elements: 33, operation: "add" })], machine);
    expect(instructionCycles(add, machine)).toMatchObject({ cycles: 6, stretch: 2, stalls: { input: 3 } });
  });

  test("a look-up asks the weight port for one output word per lane, before the output port", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      weightScratchpad: { capacityBits: 4096, banks: 1, bitsPerCycle: 80 },
      outputBuffer: { capacityBits: 4096, banks: 1, bitsPerCycle: 80 },
    };
    const registers = [...configureAll(16), configure("operandA", signed(4)), configure("output", signed(9))];
    const lookup = configured(
      [...registers, table(-8n, 0, 16), vector({ elements: 33, operation: "lookup" })],
      machine,
    );
    expect(instructionCycles(lookup, machine)).toMatchObject({ cycles: 6, stretch: 2, stalls: { weights: 3 } });
    const copy = configured([...registers, vector({ elements: 33 })], machine);
    expect(instructionCycles(copy, machine)).toMatchObject({ cycles: 6, stretch: 2, stalls: { output: 3 } });
  });

  test("a load takes latency and whole DRAM words, each run padded", () => {
    const block = { rows: 3, columns: 5, channels: 2, columnStride: 2, rowStride: 12 };
    const each = configured([...configureAll(10), load(block)], DEFAULT_MACHINE);
    // Runs of 10 words · 10 bits: two 64-bit words each, one a cycle.
    expect(instructionCycles(each, DEFAULT_MACHINE)).toMatchObject({ cycles: 32 + 6, stalls: {} });
  });

  test("a store takes its own word length", () => {
    const each = configured([store({ wordLength: 16, channels: 9 })], DEFAULT_MACHINE);
    expect(instructionCycles(each, DEFAULT_MACHINE)).toMatchObject({ cycles: 32 + 3 });
  });

  test("contiguous runs are those a walk over the words finds, whatever the strides", () => {
    const blocks = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      columns: fc.integer({ min: 1, max: 5 }),
      channels: fc.integer({ min: 1, max: 4 }),
      rowStride: fc.integer({ min: 0, max: 24 }),
      columnStride: fc.integer({ min: 0, max: 6 }),
    });
    const machine: Machine = { ...DEFAULT_MACHINE, dram: { ...DEFAULT_MACHINE.dram, wordBits: 24 } };
    fc.assert(
      fc.property(blocks, fc.integer({ min: 1, max: 20 }), (block, wordLength) => {
        const lengths: number[] = [];
        let expected = -1;
        for (let row = 0; row < block.rows; row++) {
          for (let column = 0; column < block.columns; column++) {
            for (let channel = 0; channel < block.channels; channel++) {
              const word = row * block.rowStride + column * block.columnStride + channel;
              if (word === expected) lengths.push((lengths.pop() ?? 0) + 1);
              else lengths.push(1);
              expected = word + 1;
            }
          }
        }
        const found = contiguousRuns(block).flatMap(({ count, words }) => new Array<number>(count).fill(words));
        expect(found.sort((a, b) => a - b)).toEqual(lengths.sort((a, b) => a - b));
        const words = lengths.reduce((sum, length) => sum + Math.ceil((length * wordLength) / 24), 0);
        expect(dramWords(block, wordLength, machine)).toBe(words);
      }),
      { numRuns: 2000 },
    );
  });

  test("every formula worked out again gives the cycles beside it", () => {
    fc.assert(
      fc.property(machinePrograms(), (drawn) => {
        const walk = walkConfiguration(drawn.program);
        if ("fault" in walk) throw new Error(walk.fault.message);
        for (const each of walk.configured) {
          const { formula, cycles, steps, stretch, stalls } = instructionCycles(each, drawn.program.machine);
          expect(evaluate(formula), formula).toBe(cycles);
          expect(Object.values(stalls).reduce((sum, count) => sum + count, 0)).toBe((stretch - 1) * steps);
        }
      }),
      { numRuns: 150 },
    );
  });
});
