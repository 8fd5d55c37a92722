import { describe, expect, test } from "vitest";
import { type Contestant, median, medianRatio, race } from "./measure.ts";

/** Waits as long as its work takes at `rate` units per millisecond. */
function waiting(name: string, rate: number, log: string[]): Contestant {
  return {
    name,
    grain: 2,
    run: (amount) => {
      log.push(`${name} ${amount % 2}`);
      const end = performance.now() + amount / rate;
      while (performance.now() < end);
    },
  };
}

describe("a race", () => {
  test("contestants run in turn, every other round backwards, in whole grains", async () => {
    const log: string[] = [];
    const rates = await race([waiting("a", 4, log), waiting("b", 2, log)], { rounds: 3, seconds: 0.004 });
    expect(log.slice(-6)).toEqual(["a 0", "b 0", "b 0", "a 0", "a 0", "b 0"]);
    expect(rates.a).toHaveLength(3);
    expect(rates.b).toHaveLength(3);
  });

  test("nobody is faster than the clock allows", async () => {
    const rates = await race([waiting("a", 4, [])], { rounds: 3, seconds: 0.004 });
    for (const rate of rates.a ?? []) expect(rate).toBeLessThanOrEqual(4000);
  });
});

describe("medians", () => {
  test("of odd and even many, whatever their order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test("a ratio is taken round by round: 2/1, 6/2, 4/4 have the median 2, their medians 4 and 2 as well, 9/3 moves it", () => {
    expect(medianRatio({ a: [2, 6, 4], b: [1, 2, 4] }, "a", "b")).toBe(2);
    expect(medianRatio({ a: [2, 9, 8], b: [2, 3, 1] }, "a", "b")).toBe(3);
  });
});
