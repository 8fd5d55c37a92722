import { describe, expect, it } from "vitest";
import { quantize } from "../../../../isa/numerics/quantize.ts";
import { register } from "../../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../../isa/numerics/rounding.ts";
import { expectedRoundingError } from "../../../../runtime/session/figures/rounding-expectation.ts";
import { HistogramTally } from "../../../../sim/value-histogram.ts";

const MODES = (Object.keys(ROUNDING_MODES) as RoundingMode[]).filter((mode) => mode !== "stochastic");

describe("the expected rounding error", () => {
  it.each(MODES)(
    "of %s is the mean over all values of one sign from 2 to 6 last bits, for 1 to 5 dropped bits",
    (mode) => {
      for (const sign of [1n, -1n]) {
        for (let dropped = 1; dropped <= 5; dropped++) {
          const spec = register({ wordLength: 16, fractionLength: 3, signed: true }, mode);
          const [tally, scale] = [new HistogramTally(), 1n << BigInt(dropped)];
          let error = 0n;
          let count = 0;
          // Four last bits: as many even as odd.
          for (let magnitude = 2n * scale; magnitude < 6n * scale; magnitude++) {
            const { rounded } = quantize(sign * magnitude, 3 + dropped, spec);
            tally.add(rounded);
            error += rounded * scale - sign * magnitude;
            count++;
          }
          const seen = { errorFraction: 3 + dropped, histogram: tally.histogram(), count };
          expect(expectedRoundingError(spec, seen)).toBeCloseTo(Number(error) / Number(scale) / count, 12);
        }
      }
    },
  );

  it("is 0 where no bits are dropped or nothing was seen, and without bias for stochastic rounding", () => {
    const spec = register({ wordLength: 8, fractionLength: 4, signed: true }, "down");
    const histogram = { positive: [0, 1], negative: [], zero: 0, underflow: [] };
    expect(expectedRoundingError(spec, { errorFraction: 4, histogram, count: 1 })).toBe(0);
    expect(expectedRoundingError(spec, { errorFraction: 9, histogram, count: 0 })).toBe(0);
    expect(expectedRoundingError({ ...spec, rounding: "stochastic" }, { errorFraction: 9, histogram, count: 1 })).toBe(
      0,
    );
  });
});
