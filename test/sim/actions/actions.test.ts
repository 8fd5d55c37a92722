import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import {
  ACTIONS,
  type ActionCounts,
  addActions,
  type Component,
  countActions,
  leakageActions,
  NO_ACTIONS,
  scaleActions,
} from "../../../sim/actions.ts";
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

const MACHINE: Machine = { ...DEFAULT_MACHINE, rows: 2, columns: 3, tail: 0 };

function count(instructions: readonly Instruction[], machine: Machine = MACHINE): ActionCounts {
  return countActions(program([...configureAll(8), ...instructions, HALT], undefined, machine)).total;
}

/** How often a component acts, optionally only by one action or at these widths. */
function times(counts: ActionCounts, component: Component, action?: string, ...widths: readonly number[]): number {
  return counts
    .filter((each) => each.component === component && (action === undefined || each.action === action))
    .filter((each) => widths.length === 0 || each.widths.join() === widths.join())
    .reduce((sum, each) => sum + each.count, 0);
}

/** 3 × 2 output pixels of a 2 × 2 kernel over 4 × 3 words of two channels, 4 filters, K = 8. */
const SHAPE = { rowCount: 3, columnCount: 2, rowStride: 6, columnStride: 2 };
const KERNEL = { outerCount: 2, middleCount: 2, innerCount: 2, outerStride: 6, middleStride: 2, innerStride: 1 };
const [E, N, K] = [6, 4, 8];

const REGISTERS: readonly Instruction[] = [
  configure("operandA", signed(7)),
  configure("weight", signed(5)),
  configure("product", signed(12)),
  configure("accumulator", signed(20)),
  pixels(SHAPE),
  reduction(KERNEL),
];

function matrixCounts(dataflow: Dataflow, changes: Partial<Machine> = {}, accumulate = false): ActionCounts {
  return count([...REGISTERS, matrix({ columns: N, reductionLength: K, accumulate })], {
    ...MACHINE,
    dataflow,
    ...changes,
  });
}

/** Distinct input words of a pass, word by word. */
function distinct(pixelNumbers: readonly number[], steps: readonly number[]): number {
  const words = new Set<number>();
  for (const e of pixelNumbers) {
    for (const k of steps) {
      const start = Math.floor(e / 2) * 6 + (e % 2) * 2;
      words.add(start + Math.floor(k / 4) * 6 + (Math.floor(k / 2) % 2) * 2 + (k % 2));
    }
  }
  return words.size;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

function passes(total: number, length: number): number[][] {
  const cuts: number[][] = [];
  for (let from = 0; from < total; from += length) cuts.push(range(from, Math.min(total, from + length)));
  return cuts;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe("actions of a matrix instruction", () => {
  test.each(["output-stationary", "weight-stationary", "input-stationary", "tree"] as const)(
    "%s multiplies E · N · K times at the operands' widths, idle elements not counted",
    (dataflow) => {
      expect(times(matrixCounts(dataflow), "multiplier", "multiply", 7, 5)).toBe(E * N * K);
    },
  );

  test("output-stationary: each fold of two pixels reads its words once, sums leave through the rows below", () => {
    const counts = matrixCounts("output-stationary");
    const perColumnFold = sum(passes(E, 2).map((fold) => distinct(fold, range(0, K))));
    expect(times(counts, "inputScratchpad", "read", 7)).toBe(2 * perColumnFold);
    expect(times(counts, "weightScratchpad", "read", 5)).toBe(3 * K * N);
    // Each addition writes; the upper of two rows passes one register on the way out.
    expect(times(counts, "accumulatorRegister", "write", 20)).toBe(E * N * K + (E / 2) * N);
    expect(times(counts, "accumulatorBank", "write", 20)).toBe(E * N);
    expect(times(counts, "accumulatorBank", "read")).toBe(0);
    expect(times(counts, "operandRegister", "write", 7)).toBe(E * N * K);
    expect(times(counts, "operandRegister", "write", 5)).toBe(E * N * K);
    // Accumulator 20 bits + product 12 bits, one F: 21 bits with the carry.
    expect(times(counts, "adder", "add", 21)).toBe(E * N * K);
    expect(times(counts, "pipelineRegister")).toBe(0);
  });

  test("sums that go on from the bank are read once and enter once; the pipeline adds P registers per product", () => {
    const counts = matrixCounts("output-stationary", { macPipeline: 2 }, true);
    expect(times(counts, "accumulatorBank", "read", 20)).toBe(E * N);
    expect(times(counts, "accumulatorRegister")).toBe(E * N * K + (E / 2) * N + E * N);
    expect(times(counts, "pipelineRegister", "write", 12)).toBe(2 * E * N * K);
  });

  test("weight-stationary: weights are read once, groups of R rows meet in the bank", () => {
    const counts = matrixCounts("weight-stationary", { rows: 3 });
    const groups = passes(K, 3);
    expect(times(counts, "inputScratchpad", "read")).toBe(2 * sum(groups.map((group) => distinct(range(0, E), group))));
    expect(times(counts, "weightScratchpad", "read")).toBe(K * N);
    expect(times(counts, "operandRegister", "write", 5)).toBe(K * N);
    expect(times(counts, "accumulatorBank", "write")).toBe(3 * E * N);
    expect(times(counts, "accumulatorBank", "read")).toBe(2 * E * N);
    // K = 8 in groups of three: the last group leaves one row idle, through which sums pass.
    expect(times(counts, "accumulatorRegister")).toBe(E * N * K + E * N);
    expect(times(counts, "adder", "add", 21)).toBe(E * N * K + 2 * E * N);
  });

  test("a double buffer writes every stationary operand twice", () => {
    const counts = matrixCounts("weight-stationary", { weightDoubleBuffer: true });
    expect(times(counts, "operandRegister", "write", 5)).toBe(2 * K * N);
  });

  test("input-stationary: inputs are read once per group and column fold, weights for every column fold of pixels", () => {
    const counts = matrixCounts("input-stationary", { columns: 4 });
    const folds = passes(E, 4).flatMap((fold) => passes(K, 2).map((group) => distinct(fold, group)));
    expect(times(counts, "inputScratchpad", "read")).toBe(sum(folds));
    expect(times(counts, "weightScratchpad", "read")).toBe(2 * K * N);
    expect(times(counts, "operandRegister", "write", 7)).toBe(K * E);
    expect(times(counts, "operandRegister", "write", 5)).toBe(E * N * K);
  });

  test("tree: chunks of R products are summed exactly and added to the bank once", () => {
    const counts = matrixCounts("tree", { rows: 3 });
    expect(times(counts, "inputScratchpad", "read")).toBe(2 * distinct(range(0, E), range(0, K)));
    expect(times(counts, "weightScratchpad", "read")).toBe(K * N);
    // Chunks of 3, 3, 2: two, two and one additions of 14 bits, then one of 21 bits each.
    expect(times(counts, "adder", "add", 14)).toBe(E * N * 5);
    expect(times(counts, "adder", "add", 21)).toBe(E * N * 3);
    expect(times(counts, "accumulatorBank", "write")).toBe(3 * E * N);
    expect(times(counts, "accumulatorBank", "read")).toBe(2 * E * N);
  });

  test("distinct input words equal a count word by word for any counters, fold sizes and parts of a sum", () => {
    const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
    const drawn = fc.record({
      pixel: fc.record({
        rowCount: small(1, 5),
        columnCount: small(1, 5),
        rowStride: small(0, 20),
        columnStride: small(0, 5),
      }),
      counters: fc.record({
        outerCount: small(1, 5),
        middleCount: small(1, 3),
        innerCount: small(1, 3),
        outerStride: small(0, 20),
        middleStride: small(0, 6),
        innerStride: small(0, 3),
      }),
      rows: small(1, 7),
      columns: small(1, 7),
      start: small(0, 3),
    });
    fc.assert(
      fc.property(drawn, ({ pixel, counters, rows, columns, start }) => {
        const total = counters.outerCount * counters.middleCount * counters.innerCount;
        const reductionStart = Math.min(start * rows, Math.floor((total - 1) / rows) * rows);
        const reductionLength = total - reductionStart;
        const counts = count(
          [...REGISTERS, pixels(pixel), reduction(counters), matrix({ reductionStart, reductionLength })],
          {
            ...MACHINE,
            rows,
            columns,
            dataflow: "input-stationary",
          },
        );
        let expected = 0;
        for (const fold of passes(pixel.rowCount * pixel.columnCount, columns)) {
          for (const group of passes(reductionLength, rows)) {
            const words = new Set<number>();
            for (const e of fold) {
              for (const step of group) {
                const k = reductionStart + step;
                const row = Math.floor(e / pixel.columnCount) * pixel.rowStride;
                const inner = (k % counters.innerCount) * counters.innerStride;
                const middle = (Math.floor(k / counters.innerCount) % counters.middleCount) * counters.middleStride;
                const outer = Math.floor(k / counters.innerCount / counters.middleCount) * counters.outerStride;
                words.add(row + (e % pixel.columnCount) * pixel.columnStride + outer + middle + inner);
              }
            }
            expected += words.size;
          }
        }
        expect(times(counts, "inputScratchpad", "read")).toBe(expected);
      }),
      { numRuns: 400 },
    );
  });
});

describe("rounding and saturation logic", () => {
  const quantized = (product: RegisterSpec): ActionCounts =>
    count([
      configure("operandA", signed(8, 4)),
      configure("weight", signed(8, 4)),
      configure("product", product),
      configure("accumulator", signed(40, 8)),
      pixels({}),
      reduction({ innerCount: 6 }),
      matrix({ reductionLength: 6 }),
    ]);

  test("a product that keeps every bit needs neither", () => {
    const counts = quantized(signed(16, 8));
    expect(times(counts, "rounding")).toBe(0);
    // The accumulator's carry is always looked at.
    expect(times(counts, "saturation")).toBe(times(counts, "saturation", "saturate", 41, 40));
  });

  test("dropped bits cost by class of mode: wires, incrementer, sticky, jam", () => {
    const format = { wordLength: 8, fractionLength: 4, signed: true };
    const classOf = (rounding: RegisterSpec["rounding"]): number[] =>
      ACTIONS.rounding.map((action) => times(quantized(register(format, rounding)), "rounding", action, 12, 4));
    expect(classOf("down")).toEqual([6, 0, 0, 0, 0]);
    expect(classOf("nearest-up")).toEqual([0, 6, 0, 0, 0]);
    expect(classOf("nearest-even")).toEqual([0, 0, 6, 0, 0]);
    expect(classOf("zero")).toEqual([0, 0, 6, 0, 0]);
    expect(classOf("odd")).toEqual([0, 0, 0, 6, 0]);
    expect(classOf("stochastic")).toEqual([0, 0, 0, 0, 6]);
  });

  test("a stochastic register steps its generator once per quantization that drops bits, and not otherwise", () => {
    const format = { wordLength: 8, fractionLength: 4, signed: true };
    expect(times(quantized(register(format, "stochastic")), "randomGenerator", "step", 32)).toBe(6);
    const exact = { wordLength: 16, fractionLength: 8, signed: true };
    expect(times(quantized(register(exact, "stochastic")), "randomGenerator")).toBe(0);
  });

  test("the carry of a rounding widens the word that is fitted; wrapping is wires, wrap:N is not", () => {
    const format = { wordLength: 8, fractionLength: 4, signed: true };
    expect(times(quantized(register(format)), "saturation", "saturate", 13, 8)).toBe(6);
    expect(times(quantized(register(format, "down")), "saturation", "saturate", 12, 8)).toBe(6);
    expect(times(quantized(register(format, "down", "wrap")), "saturation", "wrap", 12, 8)).toBe(6);
    expect(times(quantized(register(format, "down", "wrap", 2)), "saturation", "saturate", 12, 8)).toBe(6);
  });

  test("a register without sign looks at every signed value; one with a sign holds every shorter unsigned one", () => {
    const unsigned = { wordLength: 30, fractionLength: 8, signed: false };
    expect(times(quantized(register(unsigned)), "saturation", "saturate", 16, 30)).toBe(6);
    const exact = { wordLength: 16, fractionLength: 8, signed: true };
    expect(times(quantized(register(exact, "nearest", "saturate-symmetric")), "saturation", "saturate", 16, 16)).toBe(
      6,
    );
  });
});

describe("actions of lanes and transfers", () => {
  test("requantize adds the bias into the sum register and rounds twice", () => {
    const counts = count([
      configure("accumulator", signed(30, 10)),
      configure("sum", signed(12, 4)),
      configure("bias", signed(9, 6)),
      configure("output", signed(8, 2)),
      {
        opcode: "configure.activation",
        wait: 0,
        signal: 0,
        activation: "relu",
        lowest: 0n,
        highest: 0n,
        fractionLength: 0n,
      },
      requantize({ pixels: 5, columns: 4, hasBias: true, useSum: true }),
    ]);
    expect(times(counts, "accumulatorBank", "read", 30)).toBe(20);
    expect(times(counts, "weightScratchpad", "read", 9)).toBe(20);
    // 12,4 + 9,6: integer bits 8 and 3, one carry, F = 6.
    expect(times(counts, "adder", "add", 15)).toBe(20);
    expect(times(counts, "rounding", "sticky", 24, 6)).toBe(20);
    expect(times(counts, "rounding", "sticky", 13, 2)).toBe(20);
    expect(times(counts, "rounding", "sticky", 10, 2)).toBe(20);
    expect(times(counts, "activation", "relu", 12)).toBe(20);
    expect(times(counts, "outputBuffer", "write", 8)).toBe(20);
  });

  test("preload reads the bias and rounds it into the bank for every pixel", () => {
    const counts = count([
      configure("accumulator", signed(7, 2)),
      configure("bias", signed(9, 6)),
      preload({ pixels: 5, columns: 4 }),
    ]);
    expect(times(counts, "weightScratchpad", "read", 9)).toBe(20);
    expect(times(counts, "adder")).toBe(0);
    expect(times(counts, "rounding", "sticky", 5, 4)).toBe(20);
    // Five kept bits and a carry fit seven.
    expect(times(counts, "saturation")).toBe(0);
    expect(times(counts, "accumulatorBank", "write", 7)).toBe(20);
  });

  test("requantize with a scale multiplies, adds the bias exactly and rounds once", () => {
    const counts = count([
      configure("accumulator", signed(30, 10)),
      configure("scale", signed(11, 3)),
      configure("bias", signed(9, 15)),
      configure("output", signed(8, 2)),
      {
        opcode: "configure.activation",
        wait: 0,
        signal: 0,
        activation: "relu",
        lowest: 0n,
        highest: 0n,
        fractionLength: 0n,
      },
      requantize({ pixels: 5, columns: 4, hasBias: true, hasScale: true }),
    ]);
    expect(times(counts, "accumulatorBank", "read", 30)).toBe(20);
    expect(times(counts, "weightScratchpad", "read", 11)).toBe(20);
    expect(times(counts, "weightScratchpad", "read", 9)).toBe(20);
    expect(times(counts, "multiplier", "multiply", 30, 11)).toBe(20);
    // 41,13 + 9,15: integer bits 28 and −6, one carry, F = 15.
    expect(times(counts, "adder", "add", 44)).toBe(20);
    expect(times(counts, "rounding")).toBe(20);
    expect(times(counts, "rounding", "sticky", 31, 13)).toBe(20);
    expect(times(counts, "activation", "relu", 44)).toBe(20);
    expect(times(counts, "outputBuffer", "write", 8)).toBe(20);
  });

  test("requantize scales two operands, adds them, and divides by a constant without a divider", () => {
    const operands = [
      configure("accumulator", signed(30)),
      configure("operandA", signed(8)),
      configure("operandB", signed(6)),
      configure("scale", signed(11)),
      configure("output", signed(8)),
      {
        opcode: "configure.activation",
        wait: 0,
        signal: 0,
        activation: "none",
        lowest: 0n,
        highest: 0n,
        fractionLength: 0n,
      },
    ] as const;
    const finish = (divisor: number) =>
      count([
        ...operands,
        { opcode: "configure.divisor", wait: 0, signal: 0, divisor },
        requantize({ pixels: 5, columns: 4, hasScale: true, source: "operands", hasDivisor: true }),
      ]);
    const shifts = finish(255);
    expect(times(shifts, "accumulatorBank")).toBe(0);
    expect(times(shifts, "inputScratchpad", "read", 8)).toBe(20);
    expect(times(shifts, "inputScratchpad", "read", 6)).toBe(20);
    expect(times(shifts, "weightScratchpad", "read", 11)).toBe(40);
    expect(times(shifts, "multiplier", "multiply", 8, 11)).toBe(20);
    expect(times(shifts, "multiplier", "multiply", 6, 11)).toBe(20);
    // 19 and 17 bits: a sum of 20, and two additions of its width for 2^8 − 1.
    expect(times(shifts, "adder", "add", 20)).toBe(20 + 40);
    expect(times(finish(49), "multiplier", "multiply", 20, 20)).toBe(20);
    expect(times(finish(49), "divider")).toBe(0);
  });

  test("a pool of sums writes the bank and rounds in the accumulator alone", () => {
    const counts = count([
      configure("operandA", signed(8)),
      configure("accumulator", signed(10)),
      pool({ kind: "sum", inputRows: 2, inputColumns: 2, kernelRows: 2, kernelColumns: 2, channels: 3 }),
    ]);
    expect(times(counts, "inputScratchpad", "read", 8)).toBe(12);
    expect(times(counts, "accumulatorRegister", "write", 10)).toBe(12);
    expect(times(counts, "accumulatorBank", "write", 10)).toBe(3);
    expect(times(counts, "outputBuffer")).toBe(0);
    expect(times(counts, "multiplier")).toBe(0);
  });

  test("a look-up reads the word and its entry, and calculates nothing", () => {
    const counts = count([
      configure("operandA", signed(6, 3)),
      configure("output", signed(11, 2)),
      table(-32n, 2, 16),
      vector({ operation: "lookup", elements: 10 }),
    ]);
    expect(counts.map(({ component, action, widths, count: often }) => [component, action, ...widths, often])).toEqual([
      ["inputScratchpad", "read", 6, 10],
      ["weightScratchpad", "read", 11, 10],
      ["outputBuffer", "write", 11, 10],
      ["bus", "transfer", 6, 10],
      ["bus", "transfer", 11, 20],
    ]);
  });

  test("maximum pooling reads valid positions and compares all but the first of a window", () => {
    const window = { inputRows: 5, inputColumns: 4, outputRows: 3, outputColumns: 2, channels: 3 };
    const counts = count([
      pool({ ...window, kernelRows: 3, kernelColumns: 2, strideRows: 2, strideColumns: 2, padTop: 1 }),
    ]);
    // Rows of the windows inside the block: 2 + 3 + 2; columns 2 + 2.
    expect(times(counts, "inputScratchpad", "read")).toBe(7 * 4 * 3);
    expect(times(counts, "comparator", "compare", 8)).toBe(7 * 4 * 3 - 18);
    expect(times(counts, "outputBuffer", "write")).toBe(18);
  });

  test("average pooling multiplies by a 17-bit reciprocal, or divides", () => {
    const window = { inputRows: 4, inputColumns: 4, outputRows: 2, outputColumns: 2, kernelRows: 2, kernelColumns: 2 };
    const reciprocal = count([pool({ ...window, strideRows: 2, strideColumns: 2, kind: "average" })]);
    expect(times(reciprocal, "multiplier", "multiply", 8, 17)).toBe(4);
    expect(times(reciprocal, "adder", "add", 9)).toBe(16);
    expect(times(reciprocal, "divider")).toBe(0);
    const quotient = count([pool({ ...window, strideRows: 2, strideColumns: 2, kind: "averageDivider" })]);
    expect(times(quotient, "divider", "divide", 8, 3)).toBe(4);
    expect(times(quotient, "multiplier")).toBe(0);
  });

  test("vector operations use what they name; copies and shifts are wires", () => {
    const of = (operation: "copy" | "shift" | "add" | "multiply" | "maximum"): ActionCounts =>
      count([configure("operandB", signed(6)), vector({ operation, elements: 10 })]);
    for (const operation of ["copy", "shift"] as const) {
      expect(times(of(operation), "inputScratchpad", "read")).toBe(10);
      expect(times(of(operation), "adder") + times(of(operation), "multiplier")).toBe(0);
    }
    expect(times(of("add"), "adder", "add", 9)).toBe(10);
    expect(times(of("multiply"), "multiplier", "multiply", 8, 6)).toBe(10);
    expect(times(of("maximum"), "comparator", "compare", 8)).toBe(10);
    expect(times(of("add"), "inputScratchpad", "read")).toBe(20);
  });

  test("a load counts whole DRAM words and the padding's zeros; equal formats quantize nothing", () => {
    const block = load({ rows: 3, columns: 2, channels: 5, rowStride: 20, columnStride: 5, padTop: 1, padRight: 2 });
    const counts = count([block]);
    // Runs of 80 bits: two words of 64.
    expect(times(counts, "dram", "read", 64)).toBe(6);
    expect(times(counts, "inputScratchpad", "write", 8)).toBe(4 * 4 * 5);
    expect(times(counts, "rounding") + times(counts, "saturation")).toBe(0);
    const narrowed = count([configure("input", signed(4)), block]);
    expect(times(narrowed, "saturation", "saturate", 8, 4)).toBe(30);
  });

  test("a store reads the buffer and writes whole DRAM words; every on-chip word crosses a bus", () => {
    const counts = count([store({ wordLength: 16, channels: 9 })]);
    expect(times(counts, "dram", "write", 64)).toBe(3);
    expect(times(counts, "outputBuffer", "read", 16)).toBe(9);
    expect(times(counts, "bus", "transfer", 16)).toBe(9);
  });

  test("memories carry the capacity of one bank", () => {
    const [read] = count([store({})]).filter(({ component }) => component === "outputBuffer");
    expect(read?.bankBits).toBe((32 * 1024 * 8) / 4);
  });

  test("leakage is counted in nanoseconds of each memory's capacity and of the array", () => {
    const counts = leakageActions(DEFAULT_MACHINE, 1000);
    // 1000 cycles at 200 MHz; the scratchpads are alike.
    expect(times(counts, "leakage", "memoryNanosecond", 524288)).toBe(2 * 5000);
    expect(times(counts, "leakage", "arrayNanosecond", 8192)).toBe(5000);
  });
});

describe("counts of programs", () => {
  test("layers add up to the total, and counting is a monoid", () => {
    fc.assert(
      fc.property(machinePrograms(), machinePrograms(1), (a, b) => {
        const { perLayer, total } = countActions(a.program);
        expect(perLayer).toHaveLength(a.program.layers.length);
        expect(addActions(...perLayer)).toEqual(total);
        const other = countActions(b.program).total;
        expect(addActions(total, other)).toEqual(addActions(other, total));
        expect(addActions(total, NO_ACTIONS)).toEqual(total);
        expect(addActions(total, total)).toEqual(scaleActions(total, 2));
        expect(scaleActions(total, 0)).toEqual(NO_ACTIONS);
      }),
      { numRuns: 60 },
    );
  });

  test("layers multiply as often as their symbols say, once more for each word with a scale, and once for most divisors", () => {
    fc.assert(
      fc.property(machinePrograms(), ({ program: drawn }) => {
        const { perLayer } = countActions(drawn);
        for (const [index, { kind, macs, firstInstruction, endInstruction }] of drawn.layers.entries()) {
          if (kind !== "conv2d") continue;
          const own = drawn.instructions.slice(firstInstruction, endInstruction);
          const divisor = own.reduce((set, each) => (each.opcode === "configure.divisor" ? each.divisor : set), 1);
          const reciprocal = /^1+$/.test(divisor.toString(2)) ? 0 : 1;
          const scaled = own.reduce((sum, each) => {
            if (each.opcode !== "requantize" || !each.hasScale) return sum;
            return each.pixels * each.columns * (1 + (each.hasDivisor ? reciprocal : 0));
          }, 0);
          expect(times(perLayer[index] ?? [], "multiplier")).toBe(macs + scaled);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("counts are plain data, sorted, with as many widths as the component has", () => {
    fc.assert(
      fc.property(machinePrograms(2), ({ program: drawn }) => {
        const { total } = countActions(drawn);
        expect(JSON.parse(JSON.stringify(total))).toEqual(total);
        const names = Object.keys(ACTIONS);
        const positions = total.map(({ component }) => names.indexOf(component));
        expect(positions).toEqual([...positions].sort((x, y) => x - y));
        for (const { component, action, widths, count: often } of total) {
          expect(ACTIONS[component]).toContain(action);
          expect(Number.isSafeInteger(often) && often > 0).toBe(true);
          expect(widths.every((width) => Number.isSafeInteger(width) && width > 0)).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("a program whose settings are incomplete is refused with the instruction's name", () => {
    expect(() => countActions(program([vector({}), HALT]))).toThrow(/PROGRAM.*instruction 0.*never set/);
  });
});
