/** Which writes into registers count as ties, and which words of a layer are looked behind. */
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { LayerCoverage } from "../../../runtime/compare/coverage.ts";
import { spread } from "../../../runtime/compare/traced-words.ts";
import type { ElementHistory } from "../../../sim/history/history.ts";

const FORMAT = fixedPoint(16, 2);

/** A word that one output register wrote: numerator / denominator · 2^−fractionLength. */
function written(numerator: bigint, denominator: bigint, fractionLength: number): ElementHistory {
  const place = { instruction: 0, row: 0, column: 0, spec: register(FORMAT), rounded: 0n };
  const write = { numerator, denominator, fractionLength, ...place };
  return { entries: [{ register: "output", step: -1, raw: 0n, format: FORMAT, write }], raw: 0n, format: FORMAT };
}

describe("the coverage of a layer", () => {
  it.each([
    ["0.125 of steps of a quarter", 1n, 1n, 3, 1],
    ["−0.375", -3n, 1n, 3, 1],
    ["0.25", 2n, 1n, 3, 0],
    ["0.1875", 3n, 1n, 4, 0],
    ["0.125 with more bits", 128n, 1n, 10, 1],
    ["3 / 24", 3n, 24n, 0, 1],
    ["−9 / 24", -9n, 24n, 0, 1],
    ["1 / 3", 1n, 3n, 0, 0],
  ])("counts %s as a tie or not", (_, numerator, denominator, fractionLength, ties) => {
    const layer = new LayerCoverage("layer");
    layer.compared(5);
    layer.trace(5, () => written(numerator, denominator, fractionLength));
    expect(layer.entry()).toEqual({ layer: "layer", words: 5, traced: 5, ties: { output: 5 * ties } });
  });

  it("names no register that drops nothing, and traces nothing where there are no histories", () => {
    const exact = new LayerCoverage("layer");
    exact.trace(3, () => written(1n, 1n, 2));
    expect(exact.entry()).toMatchObject({ traced: 3, ties: {} });
    const dump = new LayerCoverage(null);
    dump.trace(3, () => null);
    expect(dump.entry()).toMatchObject({ traced: 0, ties: null });
  });

  it("spreads over all words", () => {
    expect(spread(10, 4)).toEqual([0, 2, 5, 7]);
    expect(spread(3, 4)).toEqual([0, 1, 2]);
  });
});
