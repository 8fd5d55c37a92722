/** What functions of one element cost in precision, from the operator of a model to the words of the machine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { type ElementFunction, evaluateFunction } from "../../../compiler/graph/element-function.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { Calibration } from "../../../compiler/quantization/resolve-assignment.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { type FixedPointFormat, formatText, rawRange, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";
import type { Program } from "../../../isa/program/program.ts";
import { expectEnginesAgree, imageBatch } from "../../conformance/compare.ts";
import { rationalFunction } from "../../oracles/function-words.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";
import { outputsOf } from "../../sim/reference/watch.ts";

/** A network of one function. */
function functionGraph(definition: ElementFunction, elements: number): Graph {
  const builder = new GraphBuilder("one function", { name: "input", shape: [elements] }, "test");
  builder.add({ op: "function", name: "f", inputs: ["input"], function: definition });
  return builder.finish("f");
}

function wordsOf(program: Program, raws: readonly bigint[]): readonly bigint[] {
  const result = expectEnginesAgree(program, imageBatch(program, raws, 1), { statistics: true, capture: true });
  return outputsOf(program, result);
}

/** Float32 constants of an ordinary size: the instructions have no room for others beside a slope. */
const floats = fc
  .float({ noNaN: true, noDefaultInfinity: true, min: -20, max: 20 })
  .map((value) => (Math.abs(value) < 2 ** -12 ? 0 : value));

const LINES: fc.Arbitrary<ElementFunction> = fc.oneof(
  fc.tuple(floats, floats, fc.nat(3)).map(
    ([a, b, open]): ElementFunction => ({
      kind: "clip",
      minimum: open === 1 ? -Infinity : Math.min(a, b),
      maximum: open === 2 ? Infinity : Math.max(a, b),
    }),
  ),
  fc.constant<ElementFunction>({ kind: "abs" }),
  fc.constant<ElementFunction>({ kind: "hardSwish" }),
  fc.constantFrom(0.01, 0.125, 0.3, -0.7, 2.5, 1e-4).map((slope): ElementFunction => ({ kind: "leakyRelu", slope })),
  floats.map((threshold): ElementFunction => ({ kind: "thresholdedRelu", threshold })),
  fc
    .tuple(fc.constantFrom(0.2, 1 / 6, -0.3), floats)
    .map(([slope, offset]): ElementFunction => ({ kind: "hardSigmoid", slope, offset })),
);

const FORMATS = fc.record({
  wordLength: fc.constantFrom(1, 5, 8, 16, 27, 32, 50, 64),
  fractionLength: fc.integer({ min: -3, max: 30 }),
  signed: fc.boolean(),
});

const ROUNDINGS = fc.constantFrom<RoundingMode>("down", "up", "zero", "nearest", "nearest-even", "odd", "away");

/** Words of a format: its ends, 0, and any. */
function wordsIn({ min, max }: { readonly min: bigint; readonly max: bigint }): fc.Arbitrary<readonly bigint[]> {
  const zero = min > 0n ? min : 0n;
  return fc
    .array(fc.bigInt({ min, max }), { minLength: 1, maxLength: 12 })
    .map((drawn) => [min, max, zero, zero < max ? zero + 1n : zero, zero > min ? zero - 1n : zero, ...drawn]);
}

describe("functions of lines", () => {
  it("are exact to one rounding into the output register, against fractions, at any word length", () => {
    fc.assert(
      fc.property(
        LINES,
        FORMATS.chain((input) => fc.tuple(fc.constant(input), wordsIn(rawRange(input)))),
        FORMATS,
        ROUNDINGS,
        fc.constantFrom("saturate" as const, "wrap" as const),
        (definition, [input, raws], output, rounding, overflow) => {
          const spec: RegisterSpec = register(output, rounding, overflow);
          const { program } = compile(functionGraph(definition, raws.length), {
            machine: DEFAULT_MACHINE,
            assignment: {
              default: { format: formatText(input), output: { format: formatText(output), rounding, overflow } },
            },
            seed: 1,
          });
          const wanted = raws.map((raw) => {
            const { numerator, denominator } = rationalFunction(definition, raw, input.fractionLength);
            return quantizeQuotient(numerator, denominator, 0, spec).raw;
          });
          expect(wordsOf(program, raws)).toEqual(wanted);
        },
      ),
      { numRuns: 150 },
    );
  });
});

/** SQNR of a value of a network in decibels, from raws of its input; formats are those of the assignment. */
function sqnr(graph: Graph, program: Program, raws: readonly bigint[], format: FixedPointFormat): number {
  const values = raws.map((raw) => rawToFloat64(raw, format.fractionLength));
  const exact = evaluateAllValues(graph, values).get(graph.output)?.data ?? [];
  const output = program.tensors.find(({ name }) => name === program.output)?.format as FixedPointFormat;
  const found = wordsOf(program, raws).map((raw) => rawToFloat64(raw, output.fractionLength));
  let [signal, noise] = [0, 0];
  found.forEach((value, index) => {
    signal += (exact[index] ?? 0) ** 2;
    noise += (value - (exact[index] ?? 0)) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

function measured(graph: Graph, low: number, high: number, name: string): Calibration {
  return { [graph.input.name]: { min: low, max: high }, [name]: { min: low, max: high } };
}

const ELEMENTS = 64;

/** Numbers from `low` to `high` as words of a format. */
function spread(low: number, high: number, format: FixedPointFormat): readonly bigint[] {
  return Array.from({ length: ELEMENTS }, (_, index) => {
    const value = low + ((high - low) * ((index * 29) % ELEMENTS)) / (ELEMENTS - 1);
    return quantizeFloat64(value, register(format)).raw;
  });
}

const WIDTHS = [12, 14, 16, 20, 24, 32];

describe("functions by table", () => {
  const cases: readonly (readonly [ElementFunction, low: number, high: number])[] = [
    [{ kind: "sigmoid" }, -2, 2],
    [{ kind: "tanh" }, -2, 2],
    [{ kind: "exp" }, -2, 2],
    [{ kind: "softplus" }, -2, 2],
    [{ kind: "softsign" }, -2, 2],
    [{ kind: "elu", scale: 1.6732632423543772, width: 1, gain: 1.0507009873554805 }, -2, 2],
    [{ kind: "gelu", approximate: false }, -2, 2],
    [{ kind: "mish" }, -2, 2],
    [{ kind: "swish", slope: 1 }, -2, 2],
    [{ kind: "log" }, 0.25, 2],
    [{ kind: "power", exponent: -1 }, 0.25, 2],
    [{ kind: "power", exponent: 0.5 }, 0.25, 2],
    [{ kind: "power", exponent: -0.75 }, 1, 2],
    [{ kind: "sin" }, -2, 2],
  ];
  it.each(cases)("lose nothing to wider words: %o", (definition, low, high) => {
    const graph = functionGraph(definition, ELEMENTS);
    const of = (interpolate: boolean): readonly number[] =>
      WIDTHS.map((wordLength) => {
        const format = { wordLength, fractionLength: wordLength / 2, signed: true };
        const { program } = compile(graph, {
          machine: DEFAULT_MACHINE,
          assignment: { default: { format: formatText(format), rounding: "nearest", interpolate } },
          calibration: measured(graph, low, high, "f"),
          seed: 1,
        });
        return sqnr(graph, program, spread(low, high, format), format);
      });
    const stepped = of(false);
    for (const found of stepped) expect(found).toBeGreaterThan((stepped[0] ?? 0) - 3);
    const lines = of(true);
    // A word of 16,8 to 32,16 close to its own precision: six decibels a bit of fraction, as far as 4,096 lines go.
    WIDTHS.forEach((wordLength, index) => {
      expect(lines[index]).toBeGreaterThan(Math.min((lines[0] ?? 0) + 6 * (wordLength / 2 - 6) - 6, 92));
    });
  });

  it("give words beyond the table its ends", () => {
    const format = { wordLength: 16, fractionLength: 8, signed: true };
    for (const interpolate of [false, true]) {
      const graph = functionGraph({ kind: "softplus" }, 3);
      const { program } = compile(graph, {
        machine: DEFAULT_MACHINE,
        assignment: {
          default: { format: "16,8", rounding: "nearest", interpolate, tableRange: [-1, 1], lookupBits: 6 },
        },
        seed: 1,
      });
      const [below, end, above] = wordsOf(program, [-32768n, 256n, 32767n]);
      const high = quantizeFloat64(evaluateFunction({ kind: "softplus" }, 1), register(format)).raw;
      expect(above).toBe(end);
      // Entries are 8 words apart.
      expect(Math.abs(Number(end) - Number(high))).toBeLessThanOrEqual(8);
      expect(Number(below)).toBeLessThan(Number(high));
    }
  });
});

describe("local response normalization", () => {
  it("is at 16 to 32 bits at least as good as at 12", () => {
    const [rows, columns, channels] = [3, 3, 5];
    const builder = new GraphBuilder("normalized", { name: "input", shape: [rows, columns, channels] }, "test");
    builder.add({ op: "lrn", name: "lrn", inputs: ["input"], size: 5, alpha: 1e-4, beta: 0.75, bias: 1 });
    const graph = builder.finish("lrn");
    const count = rows * columns * channels;
    const found = [
      [12, 8],
      [16, 12],
      [20, 16],
      [24, 16],
      [32, 16],
    ].map(([wordLength = 0, fractionLength = 0]) => {
      const format = { wordLength, fractionLength, signed: true };
      const { program } = compile(graph, {
        machine: DEFAULT_MACHINE,
        assignment: { default: { format: formatText(format), rounding: "nearest", datapath: "wide:64" } },
        calibration: { "lrn/sum": { min: 1, max: 1.001 } },
        seed: 1,
      });
      return sqnr(graph, program, spread(-2, 2, format).slice(0, count), format);
    });
    for (const better of found.slice(1)) expect(better).toBeGreaterThan((found[0] ?? 0) - 1);
    expect(found[4]).toBeGreaterThan(70);
  });
});
