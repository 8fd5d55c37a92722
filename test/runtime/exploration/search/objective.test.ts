import { describe, expect, it } from "vitest";
import { DEFAULT_WEIGHTS, parseObjective, priceAgainst } from "../../../../runtime/exploration/search/objective.ts";
import type { CandidateCost } from "../../../../runtime/results/evaluation.ts";

const cost = (storedBits: number, energyPjPerImage: number, dspBlocks = 1): CandidateCost => ({
  constantBits: storedBits,
  activationBits: 0,
  storedBits,
  dspBlocks,
  cyclesPerImage: 1,
  energyPjPerImage,
});

describe("an objective", () => {
  it("is one term, or weights of several", () => {
    expect(parseObjective("energy", "--objective")).toEqual({
      objective: "energy",
      weights: { bits: 0, energy: 1, dsp: 0 },
    });
    expect(parseObjective("bits=1, energy=2.5", "--objective")).toEqual({
      objective: "weighted",
      weights: { bits: 1, energy: 2.5, dsp: 0 },
    });
  });

  it.each(["", "bit", "bits=", "bits=x", "bits=-1", "bits=1,bits=2", "bits=0,dsp=0", "bits=1;energy=2", "bits=1e99"])(
    "is not %j",
    (text) => {
      expect(() => parseObjective(text, "--objective")).toThrow(/--objective/);
    },
  );

  it("falls with either term where both count, and whatever their units", () => {
    const reference = { cost: cost(1000, 5e9), registerBits: 100 };
    const price = priceAgainst(reference, DEFAULT_WEIGHTS);
    expect(price(reference)).toBeCloseTo(1, 2);
    expect(price({ ...reference, cost: cost(500, 5e9) })).toBeCloseTo(0.75, 2);
    expect(price({ ...reference, cost: cost(1000, 2.5e9) })).toBeCloseTo(0.75, 2);
    expect(price({ ...reference, cost: cost(1000, 5e9, 100) })).toBeCloseTo(1, 2);
  });

  it("lets the registers' own bits decide where nothing else differs, and alone where nothing has a cost", () => {
    const reference = { cost: cost(1000, 1000), registerBits: 100 };
    const price = priceAgainst(reference, DEFAULT_WEIGHTS);
    expect(price({ ...reference, registerBits: 99 })).toBeLessThan(price(reference));
    // They weigh less than one bit in a hundred of what is stored.
    expect(price({ cost: cost(1010, 1000), registerBits: 1 })).toBeGreaterThan(price(reference));
    const without = priceAgainst({ cost: null, registerBits: 100 }, DEFAULT_WEIGHTS);
    expect(without({ cost: null, registerBits: 50 })).toBe(0.5);
  });
});
