import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { parseFormat } from "../../../../isa/index.ts";
import type { OutcomeStore } from "../../../../runtime/exploration/journal/outcome-store.ts";
import { DEFAULT_WEIGHTS } from "../../../../runtime/exploration/search/objective.ts";
import { type SearchHooks, type SearchResult, search } from "../../../../runtime/exploration/search/search.ts";
import { type Target, targetOf } from "../../../../runtime/exploration/search/target.ts";
import type { Strategy } from "../../../../runtime/results/bits-report.ts";
import type { Candidate } from "../../../../runtime/results/evaluation.ts";
import { candidateOf, MadeUpEvaluator, type MadeUpRegister, spaceOf } from "../made-up-evaluator.ts";

/** The last register costs nothing; `sensitive` needs most bits. */
const REGISTERS: readonly MadeUpRegister[] = [
  { layer: "first", register: "weight", integerBits: 1, sensitivity: 1, words: 100 },
  { layer: "first", register: "output", integerBits: 3, sensitivity: 2, words: 40 },
  { layer: "second", register: "weight", integerBits: 0, sensitivity: 16, words: 1000 },
  { layer: "second", register: "output", integerBits: 4, sensitivity: 1, words: 10 },
  { layer: "second", register: "product", integerBits: 2, sensitivity: 0.5, words: 0 },
];
const IMAGES = 400;
/** Spread evenly from 0.01 to 1, in no order. */
const tolerance = (image: number): number => 0.01 + 0.99 * (((image * 167) % IMAGES) / IMAGES);

interface Question {
  readonly registers?: readonly MadeUpRegister[];
  readonly target?: Target;
  readonly strategy?: Strategy;
  readonly errorProbability?: number;
  readonly evaluator?: MadeUpEvaluator;
}

function ask(
  { registers = REGISTERS, target = targetOf("relative", 0.9, 0), strategy = "greedy", ...rest }: Question = {},
  hooks: SearchHooks = {},
): Promise<SearchResult> {
  const evaluator = rest.evaluator ?? new MadeUpEvaluator(registers, 2 * IMAGES, tolerance);
  return search(
    {
      space: spaceOf(registers),
      search: { evaluator, span: { first: 0, images: IMAGES } },
      final: { evaluator, span: { first: IMAGES, images: IMAGES } },
      target,
      weights: DEFAULT_WEIGHTS,
      strategy,
      errorProbability: rest.errorProbability ?? 0,
      seed: 1,
      shared: "made up",
    },
    hooks,
  );
}

/** Share of images whose tolerance the noise of a candidate stays below. */
function shareKept(evaluator: MadeUpEvaluator, candidate: Candidate): number {
  const noise = evaluator.noise(candidate);
  return Array.from({ length: IMAGES }, (_, image) => noise < tolerance(image) ** 2).filter(Boolean).length / IMAGES;
}

function chosenLengths(result: SearchResult, registers: readonly MadeUpRegister[]): number[] {
  return registers.map(({ layer, register }) => {
    const chosen = result.chosen?.assignment as AssignmentSpecification | undefined;
    const entry = chosen?.layers?.[layer]?.[register];
    return parseFormat(typeof entry === "string" ? entry : "64,0").wordLength;
  });
}

describe("a search over a network whose answer is known", () => {
  const evaluator = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);

  it("finds what each register needs alone, and which is the bottleneck", async () => {
    const { layers, startWordLength } = await ask();
    expect(startWordLength).toBe(16);
    // The start's sixteen bits hold one of margin.
    const shareAt = (index: number, wordLength: number): number =>
      shareKept(
        evaluator,
        candidateOf(
          REGISTERS,
          REGISTERS.map((_, place) => (place === index ? wordLength - 1 : 15)),
        ),
      );
    const needs = REGISTERS.map((_, index) => {
      let least = 16;
      while (least > 1 && shareAt(index, least - 1) >= 0.9) least--;
      return { index, least, below: shareAt(index, least - 1) };
    });
    const [worst] = [...needs].sort((a, b) => b.least - a.least || a.below - b.below);
    for (const { index, least } of needs) {
      const { layer = "", register = "weight", integerBits = 0 } = REGISTERS[index] ?? {};
      const entry = layers.find(({ name }) => name === layer)?.registers[register];
      expect(entry, `${layer} ${register}`).toMatchObject({
        targetWordLength: least,
        observedIntegerBits: integerBits,
        provenIntegerBits: integerBits + 2,
        bottleneck: index === worst?.index,
      });
      expect(entry?.identicalWordLength).toBeGreaterThanOrEqual(least);
    }
  });

  it("keeps the target, drops the bit of margin, and leaves no costly bit that could go", async () => {
    const result = await ask();
    expect(result.kept).toBe(true);
    expect(result.chosen?.final?.figure).toBeGreaterThanOrEqual(0.9);
    const lengths = chosenLengths(result, REGISTERS);
    expect(shareKept(evaluator, candidateOf(REGISTERS, lengths))).toBeGreaterThanOrEqual(0.9);
    for (const [index, { words, layer, register }] of REGISTERS.entries()) {
      if (words < 100) continue;
      const shorter = lengths.map((length, place) => (place === index ? length - 1 : length));
      const share = shareKept(evaluator, candidateOf(REGISTERS, shorter));
      expect(share, `${layer} ${register}`).toBeLessThan(0.9);
    }
  });

  it("costs less than the best uniform format, which is the least W that any F saves", async () => {
    const { uniform, chosen } = await ask();
    const keeps = (format: string): boolean =>
      shareKept(evaluator, { assignment: { default: { format } }, layers: null }) >= 0.9;
    const possible = (wordLength: number): boolean =>
      Array.from({ length: wordLength + 1 }, (_, fraction) => keeps(`${wordLength},${fraction}`)).some(Boolean);
    let least = 32;
    while (possible(least - 1)) least--;
    expect(uniform?.name).toMatch(new RegExp(`^all ${least},`));
    expect(chosen?.cost?.storedBits).toBeLessThan(uniform?.cost?.storedBits ?? 0);
    expect(chosen?.cost?.energyPjPerImage).toBeLessThan(uniform?.cost?.energyPjPerImage ?? 0);
  });

  it("comes within a few per cent of the cheapest of all assignments of two registers", async () => {
    const registerOf = (sensitivity: number, words: number, layer: string): MadeUpRegister => ({
      layer,
      register: "weight",
      integerBits: 1,
      sensitivity,
      words,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        fc.integer({ min: 1, max: 1000 }),
        async (a, b, words) => {
          const registers = [registerOf(a, words, "a"), registerOf(b, 300, "b")];
          const brute = new MadeUpEvaluator(registers, 2 * IMAGES, tolerance);
          let best = Number.POSITIVE_INFINITY;
          for (let first = 1; first <= 16; first++) {
            for (let second = 1; second <= 16; second++) {
              const candidate = candidateOf(registers, [first, second]);
              if (shareKept(brute, candidate) >= 0.9) best = Math.min(best, brute.cost(candidate).storedBits);
            }
          }
          const result = await ask({ registers });
          // A bit more of one register may save one of the other: a descent by single bits does not see it.
          expect(result.chosen?.cost?.storedBits).toBeLessThanOrEqual(best + Math.max(words, 300));
          expect(result.chosen?.cost?.storedBits).toBeGreaterThanOrEqual(best);
        },
      ),
      { numRuns: 4 },
    );
  });

  it("stops early on request, with the same needs, fewer images, and says so", async () => {
    const patient = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);
    const hasty = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);
    const whole = await ask({ evaluator: patient });
    const early = await ask({ evaluator: hasty, errorProbability: 0.01 });
    expect(hasty.asked).toBeLessThan(patient.asked);
    expect(early.trials.some((trial) => trial.early && trial.images < IMAGES)).toBe(true);
    expect(early.kept && whole.kept).toBe(true);
    // What was chosen was seen on all images.
    const judged = early.trials.filter(({ early: stopped }) => !stopped);
    expect(judged.some(({ figure }) => figure === early.chosen?.search.figure)).toBe(true);
  });

  it("gives a front on which nothing is both cheaper and better", async () => {
    const { trials, front } = await ask({ strategy: "pareto" });
    expect(front.length).toBeGreaterThan(3);
    const points = front.map((index) => trials[index]);
    for (const [index, point] of points.entries()) {
      const next = points[index + 1];
      if (next === undefined || point === undefined) continue;
      expect(next.figure).toBeGreaterThan(point.figure);
      expect(next.cost?.storedBits ?? 0).toBeGreaterThanOrEqual(point.cost?.storedBits ?? 0);
    }
    const best = Math.max(...trials.filter(({ early }) => !early).map(({ figure }) => figure));
    expect(points.at(-1)?.figure).toBe(best);
  });

  it.each([
    ["agreement", 0.95],
    ["top1-drop", 5],
    ["sqnr", 25],
    ["mean-error", 0.05],
    ["largest-error", 0.1],
  ] as const)("keeps a target of %s %f on both sets of images", async (kind, value) => {
    const target = targetOf(kind, value);
    const result = await ask({ target, errorProbability: 0.01 });
    expect(result.kept).toBe(true);
    const higher = kind === "agreement" || kind === "sqnr";
    const sign = higher ? 1 : -1;
    const { margin } = target;
    expect(sign * (result.chosen?.search.figure ?? Number.NaN)).toBeGreaterThanOrEqual(sign * value + margin - 1e-9);
    expect(sign * (result.chosen?.final?.figure ?? Number.NaN)).toBeGreaterThanOrEqual(sign * value - 1e-9);
    const interval = result.chosen?.final?.figure95;
    expect(interval === null).toBe(kind === "largest-error");
  });

  it("chooses nothing where the longest words miss the target", async () => {
    const registers = [{ ...REGISTERS[0], sensitivity: 2 ** 60 } as MadeUpRegister];
    const result = await ask({ registers });
    expect(result).toMatchObject({ uniform: null, chosen: null, kept: false, layers: [], startWordLength: null });
    expect(result.trials.length).toBeGreaterThan(3);
  });

  it("does not call a target kept that the final images miss", async () => {
    const flattering = (image: number): number => (image < IMAGES ? tolerance(image) : tolerance(image) / 50);
    const fooled = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, flattering);
    const result = await ask({ evaluator: fooled });
    expect(result.chosen?.search.figure).toBeGreaterThanOrEqual(0.9);
    expect(result.chosen?.final?.figure).toBeLessThan(0.9);
    expect(result.kept).toBe(false);
  });
});

describe("a search that was interrupted", () => {
  class Memory implements OutcomeStore {
    readonly records: Map<string, unknown> = new Map();
    get(key: string): unknown {
      return this.records.get(key);
    }
    async put(key: string, value: unknown): Promise<void> {
      // As a journal would keep it.
      this.records.set(key, JSON.parse(JSON.stringify(value)));
    }
  }

  it("goes on where it was, asks for no image twice, and ends with the same result", async () => {
    const undisturbed = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);
    const whole = await ask({ evaluator: undisturbed, errorProbability: 0.01 });
    const store = new Memory();
    let asked = 0;
    for (let round = 0; ; round++) {
      const evaluator = new MadeUpEvaluator(REGISTERS, 2 * IMAGES, tolerance);
      const controller = new AbortController();
      let left = 7 + 3 * round;
      const hooks = { store, signal: controller.signal, onTrial: () => void (--left === 0 && controller.abort()) };
      try {
        const result = await ask({ evaluator, errorProbability: 0.01 }, hooks);
        expect(result).toEqual(whole);
        expect(round).toBeGreaterThan(2);
        asked += evaluator.asked;
        break;
      } catch (error) {
        expect((error as Error).name).toBe("AbortError");
        asked += evaluator.asked;
      }
    }
    expect(asked).toBe(undisturbed.asked);
  });

  it("does not believe records that are none", async () => {
    const store = new Memory();
    const whole = await ask({}, { store });
    for (const [index, key] of [...store.records.keys()].entries()) {
      store.records.set(key, [null, 3, { span: {} }, { answers: "9".repeat(100) }][index % 4]);
    }
    expect(await ask({}, { store })).toEqual(whole);
  });
});
