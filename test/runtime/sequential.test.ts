import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Xorshift32 } from "../../isa/index.ts";
import { bootstrapInterval, pairedDifferenceInterval } from "../../runtime/metrics/intervals.ts";
import { type MeanVerdict, SequentialMeanTest } from "../../runtime/metrics/sequential.ts";

/** Scores of a relative-accuracy target: 1 − limit where both are right, −limit where only float is. */
function population(images: number, wrong: number, limit: number): number[] {
  return Array.from({ length: images }, (_, image) => (image < wrong ? -limit : 1 - limit));
}

function shuffled(scores: readonly number[], random: Xorshift32): number[] {
  const result = [...scores];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor((random.next() / 2 ** 32) * (last + 1));
    [result[last], result[other]] = [result[other] ?? 0, result[last] ?? 0];
  }
  return result;
}

function verdictOf(
  scores: readonly number[],
  limit: number,
  errorProbability: number,
): { verdict: MeanVerdict | null; seen: number } {
  const test = new SequentialMeanTest({ population: scores.length, low: -limit, high: 1 - limit, errorProbability });
  return { verdict: test.add(scores), seen: test.seen };
}

/** Share of wrong verdicts, and mean number of images until one, over random orders. */
function simulate(images: number, wrong: number, limit: number, errorProbability: number, orders: number) {
  const truth: MeanVerdict = images - wrong >= limit * images - 1e-9 ? "reached" : "missed";
  const random = new Xorshift32(12345 + wrong);
  const scores = population(images, wrong, limit);
  let errors = 0;
  let seen = 0;
  for (let order = 0; order < orders; order++) {
    const found = verdictOf(shuffled(scores, random), limit, errorProbability);
    if (found.verdict !== truth) errors++;
    seen += found.seen;
  }
  return { errors: errors / orders, seen: seen / orders };
}

describe("a verdict before all images were seen", () => {
  const ORDERS = process.env.MACROSCOPE_LONG === "1" ? 4000 : 500;

  it.each([
    [400, 4, 0.99, 0.1],
    [400, 5, 0.99, 0.1],
    [400, 41, 0.9, 0.1],
    [400, 40, 0.9, 0.1],
    [1000, 6, 0.995, 0.05],
    [1000, 5, 0.995, 0.05],
    [300, 151, 0.5, 0.2],
    [300, 150, 0.5, 0.2],
  ])(
    "of %i images, %i of them wrong, limit %f, is wrong in at most %f of all orders",
    (images, wrong, limit, error) => {
      const found = simulate(images, wrong, limit, error, ORDERS);
      expect(found.errors).toBeLessThanOrEqual(error + 3 * Math.sqrt((error * (1 - error)) / ORDERS));
    },
  );

  it("can err: a test that may err in a fifth of all orders does so in some", () => {
    expect(simulate(300, 151, 0.5, 0.2, ORDERS).errors).toBeGreaterThan(0.002);
  });

  it("comes early where the case is clear, and late where it is not", () => {
    expect(simulate(1000, 300, 0.995, 0.01, 40).seen).toBeLessThan(60);
    expect(simulate(1000, 100, 0.995, 0.01, 40).seen).toBeLessThan(200);
    expect(simulate(1000, 0, 0.995, 0.01, 1).seen).toBeLessThan(750);
    expect(simulate(1000, 5, 0.995, 0.01, 40).seen).toBeGreaterThan(750);
  });

  it("is certain with no error allowed, as soon as the rest cannot matter", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 99 }),
        (right, percent) => {
          const limit = percent / 100;
          const scores = right.map((each) => (each ? 1 : 0) - limit);
          const count = right.filter(Boolean).length;
          const truth = 100 * count >= percent * right.length ? "reached" : "missed";
          const { verdict, seen } = verdictOf(scores, limit, 0);
          expect(verdict).toBe(truth);
          // Whatever the unseen images are, the verdict is the same.
          const sure = right.slice(0, seen).filter(Boolean).length;
          const most = sure + right.length - seen;
          expect((truth === "reached" ? sure : most) * 100 >= percent * right.length).toBe(truth === "reached");
        },
      ),
    );
  });

  it("is the same however the scores come in parts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 50 }), fc.nat(), (wrong, part, seed) => {
        const scores = shuffled(population(200, wrong, 0.9), new Xorshift32(seed));
        const whole = verdictOf(scores, 0.9, 0.05);
        const test = new SequentialMeanTest({ population: 200, low: -0.9, high: 0.1, errorProbability: 0.05 });
        for (let first = 0; first < 200; first += part) test.add(scores.slice(first, first + part));
        expect({ verdict: test.verdict, seen: test.seen }).toEqual(whole);
      }),
    );
  });
});

describe("intervals of other figures", () => {
  it("the interval of a paired difference holds the truth in about 95 of 100 samples", () => {
    const random = new Xorshift32(7);
    let held = 0;
    for (let sample = 0; sample < 2000; sample++) {
      let onlyFirst = 0;
      let onlySecond = 0;
      for (let image = 0; image < 300; image++) {
        const draw = random.next() / 2 ** 32;
        if (draw < 0.05) onlyFirst++;
        else if (draw < 0.07) onlySecond++;
      }
      const [low, high] = pairedDifferenceInterval(onlyFirst, onlySecond, 300);
      if (low <= -0.03 && -0.03 <= high) held++;
    }
    expect(held / 2000).toBeGreaterThan(0.93);
    expect(held / 2000).toBeLessThan(0.98);
  });

  it("is symmetric, and stays a difference of shares", () => {
    const [low, high] = pairedDifferenceInterval(3, 8, 50);
    const [mirroredLow, mirroredHigh] = pairedDifferenceInterval(8, 3, 50);
    expect(low).toBeCloseTo(-mirroredHigh, 12);
    expect(high).toBeCloseTo(-mirroredLow, 12);
    expect(pairedDifferenceInterval(0, 1, 1)[1]).toBeLessThanOrEqual(1);
  });

  it("the bootstrap of a mean is about as wide as its standard error says", () => {
    const random = new Xorshift32(3);
    const values = Float64Array.from({ length: 400 }, () => random.next() / 2 ** 32);
    const mean = (drawn: Uint32Array): number => drawn.reduce((sum, at) => sum + (values[at] ?? 0), 0) / drawn.length;
    const [low, high] = bootstrapInterval(400, mean, 1) ?? [0, 0];
    expect(high - low).toBeCloseTo((2 * 1.96 * Math.sqrt(1 / 12)) / 20, 2);
    expect(bootstrapInterval(400, mean, 1)).toEqual([low, high]);
    expect(bootstrapInterval(0, mean, 1)).toBeNull();
  });
});
