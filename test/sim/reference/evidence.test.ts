import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Machine } from "../../../isa/machine.ts";
import { type FixedPointFormat, fixedPoint } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { EVIDENCE_REGISTERS, type LayerEvidence } from "../../../sim/evidence.ts";
import type { Quantization } from "../../../sim/reference/observer.ts";
import { MATRIX_PROBLEM, type MatrixProblem, matrixProgram } from "./matrix-problem.ts";
import {
  activation,
  HALT,
  layer,
  load,
  pool,
  programOf,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  vector,
} from "./programs.ts";

const INTEGER = fixedPoint(4, 0);

/** Cycle in which the matrix instruction of these small problems starts: 6 cycles of loading, 1 barrier, 8 settings. */
const START = 15;

/** Two pixels, one filter, three steps on a 2 × 1 array, everything 4-bit integers unless told otherwise. */
function problem(fields: Partial<MatrixProblem>, machine: Partial<Machine> = {}): MatrixProblem {
  return {
    machine: { ...SMALL_MACHINE, columns: 1, ...machine },
    pixelRows: 1,
    pixelColumns: 2,
    filters: 1,
    steps: 3,
    firstPart: 3,
    operandA: INTEGER,
    weight: INTEGER,
    product: register(INTEGER),
    accumulator: register(INTEGER),
    inputs: [1n, 2n, 3n, 3n, 3n, -1n],
    weights: [2n, 3n, 1n],
    seed: 1,
    ...fields,
  };
}

const EXACT = { flushedToZero: 0, errorSum: 0n, errorFraction: 0, trailingZeros: 0 };

function octaves(positive: number[], negative: number[] = []) {
  return { histogram: { positive, negative, zero: 0, underflow: [] } };
}

describe("evidence of a matrix by hand", () => {
  it("output-stationary: 9 and 8 do not fit four bits; the least cycle comes first", () => {
    const { program, matrixIndices } = matrixProgram(problem({}));
    const { evidence, outputs, fault } = runImages(program, [problem({}).inputs], { statistics: true });
    expect(fault).toBeNull();
    // Pixel 0: products 2, 6, 3, sums 2, 8 → 7, 10 → 7. Pixel 1: products 6, 9 → 7, −1, sums 6, 13 → 7, 6.
    expect([...outputs]).toEqual([7, 6]);
    expect(matrixIndices).toEqual([15]);
    const place = { image: 0, instruction: 15, column: 0, channel: 0, after: 7n };
    expect(evidence).toEqual([
      {
        product: {
          overflow: 1,
          first: { ...place, register: "product", cycle: START + 2, row: 1, pixel: 1, step: 1, before: 9n },
          statistics: { count: 6, min: -1n, max: 9n, ...EXACT, ...octaves([0, 0, 2, 2, 1], [1]) },
        },
        accumulator: {
          overflow: 3,
          first: { ...place, register: "accumulator", cycle: START + 1, row: 0, pixel: 0, step: 1, before: 8n },
          statistics: { count: 6, min: 2n, max: 13n, ...EXACT, ...octaves([0, 0, 1, 2, 3]) },
        },
        output: {
          overflow: 0,
          first: null,
          statistics: { count: 2, min: 6n, max: 7n, ...EXACT, ...octaves([0, 0, 0, 2]) },
        },
      },
    ]);
  });

  it("weight-stationary: groups of two from zero, the second group added in the bank one cycle later", () => {
    const machine = { dataflow: "weight-stationary", columns: 1 } as const;
    const { program } = matrixProgram(problem({}, machine));
    const { evidence, outputs } = runImages(program, [problem({}).inputs]);
    // Pixel 0: group 0 is 2 + 6 → 7, group 1 is 3, bank 7 + 3 → 7. Pixel 1: 6 + 7 → 7, −1, bank 6.
    expect([...outputs]).toEqual([7, 6]);
    expect(evidence[0]?.accumulator?.overflow).toBe(3);
    // S(0) = 2: the lower row adds pixel 0 in step 2 + 1.
    expect(evidence[0]?.accumulator?.first).toMatchObject({ cycle: START + 3, row: 1, pixel: 0, step: 1, before: 8n });

    const wide = problem({ accumulator: register(fixedPoint(5, 0)), weights: [2n, 3n, 5n] }, machine);
    const later = runImages(matrixProgram(wide).program, [wide.inputs]).evidence[0]?.accumulator;
    // With five bits 8, 7 and their sum 15 in the bank fit for pixel 0, and 13 − 5 for pixel 1.
    expect(later?.overflow).toBe(0);

    const narrow = problem({ inputs: [1n, 1n, 1n, 1n, 1n, 1n], weights: [3n, 3n, 3n] }, machine);
    const bank = runImages(matrixProgram(narrow).program, [narrow.inputs]).evidence[0]?.accumulator;
    // Group sums 6 and 3 fit, their sum 9 does not: row R = 2, one fold of 2·2 + 1 + 2 − 2 steps before, S = 5 + 2.
    expect(bank?.overflow).toBe(2);
    expect(bank?.first).toMatchObject({ cycle: START + 7 + 1 + 1, row: 2, column: 0, pixel: 0, step: 2, before: 9n });
  });

  it("tree: a chunk is added exactly, so 6 + 3 in one chunk overflows once", () => {
    const tree = problem({ inputs: [1n, 1n, 1n, 1n, 1n, -1n], weights: [3n, 6n, 1n] }, { dataflow: "tree" });
    const { evidence, outputs } = runImages(matrixProgram(tree).program, [tree.inputs]);
    // 3 + 6 = 9 → 7, then 7 + 1 = 8 → 7 for pixel 0; 9 → 7, then 7 − 1 for pixel 1.
    expect([...outputs]).toEqual([7, 6]);
    expect(evidence[0]?.accumulator?.overflow).toBe(3);
    expect(evidence[0]?.accumulator?.first).toMatchObject({ cycle: START + 2, row: 2, pixel: 0, step: 1, before: 9n });
  });
});

describe("statistics", () => {
  /** From the definitions: exact values as rationals with a common denominator. */
  function tally(quantizations: readonly Quantization[]) {
    const rounded = quantizations.map(({ site }) => site.before);
    const fraction = Math.max(...quantizations.map((q) => (q.isQuotient ? q.fractionLength + 32 : q.exactFraction)));
    const errors = quantizations.map((q) => {
      const own = q.isQuotient ? q.fractionLength + 32 : q.exactFraction;
      // (rounded · 2^−F − exact · 2^−E / d) · 2^own, floored, over the common denominator d · 2^scale.
      const scale = 600;
      const numerator =
        q.site.before * q.denominator * 2n ** BigInt(scale + own - q.fractionLength) -
        q.exact * 2n ** BigInt(scale + own - q.exactFraction);
      const denominator = q.denominator * 2n ** BigInt(scale);
      const remainder = ((numerator % denominator) + denominator) % denominator;
      return ((numerator - remainder) / denominator) * 2n ** BigInt(fraction - own);
    });
    return {
      count: rounded.length,
      min: rounded.reduce((a, b) => (a < b ? a : b)),
      max: rounded.reduce((a, b) => (a > b ? a : b)),
      flushedToZero: quantizations.filter((q) => q.exact !== 0n && q.site.before === 0n).length,
      errorSum: errors.reduce((a, b) => a + b, 0n),
      errorFraction: fraction,
      histogram: histogram(quantizations),
      trailingZeros: commonZeros(quantizations.map(({ site }) => site.after)),
    };
  }

  /** Each value sought among the octaves by their bounds. */
  function histogram(quantizations: readonly Quantization[]) {
    const counts = { positive: [] as number[], negative: [] as number[], zero: 0, underflow: [] as number[] };
    const count = (list: number[], inside: (index: number) => boolean): void => {
      let index = 0;
      while (!inside(index)) index++;
      while (list.length <= index) list.push(0);
      list[index] = (list[index] ?? 0) + 1;
    };
    const power = (exponent: number): bigint => 2n ** BigInt(exponent);
    for (const { site, exact, denominator, exactFraction, fractionLength } of quantizations) {
      const raw = site.before;
      if (raw > 0n) count(counts.positive, (k) => raw < power(k));
      else if (raw < 0n) count(counts.negative, (k) => raw >= -power(k));
      else counts.zero++;
      if (raw !== 0n || exact === 0n) continue;
      // |exact| / denominator · 2^(F − E) against 2^−(d + 1), both times 2^600.
      const magnitude = (exact < 0n ? -exact : exact) * power(600 + fractionLength - exactFraction);
      count(counts.underflow, (d) => d === 15 || magnitude >= denominator * power(600 - d - 1));
    }
    return counts;
  }

  function commonZeros(words: readonly bigint[]): number | null {
    if (words.every((word) => word === 0n)) return null;
    let zeros = 0;
    while (words.every((word) => word % 2n ** BigInt(zeros + 1) === 0n)) zeros++;
    return zeros;
  }

  function checkAgainst(evidence: LayerEvidence | undefined, seen: readonly Quantization[]): void {
    for (const name of EVIDENCE_REGISTERS) {
      const own = seen.filter(({ site }) => site.register === name);
      if (own.length === 0) {
        expect(evidence?.[name]).toBeUndefined();
        continue;
      }
      const overflowed = own.filter(({ site }) => site.before !== site.after).map(({ site }) => site);
      const least = overflowed.sort(
        (a, b) =>
          a.image - b.image ||
          a.instruction - b.instruction ||
          a.cycle - b.cycle ||
          a.row - b.row ||
          a.column - b.column,
      )[0];
      expect(evidence?.[name]).toEqual({
        overflow: overflowed.length,
        first: least ?? null,
        statistics: tally(own),
      });
    }
  }

  it("agree with the definitions over everything a matrix program quantizes in two images", () => {
    fc.assert(
      fc.property(MATRIX_PROBLEM, (drawn) => {
        const seen: Quantization[] = [];
        const observers = [{ quantized: (quantization: Quantization) => void seen.push(quantization) }];
        const images = [drawn.inputs, drawn.inputs];
        const { evidence } = runImages(matrixProgram(drawn).program, images, { statistics: true, observers });
        checkAgainst(evidence[0], seen);
      }),
      { numRuns: 100 },
    );
  });

  it("count a quotient's error at F + 32: 1 / 3 into integers is short by a third, floored", () => {
    const operand = fixedPoint(8, 0);
    const tensors = [
      { name: "input", role: "input", format: operand, length: 3 },
      { name: "output", role: "output", format: operand, length: 1 },
    ] as const;
    const program = programOf(SMALL_MACHINE, tensors, [
      set("source", operand),
      set("input", operand),
      load({ channels: 3 }),
      set("operandA", operand),
      set("accumulator", fixedPoint(10, 0)),
      set("output", operand),
      SYNCHRONISE,
      pool({ kind: "averageDivider", inputColumns: 3, kernelColumns: 3 }),
      SYNCHRONISE,
      store({ channels: 1, wordLength: 8, dramAddress: 64 }),
      HALT,
    ]);
    const seen: Quantization[] = [];
    const observers = [{ quantized: (quantization: Quantization) => void seen.push(quantization) }];
    const { evidence } = runImages(program, [[1, 0, 0]], { statistics: true, observers });
    expect(evidence[0]?.output?.statistics).toEqual({
      count: 1,
      min: 0n,
      max: 0n,
      flushedToZero: 1,
      errorSum: -((2n ** 32n + 2n) / 3n),
      errorFraction: 32,
      // 1/3 lies between a quarter and a half of the last bit.
      histogram: { positive: [], negative: [], zero: 1, underflow: [0, 1] },
      trailingZeros: null,
    });
    checkAgainst(evidence[0], seen);
  });

  it("are null when not asked for, and evidence goes to the layer of the instruction", () => {
    const { program } = matrixProgram(problem({}));
    const layers = [layer("load", 0, 7), layer("matrix", 7, 16), layer("rest", 16, 20)];
    const { evidence } = runImages({ ...program, layers }, [problem({}).inputs]);
    expect(evidence.map((entry) => Object.keys(entry))).toEqual([[], ["product", "accumulator"], ["output"]]);
    expect(evidence[1]?.product?.statistics).toBeNull();
  });
});

describe("a trap", () => {
  const trap = (format: FixedPointFormat): RegisterSpec => register(format, "nearest", "trap");

  it("stops the image in the cycle of the overflow; earlier images stay", () => {
    const drawn = problem({ product: trap(INTEGER) });
    const harmless = [1n, 1n, 1n, 1n, 1n, 1n];
    const { program } = matrixProgram(drawn);
    const result = runImages(program, [harmless, drawn.inputs, harmless], { firstImage: 40, capture: true });
    const site = {
      image: 41,
      instruction: 15,
      cycle: START + 2,
      row: 1,
      column: 0,
      register: "product",
      pixel: 1,
      channel: 0,
      step: 1,
      before: 9n,
      after: 7n,
    };
    expect(result.fault).toEqual({
      kind: "overflow-trap",
      pc: 15,
      cycle: START + 2,
      message:
        "the product register cannot hold raw 9 (image 41, pixel 1, channel 0, step 1); give it integer bits, or another overflow mode than trap",
      site,
    });
    expect(result.images).toBe(1);
    expect([...result.outputs]).toEqual([6, 6]);
    expect(result.captured.get("output")?.length).toBe(2);
    expect(result.evidence[0]?.product).toEqual({ overflow: 0, first: null, statistics: null });
  });

  it("takes the least row and column of its cycle, then the product before the accumulator", () => {
    // All elements overflow; (0, 0) is the only one that multiplies in the first step.
    const all = problem({
      inputs: Array.from({ length: 6 }, () => 7n),
      weights: [7n, 7n, 7n],
      product: trap(INTEGER),
      accumulator: trap(INTEGER),
    });
    expect(runImages(matrixProgram(all).program, [all.inputs]).fault?.site).toMatchObject({ row: 0, cycle: START });
    // Only in step 1 do (0, 0) with k = 1 and (1, 0) with k = 0 overflow together, the former in its accumulator.
    const both = problem({
      inputs: [2n, 6n, 0n, 7n, 0n, 0n],
      weights: [2n, 1n, 0n],
      product: trap(INTEGER),
      accumulator: trap(INTEGER),
    });
    expect(runImages(matrixProgram(both).program, [both.inputs]).fault?.site).toMatchObject({
      row: 0,
      cycle: START + 1,
      register: "accumulator",
      before: 10n,
    });
    // A product that saturates its register overflows the accumulator in the same cycle and element: the product counts.
    const one = problem({
      steps: 1,
      firstPart: 1,
      inputs: [7n, 0n],
      weights: [7n],
      product: trap(fixedPoint(5, 0)),
      accumulator: trap(INTEGER),
    });
    expect(runImages(matrixProgram(one).program, [one.inputs]).fault?.site).toMatchObject({ register: "product" });
  });

  it("of the load unit stops in the last cycle of the load, at the first word", () => {
    const wide = fixedPoint(8, 0);
    const tensors = [
      { name: "input", role: "input", format: wide, length: 4 },
      { name: "output", role: "output", format: INTEGER, length: 4 },
    ] as const;
    const machine = { ...SMALL_MACHINE, dram: { ...SMALL_MACHINE.dram, latencyCycles: 9 } };
    const program = programOf(machine, tensors, [
      set("source", wide),
      set("input", trap(INTEGER)),
      load({ channels: 4 }),
      set("operandA", INTEGER),
      set("output", INTEGER),
      activation("none"),
      SYNCHRONISE,
      vector({ operation: "copy", elements: 4 }),
      SYNCHRONISE,
      store({ channels: 4, wordLength: 4, dramAddress: 64 }),
      HALT,
    ]);
    expect(runImages(program, [[1, 50, -50, 2]]).fault).toMatchObject({
      kind: "overflow-trap",
      pc: 2,
      cycle: 11,
      site: { register: "input", row: 0, column: 0, pixel: 1, channel: 0, step: -1, before: 50n, after: 7n },
    });
    expect([...runImages(program, [[1, 7, -8, 2]]).outputs]).toEqual([1, 7, -8, 2]);
  });
});
