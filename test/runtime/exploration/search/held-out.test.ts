/** What a search offers where the cheapest assignment misses its target on images that no decision saw. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { cheapestFinalist, heldOutOf } from "../../../../runtime/exploration/search/held-out.ts";
import { DEFAULT_WEIGHTS } from "../../../../runtime/exploration/search/objective.ts";
import { search } from "../../../../runtime/exploration/search/search.ts";
import { targetOf } from "../../../../runtime/exploration/search/target.ts";
import type { Judged } from "../../../../runtime/exploration/trial-runner.ts";
import type { Evaluation } from "../../../../runtime/results/evaluation.ts";
import { MadeUpEvaluator, type MadeUpRegister, spaceOf } from "../made-up-evaluator.ts";

const REGISTERS: readonly MadeUpRegister[] = [
  { layer: "first", register: "weight", integerBits: 1, sensitivity: 1, words: 100 },
  { layer: "second", register: "weight", integerBits: 0, sensitivity: 16, words: 1000 },
];
const IMAGES = 400;
const spread = (image: number): number => 0.01 + 0.99 * (((image * 167) % IMAGES) / IMAGES);

function searchWith(tolerance: (image: number) => number) {
  const evaluator = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);
  return search({
    space: spaceOf(REGISTERS),
    search: { evaluator, span: { first: 0, images: IMAGES } },
    final: { evaluator, span: { first: IMAGES, images: IMAGES } },
    target: targetOf("relative", 0.9, 0.02),
    weights: DEFAULT_WEIGHTS,
    strategy: "greedy",
    errorProbability: 0,
    seed: 1,
    shared: "made up",
  });
}

describe("a search whose choice", () => {
  it("keeps the target on the final images offers nothing else", async () => {
    const { kept, alternative } = await searchWith(spread);
    expect({ kept, alternative }).toEqual({ kept: true, alternative: null });
  });

  it("misses it there offers a dearer one, picked on one half of them and measured on the other", async () => {
    // The final images bear half the noise.
    const { kept, chosen, alternative, trials } = await searchWith((image) => spread(image) / (image < IMAGES ? 1 : 2));
    expect(kept).toBe(false);
    expect(chosen?.final?.figure).toBeLessThan(0.9);
    expect(alternative?.final?.figure).toBeGreaterThanOrEqual(0.9);
    expect(alternative?.final?.images).toBe(IMAGES / 2);
    expect(alternative?.decision).toEqual({ first: IMAGES, images: IMAGES / 2 });
    expect(alternative?.rest).toEqual({ first: 1.5 * IMAGES, images: IMAGES / 2 });
    expect(alternative?.cost?.storedBits).toBeGreaterThan(chosen?.cost?.storedBits ?? 0);
    expect(trials.some(({ change, verdict }) => change === alternative?.name && verdict === "kept")).toBe(true);
  });

  it("misses it there offers nothing where nothing that was tried holds", async () => {
    const { kept, alternative } = await searchWith((image) => (image < IMAGES ? spread(image) : 0));
    expect({ kept, alternative }).toEqual({ kept: false, alternative: null });
  });
});

describe("the cheapest finalist", () => {
  const cost = (storedBits: number) => ({
    ...{ constantBits: storedBits, activationBits: 0, storedBits },
    ...{ dspBlocks: 1, cyclesPerImage: 1, energyPjPerImage: storedBits },
  });
  const trial = (bits: number): Judged => ({
    ...{ key: "", change: `${bits} bits`, images: 1, figure: 1, cost: cost(bits), verdict: "kept" as const },
    ...{ early: true, whole: false, assignment: { default: { format: `${bits},0` } } },
  });

  it("is the first that holds, found by few evaluations, wherever that is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 2, max: 310 }), async (dearer, least) => {
        let asked = 0;
        const evaluate = async ({ default: entry }: AssignmentSpecification): Promise<Evaluation> => {
          asked++;
          const right = Number(entry?.format?.split(",")[0]) >= least ? 1 : 0;
          return { floatRight: Uint8Array.of(1), fixedRight: Uint8Array.of(right) } as unknown as Evaluation;
        };
        const found = await cheapestFinalist({
          trials: Array.from({ length: dearer }, (_, index) => trial(2 + ((index * 7) % dearer))),
          missed: trial(1),
          target: targetOf("relative", 0.5, 0),
          weights: DEFAULT_WEIGHTS,
          evaluate,
        });
        const lengths = [...new Set(Array.from({ length: dearer }, (_, index) => 2 + ((index * 7) % dearer)))];
        const holding = lengths.filter((length) => length >= least);
        expect(found?.change).toBe(holding.length === 0 ? undefined : `${Math.min(...holding)} bits`);
        expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(dearer + 2)) + 2);
      }),
    );
  });

  it("needs two images at least", () => {
    expect(heldOutOf({ first: 5, images: 1 })).toBeNull();
    expect(heldOutOf({ first: 5, images: 3 })).toEqual({
      decision: { first: 5, images: 1 },
      rest: { first: 6, images: 2 },
    });
  });
});
