import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantize, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import { RegisterTally } from "../../../sim/fast/evidence/register-tally.ts";
import { deterministicRoundingModes, integers, registers, valuesFor } from "../../arbitraries/numerics.ts";

const WATCHED = { image: 2, instruction: 5, start: 100, stretch: 3, firstStep: 8, statistics: true };
const PLACE = { laneStep: 4, extraCycles: 0, row: 1, column: 2, pixel: 3, channel: 4, step: 5 };

describe("a tally of one register", () => {
  it("is the same whether it is shown numbers, big integers or both", () => {
    const cases = registers(deterministicRoundingModes(), 20).chain((spec) =>
      fc.tuple(
        fc.constant(spec),
        fc.array(fc.tuple(fc.integer({ min: -3, max: 20 }), integers(30), fc.boolean()), { maxLength: 30 }),
      ),
    );
    fc.assert(
      fc.property(cases, ([spec, values]) => {
        const fractionLength = spec.format.fractionLength;
        const tallies = [0, 1, 2].map(() => new RegisterTally(WATCHED, "output", fractionLength));
        for (const [droppedBits, raw, mixed] of values) {
          const { rounded, raw: word } = quantize(raw, fractionLength + droppedBits, spec);
          const [numbers, bigs, both] = tallies as [RegisterTally, RegisterTally, RegisterTally];
          numbers.number(Number(raw), Number(rounded), Number(word), droppedBits);
          bigs.big(raw, rounded, word, droppedBits);
          if (mixed) both.number(Number(raw), Number(rounded), Number(word), droppedBits);
          else both.big(raw, rounded, word, droppedBits);
          if (word !== rounded) for (const tally of tallies) tally.overflowed(PLACE);
        }
        const [numbers, bigs, both] = tallies.map((tally) => tally.evidence());
        expect(numbers).toEqual(bigs);
        expect(both).toEqual(bigs);
      }),
    );
  });

  it("counts by definition: range, flushes to zero, and Σ (rounded − exact) at the finest fraction seen", () => {
    const cases = registers(deterministicRoundingModes()).chain((spec) =>
      fc.tuple(fc.constant(spec), fc.array(valuesFor(spec), { minLength: 1, maxLength: 20 })),
    );
    fc.assert(
      fc.property(cases, ([spec, values]) => {
        const tally = new RegisterTally(WATCHED, "product", spec.format.fractionLength);
        const fraction = Math.max(...values.map(({ fractionLength }) => fractionLength));
        const finest = Math.max(fraction, spec.format.fractionLength);
        let error = 0n;
        const rounded = values.map(({ raw, fractionLength }) => {
          const written = quantize(raw, fractionLength, spec);
          tally.big(raw, written.rounded, written.raw, fractionLength - spec.format.fractionLength);
          error +=
            (written.rounded << BigInt(finest - spec.format.fractionLength)) - (raw << BigInt(finest - fractionLength));
          return written.rounded;
        });
        const { statistics } = tally.evidence();
        expect(statistics).toMatchObject({
          count: values.length,
          errorFraction: fraction,
          min: rounded.reduce((a, b) => (a < b ? a : b)),
          max: rounded.reduce((a, b) => (a > b ? a : b)),
          flushedToZero: values.filter(({ raw }, index) => raw !== 0n && rounded[index] === 0n).length,
        });
        expect((statistics?.errorSum ?? 0n) << BigInt(finest - fraction)).toBe(error);
      }),
    );
  });

  it("floors the error of a quotient at 32 more fraction bits than the register has", () => {
    const spec = { ...registersOf8Bits, rounding: "nearest" as const };
    const tally = new RegisterTally(WATCHED, "output", 4);
    const { rounded, raw } = quantizeQuotient(-7n, 3n, 4, spec);
    tally.quotient(-7n, 3n, 4, rounded, raw);
    // −7/3 rounds to −2: the error is 1/3, whose floor at 32 bits is 0x55555555.
    expect(tally.evidence().statistics).toEqual({
      count: 1,
      min: -2n,
      max: -2n,
      flushedToZero: 0,
      errorSum: 0x55555555n,
      errorFraction: 36,
      histogram: { positive: [], negative: [0, 1], zero: 0, underflow: [] },
      trailingZeros: 1,
    });
  });

  it("keeps the least site by cycle, row and column, and the earlier of equals", () => {
    const tally = new RegisterTally({ ...WATCHED, statistics: false }, "product", 0);
    const show = (place: Partial<typeof PLACE>, value: number): void => {
      tally.number(value, value, 7, 0);
      tally.overflowed({ ...PLACE, ...place });
    };
    show({ laneStep: 5 }, 10);
    show({ laneStep: 4, column: 3 }, 11);
    show({ laneStep: 4, column: 2 }, 12);
    show({ laneStep: 4, column: 2, pixel: 9 }, 13);
    show({ laneStep: 4, row: 2, column: 0 }, 14);
    expect(tally.evidence()).toEqual({
      overflow: 5,
      statistics: null,
      first: {
        image: 2,
        instruction: 5,
        cycle: 100 + 5 * 3 - 1,
        row: 1,
        column: 2,
        register: "product",
        pixel: 3,
        channel: 4,
        step: 13,
        before: 12n,
        after: 7n,
      },
    });
  });

  it("sums errors that doubles could not hold", () => {
    const tally = new RegisterTally(WATCHED, "product", 0);
    const steps = 64;
    for (let count = 0; count < steps; count++) tally.number(-(2 ** 51) + 1, 0, 0, 51);
    expect(tally.evidence().statistics?.errorSum).toBe(BigInt(steps) * (2n ** 51n - 1n));
  });
});

const registersOf8Bits = {
  format: { wordLength: 8, fractionLength: 4, signed: true },
  overflow: "saturate" as const,
  saturatedBits: 0,
  dialect: "sc" as const,
};
