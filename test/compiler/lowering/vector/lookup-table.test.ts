import { describe, expect, it } from "vitest";
import { type ElementFunction, evaluateFunction } from "../../../../compiler/graph/element-function.ts";
import { lookupTable } from "../../../../compiler/lowering/vector/lookup-table.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { rawRange, rawToFloat64 } from "../../../../isa/numerics/format.ts";
import type { OverflowMode } from "../../../../isa/numerics/overflow.ts";
import { quantizeFloat64 } from "../../../../isa/numerics/quantize.ts";
import { rawAt } from "../../../../isa/numerics/raws.ts";
import { register } from "../../../../isa/numerics/register.ts";
import type { DatapathSpec } from "../../../../isa/program/datapath.ts";

const FUNCTIONS: readonly ElementFunction[] = [
  { kind: "sigmoid" },
  { kind: "tanh" },
  { kind: "gelu", approximate: false },
  { kind: "exp" },
  { kind: "power", exponent: 0.75 },
];

function table(
  definition: ElementFunction,
  lookupBits: number,
  { signed = true, overflow = "saturate" as OverflowMode } = {},
) {
  const input = register({ wordLength: 8, fractionLength: 4, signed });
  const output = register({ wordLength: 10, fractionLength: 6, signed: true }, "nearest", overflow);
  const datapath: DatapathSpec = {
    input,
    weight: input,
    product: input,
    accumulator: input,
    bias: input,
    output,
    averageDivider: false,
  };
  return {
    input,
    output,
    made: lookupTable({
      function: definition,
      datapath,
      lookupBits,
      interpolate: false,
      range: null,
      seed: 1,
      name: "t",
      where: "test",
    }),
  };
}

describe("a look-up table", () => {
  for (const definition of FUNCTIONS) {
    for (const signed of [true, false]) {
      it(`of ${definition.kind} holds the function at all 256 ${signed ? "signed" : "unsigned"} words of 8 bits`, () => {
        const { input, output, made } = table(definition, 8, { signed });
        const { min, max } = rawRange(input.format);
        expect(made.raws).toHaveLength(256);
        let clipped = 0;
        let largest = 0;
        for (let raw = min; raw <= max; raw++) {
          const exact = evaluateFunction(definition, rawToFloat64(raw, 4));
          const expected = quantizeFloat64(exact, output);
          expect(rawAt(made.raws, Number(raw - min), output.format)).toBe(expected.raw);
          if (expected.overflowed) clipped++;
          const cut = Math.min(Math.max(exact, -8), 511 / 64);
          largest = Math.max(largest, Math.abs(rawToFloat64(expected.raw, 6) - cut));
        }
        expect(made.symbol).toMatchObject({ entries: 256, droppedBits: 0, clipped });
        expect(made.symbol.largestError).toBeCloseTo(largest, 12);
        expect(made.symbol.largestError).toBeLessThanOrEqual(2 ** -7);
      });
    }
  }

  it("of fewer bits stands at the middle of the words it cannot tell apart, and states the larger error", () => {
    const { output, made } = table({ kind: "tanh" }, 5);
    // Beyond raw ±70 or so tanh has come to rest on the output's grid.
    expect(made.symbol).toMatchObject({ droppedBits: 2, entries: 24 });
    const { base } = made.setting;
    // The entry of raws 0 … 3, of value 0 … 3/16, the middle 1.5/16.
    expect(rawAt(made.raws, Number(-base >> 2n), output.format)).toBe(quantizeFloat64(Math.tanh(1.5 / 16), output).raw);
    const slope = 1;
    expect(made.symbol.largestError).toBeGreaterThan((1 / 16) * slope);
    expect(made.symbol.largestError).toBeLessThan((1.5 / 16) * slope + 2 ** -7);
  });

  it("of a pole saturates, and is refused where the output cannot", () => {
    const reciprocal: ElementFunction = { kind: "power", exponent: -1 };
    const { output, made } = table(reciprocal, 8);
    expect(rawAt(made.raws, 128, output.format)).toBe(511n);
    expect(() => table(reciprocal, 8, { overflow: "wrap" })).toThrow(DiagnosticError);
  });
});

describe("functions far out", () => {
  it("neither overflow nor lose their limits", () => {
    expect(evaluateFunction({ kind: "sigmoid" }, -1e6)).toBe(0);
    expect(evaluateFunction({ kind: "sigmoid" }, 1e6)).toBe(1);
    expect(evaluateFunction({ kind: "sigmoid" }, -700)).toBeGreaterThan(0);
    expect(evaluateFunction({ kind: "hardSwish" }, -4)).toBeCloseTo(0, 12);
    expect(evaluateFunction({ kind: "power", exponent: 0.5 }, -4)).toBe(0);
    expect(evaluateFunction({ kind: "power", exponent: -2 }, -4)).toBe(1 / 16);
  });
});
