import { describe, expect, it } from "vitest";
import { type FixedPointFormat, fixedPoint, rawRange } from "../../isa/numerics/format.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { Program } from "../../isa/program/program.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { binaryRational, RATIONAL_ROUNDING_MODES, roundRational } from "../oracles/rational-rounding.ts";
import {
  activation,
  type ClipEnds,
  HALT,
  load,
  matrix,
  NO_ENDS,
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
  vector,
  wholeTable,
} from "../sim/reference/programs.ts";
import { outputsOf } from "../sim/reference/watch.ts";
import { expectEnginesAgree, imageBatch } from "./compare.ts";

/** Every raw of a format, ascending. */
function everyRaw(format: FixedPointFormat): bigint[] {
  const { min, max } = rawRange(format);
  return Array.from({ length: Number(max - min) + 1 }, (_, index) => min + BigInt(index));
}

interface Scaling {
  readonly accumulator: FixedPointFormat;
  readonly scale: FixedPointFormat;
  readonly bias: FixedPointFormat | null;
  readonly output: RegisterSpec;
  readonly activation: "none" | "relu" | "clip";
  readonly ends: ClipEnds;
}

/** Pixels run over every accumulator raw, filters over every pair of scale and bias. */
function scalingProgram(problem: Scaling): { program: Program; sums: bigint[]; pairs: (readonly [bigint, bigint])[] } {
  const { accumulator, scale, bias, output } = problem;
  const sums = everyRaw(accumulator);
  const biases = bias === null ? [0n] : everyRaw(bias);
  const pairs = everyRaw(scale).flatMap((factor) => biases.map((addend) => [factor, addend] as const));
  const filters = pairs.length;
  const one = fixedPoint(2, 0);
  const biasFormat = bias ?? one;
  const constants: TensorFields[] = [
    { name: "one", role: "constant", format: one, length: filters, values: pairs.map(() => 1n) },
    { name: "scale", role: "constant", format: scale, length: filters, values: pairs.map(([factor]) => factor) },
    { name: "bias", role: "constant", format: biasFormat, length: filters, values: pairs.map(([, addend]) => addend) },
  ];
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: accumulator, length: sums.length },
    ...constants,
    { name: "output", role: "output", format: output.format, length: sums.length * filters },
  ];
  const placed = placeTensors(tensors);
  const addresses = [0, 4001, 9003];
  const program = programOf({ ...SMALL_MACHINE, columns: 3 }, tensors, [
    set("source", accumulator),
    set("input", accumulator),
    load({ channels: sums.length }),
    ...constants.flatMap(({ format }, index) => [
      set("source", format),
      set("input", format),
      load({
        target: "weightScratchpad",
        channels: filters,
        dramAddress: placed[index + 1]?.address ?? 0,
        address: addresses[index] ?? 0,
      }),
    ]),
    SYNCHRONISE,
    set("operandA", accumulator),
    set("weight", one),
    set("product", accumulator),
    set("accumulator", accumulator),
    set("scale", scale),
    set("bias", biasFormat),
    set("output", output),
    activation(problem.activation, problem.ends),
    pixels(1, sums.length, 0, 1),
    reduction([1, 1, 1], [0, 0, 0]),
    matrix({ columns: filters, reductionLength: 1 }),
    requantize({
      pixels: sums.length,
      columns: filters,
      hasScale: true,
      scaleAddress: addresses[1] ?? 0,
      hasBias: bias !== null,
      biasAddress: addresses[2] ?? 0,
    }),
    SYNCHRONISE,
    store({
      channels: sums.length * filters,
      wordLength: output.format.wordLength,
      dramAddress: placed.at(-1)?.address ?? 0,
    }),
    HALT,
  ]);
  return { program, sums, pairs };
}

/** The word by exact fractions: no shift, no guard bit; saturating. */
function scaledWord(problem: Scaling, sum: bigint, factor: bigint, addend: bigint): bigint {
  const { accumulator, scale, bias, output } = problem;
  const common = 40;
  const at = (raw: bigint, fractionLength: number): bigint => raw * 2n ** BigInt(common - fractionLength);
  let value = at(sum * factor, accumulator.fractionLength + scale.fractionLength);
  if (bias !== null) value += at(addend, bias.fractionLength);
  if (problem.activation === "relu" && value < 0n) value = 0n;
  if (problem.activation === "clip") {
    const { ends } = problem;
    const [lowest, highest] = [at(ends.lowest, ends.fractionLength), at(ends.highest, ends.fractionLength)];
    value = value < lowest ? lowest : value > highest ? highest : value;
  }
  const mode = output.rounding as (typeof RATIONAL_ROUNDING_MODES)[number];
  const rounded = roundRational(binaryRational(value, common - output.format.fractionLength), mode);
  const { min, max } = rawRange(output.format);
  return rounded < min ? min : rounded > max ? max : rounded;
}

const OPTIONS = { statistics: false, capture: false };

describe("requantize with a scale, every word of small formats", () => {
  it.each(RATIONAL_ROUNDING_MODES)("rounds %s what the definition by fractions rounds", (rounding) => {
    const saturate = (format: FixedPointFormat): RegisterSpec => register(format, rounding);
    const problems: Scaling[] = [
      {
        accumulator: fixedPoint(4, 1),
        scale: fixedPoint(3, 2),
        bias: fixedPoint(3, 1),
        output: saturate(fixedPoint(3, 0)),
        activation: "none",
        ends: NO_ENDS,
      },
      // The bias's binary point beyond the product's; unsigned factors; a clip between the output's words.
      {
        accumulator: fixedPoint(4, -1),
        scale: fixedPoint(3, 1, false),
        bias: fixedPoint(3, 3),
        output: saturate(fixedPoint(4, 1)),
        activation: "clip",
        ends: { lowest: -5n, highest: 13n, fractionLength: 2 },
      },
      // No bias, a negative F of the scale, unsigned output.
      {
        accumulator: fixedPoint(5, 6),
        scale: fixedPoint(3, -2),
        bias: null,
        output: saturate(fixedPoint(3, 2, false)),
        activation: "relu",
        ends: NO_ENDS,
      },
    ];
    for (const problem of problems) {
      const { program, sums, pairs } = scalingProgram(problem);
      expect(checkProgram(program)).toBeNull();
      const result = expectEnginesAgree(program, imageBatch(program, sums, 1), OPTIONS);
      const wanted = sums.flatMap((sum) => pairs.map(([factor, addend]) => scaledWord(problem, sum, factor, addend)));
      expect(outputsOf(program, result)).toEqual(wanted);
    }
  });

  it("takes the first offender and the statistics from the output register alone", () => {
    const { program, sums } = scalingProgram({
      accumulator: fixedPoint(3, 0),
      scale: fixedPoint(3, 0),
      bias: fixedPoint(2, 0),
      output: register(fixedPoint(3, 0), "nearest-even", "wrap"),
      activation: "none",
      ends: NO_ENDS,
    });
    for (const statistics of [true, false]) {
      const { evidence } = expectEnginesAgree(program, imageBatch(program, sums, 1), { statistics, capture: true });
      // The accumulator's only writes are those of the matrix instruction: its steps are numbered.
      expect(evidence[0]?.accumulator?.overflow).toBe(0);
      expect(evidence[0]?.output?.first?.step).toBe(-1);
      if (statistics) expect(evidence[0]?.output?.statistics?.count).toBe(8 * 8 * 4);
    }
  });

  it("multiplies words beyond 53 bits exactly", () => {
    const accumulator = fixedPoint(64, 3);
    const scale = fixedPoint(64, 60);
    const { min, max } = rawRange(accumulator);
    const sums = [min, min + 1n, -1n, 0n, 1n, max - 1n, max];
    const factors = [min, -1n, 1n, max];
    const output = register(fixedPoint(60, 1), "nearest-even");
    const bias = fixedPoint(64, 61);
    const filters = factors.length;
    const one = fixedPoint(2, 0);
    const tensors: TensorFields[] = [
      { name: "input", role: "input", format: accumulator, length: sums.length },
      { name: "one", role: "constant", format: one, length: filters, values: factors.map(() => 1n) },
      { name: "scale", role: "constant", format: scale, length: filters, values: factors },
      { name: "bias", role: "constant", format: bias, length: filters, values: [...factors].reverse() },
      { name: "output", role: "output", format: output.format, length: sums.length * filters },
    ];
    const placed = placeTensors(tensors);
    const weights = tensors.slice(1, 4).flatMap(({ format }, index) => [
      set("source", format),
      set("input", format),
      load({
        target: "weightScratchpad",
        channels: filters,
        dramAddress: placed[index + 1]?.address ?? 0,
        address: 1000 * index,
      }),
    ]);
    const program = programOf(SMALL_MACHINE, tensors, [
      set("source", accumulator),
      set("input", accumulator),
      load({ channels: sums.length }),
      ...weights,
      SYNCHRONISE,
      set("operandA", accumulator),
      set("weight", one),
      set("product", accumulator),
      set("accumulator", accumulator),
      set("scale", scale),
      set("bias", bias),
      set("output", output),
      activation("none"),
      pixels(1, sums.length, 0, 1),
      reduction([1, 1, 1], [0, 0, 0]),
      matrix({ columns: filters, reductionLength: 1 }),
      requantize({
        pixels: sums.length,
        columns: filters,
        hasScale: true,
        scaleAddress: 1000,
        hasBias: true,
        biasAddress: 2000,
      }),
      SYNCHRONISE,
      store({ channels: sums.length * filters, wordLength: 60, dramAddress: placed.at(-1)?.address ?? 0 }),
      HALT,
    ]);
    expect(checkProgram(program)).toBeNull();
    const result = expectEnginesAgree(program, imageBatch(program, sums, 1), { statistics: true, capture: true });
    const biases = [...factors].reverse();
    // At F = 63 of the product, 61 of the bias.
    const wanted = sums.flatMap((sum) =>
      factors.map((factor, n) => {
        const value = sum * factor + (biases[n] ?? 0n) * 4n;
        const rounded = roundRational(binaryRational(value, 63 - output.format.fractionLength), "nearest-even");
        const range = rawRange(output.format);
        return rounded < range.min ? range.min : rounded > range.max ? range.max : rounded;
      }),
    );
    expect(outputsOf(program, result)).toEqual(wanted);
  });
});

/** Looks every raw of a format up in a table of distinct words. */
function lookupProgram(operand: FixedPointFormat, output: FixedPointFormat, tableShift: number): Program {
  const inputs = everyRaw(operand);
  const entries = new Set(inputs.map((raw) => raw >> BigInt(tableShift))).size;
  const words = everyRaw(output);
  const table = Array.from({ length: entries }, (_, entry) => words[(entry * 7 + 3) % words.length] ?? 0n);
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: operand, length: inputs.length },
    { name: "table", role: "constant", format: output, length: entries, values: table },
    { name: "output", role: "output", format: output, length: inputs.length },
  ];
  const [, placedTable, result] = placeTensors(tensors);
  return programOf({ ...SMALL_MACHINE, columns: 3 }, tensors, [
    set("source", operand),
    set("input", operand),
    load({ channels: inputs.length }),
    set("source", output),
    set("input", output),
    load({
      target: "weightScratchpad",
      channels: entries,
      dramAddress: placedTable?.address ?? 0,
      address: 13,
    }),
    SYNCHRONISE,
    set("operandA", operand),
    set("output", output),
    wholeTable(operand, tableShift),
    vector({ operation: "lookup", elements: inputs.length, tableAddress: 13 }),
    SYNCHRONISE,
    store({ channels: inputs.length, wordLength: output.wordLength, dramAddress: result?.address ?? 0 }),
    HALT,
  ]);
}

describe("look-up, every word of small formats", () => {
  it.each([0, 1, 2, 5, 6, 63])("with the lowest %i bits ignored", (tableShift) => {
    for (const signed of [true, false]) {
      for (const wordLength of [1, 2, 5]) {
        for (const output of [fixedPoint(1, 4, false), fixedPoint(7, -2)]) {
          const operand = fixedPoint(wordLength, 2, signed);
          const inputs = everyRaw(operand);
          const words = everyRaw(output);
          const program = lookupProgram(operand, output, tableShift);
          expect(checkProgram(program)).toBeNull();
          const result = expectEnginesAgree(program, imageBatch(program, inputs, 1), {
            statistics: true,
            capture: true,
          });
          // Entry by counting distinct shifted raws below, not by subtraction.
          const shifted = [...new Set(inputs.map((raw) => raw >> BigInt(tableShift)))];
          const wanted = inputs.map(
            (raw) => words[(shifted.indexOf(raw >> BigInt(tableShift)) * 7 + 3) % words.length] ?? 0n,
          );
          expect(outputsOf(program, result)).toEqual(wanted);
          expect(result.evidence[0]?.output).toBeUndefined();
        }
      }
    }
  });

  it.each([
    ["u32", fixedPoint(32, 0, false), 26],
    ["48 bits", fixedPoint(48, 60), 42],
    ["64 bits", fixedPoint(64, -3), 58],
    ["u64", fixedPoint(64, 0, false), 58],
  ])("of words of %s into words of 12, 50 and 64 bits", (_, operand, tableShift) => {
    const { min, max } = rawRange(operand);
    const step = 1n << BigInt(tableShift);
    const inputs = [min, min + 1n, min + step - 1n, min + step, 0n, max - step, max - step + 1n, max];
    for (const output of [fixedPoint(12, 1), fixedPoint(50, 1), fixedPoint(64, 1, false)]) {
      const entries = Number((max >> BigInt(tableShift)) - (min >> BigInt(tableShift))) + 1;
      expect(entries).toBe(64);
      const lowest = rawRange(output).min;
      const values = Array.from({ length: entries }, (__, entry) => lowest + BigInt(entry) * 31n);
      const tensors: TensorFields[] = [
        { name: "input", role: "input", format: operand, length: inputs.length },
        { name: "table", role: "constant", format: output, length: entries, values },
        { name: "output", role: "output", format: output, length: inputs.length },
      ];
      const [, placedTable, result] = placeTensors(tensors);
      const program = programOf(SMALL_MACHINE, tensors, [
        set("source", operand),
        set("input", operand),
        load({ channels: inputs.length }),
        set("source", output),
        set("input", output),
        load({ target: "weightScratchpad", channels: entries, dramAddress: placedTable?.address ?? 0 }),
        SYNCHRONISE,
        set("operandA", operand),
        set("output", output),
        wholeTable(operand, tableShift),
        vector({ operation: "lookup", elements: inputs.length }),
        SYNCHRONISE,
        store({ channels: inputs.length, wordLength: output.wordLength, dramAddress: result?.address ?? 0 }),
        HALT,
      ]);
      expect(checkProgram(program)).toBeNull();
      const run = expectEnginesAgree(program, imageBatch(program, inputs, 1), OPTIONS);
      const wanted = inputs.map((raw) => values[Number((raw - min) / step)]);
      expect(outputsOf(program, run)).toEqual(wanted);
    }
  });
});
