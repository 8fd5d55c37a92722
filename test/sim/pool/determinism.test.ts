import { describe, expect, it } from "vitest";
import { ENGINE_NAMES } from "../../../sim/engines.ts";
import { mergeResults, type PoolResult, runOnPool, SimulationPool } from "../../../sim/pool/pool.ts";
import { drawnCases, lenetCase, plainResult, withoutPool } from "./pool-cases.ts";

const OBSERVED = 2;
const BATCHES = [1, 3, 10] as const;

describe("a result does not depend on how images are spread", () => {
  const cases = drawnCases(3, 13);

  it.each(ENGINE_NAMES)(
    "%s: 1, 2 and 3 workers with batches of 1, 3 and 10 give what one thread gives",
    async (engine) => {
      for (const each of cases) {
        const expected = withoutPool(each, engine, OBSERVED);
        for (const workers of [1, 2, 3]) {
          const pool = new SimulationPool(engine, workers);
          try {
            for (const batchImages of BATCHES) {
              const result = await pool.run(each.program, each.raws, each.images, {
                batchImages,
                observedImages: OBSERVED,
              });
              expect(plainResult(result), `${each.name}, ${workers} workers, batch ${batchImages}`).toEqual(expected);
            }
          } finally {
            await pool.close();
          }
        }
      }
    },
  );

  it.each(ENGINE_NAMES)("%s: parts of 1 to 9 images, merged, give what all images at once give", async (engine) => {
    for (const each of cases) {
      const elements = each.raws.length / each.images;
      const pool = new SimulationPool(engine, 2);
      try {
        for (const size of [1, 4, 9]) {
          let merged: PoolResult | null = null;
          for (let first = 0; first < each.images; first += size) {
            const count = Math.min(size, each.images - first);
            const raws = each.raws.slice(first * elements, (first + count) * elements);
            const observedImages = Math.max(0, OBSERVED - first);
            const part = await pool.run(each.program, raws, count, {
              firstImage: first,
              batchImages: 3,
              observedImages,
            });
            merged = merged === null ? part : mergeResults(each.program, merged, part);
          }
          if (merged === null) throw new Error("no parts");
          expect(plainResult(merged), `${each.name}, parts of ${size}`).toEqual(withoutPool(each, engine, OBSERVED));
        }
      } finally {
        await pool.close();
      }
    }
  });

  it("both engines give the same result", () => {
    for (const each of cases)
      expect(withoutPool(each, "fast", OBSERVED)).toEqual(withoutPool(each, "reference", OBSERVED));
  });

  it("different images give different results", () => {
    const [first, ...others] = cases.map((each) => withoutPool(each, "fast", 0) as { digest: string });
    for (const other of others) expect(other.digest).not.toBe(first?.digest);
  });

  it.each(["16,8", "8,4"])(
    "LeNet %s on 20 digits: any workers and batches give one digest, one evidence, one set of tensors",
    async (format) => {
      const lenet = await lenetCase(20, format);
      for (const [workers, batchImages, observedImages] of [
        [1, 10, 1],
        [2, 3, 0],
        [3, 1, 1],
      ] as const) {
        const options = { engine: "fast", workers, batchImages, observedImages } as const;
        const result = await runOnPool(lenet.program, lenet.raws, lenet.images, options);
        const expected = withoutPool(lenet, "fast", observedImages);
        expect(plainResult(result), `${workers} workers, batch ${batchImages}`).toEqual(expected);
      }
    },
  );

  it("LeNet 8,4: a part that knows the evidence of the part before it adds up to the same", async () => {
    const lenet = await lenetCase(8, "8,4");
    const pool = new SimulationPool("fast", 1);
    try {
      const options = { batchImages: 2, observedImages: 0 };
      const front = await pool.run(lenet.program, lenet.raws.slice(0, 3 * 784), 3, options);
      const later = { ...options, firstImage: 3, earlier: front.evidence };
      const rest = await pool.run(lenet.program, lenet.raws.slice(3 * 784), 5, later);
      expect(rest.evidence.some(({ accumulator }) => accumulator?.overflow && accumulator.first === null)).toBe(true);
      expect(plainResult(mergeResults(lenet.program, front, rest))).toEqual(withoutPool(lenet, "fast", 0));
      // A run of its own knows nothing of the runs before it.
      expect(plainResult(await pool.run(lenet.program, lenet.raws, 8, options))).toEqual(withoutPool(lenet, "fast", 0));
    } finally {
      await pool.close();
    }
  });
});

describe("one pool for many programs", () => {
  it.each(ENGINE_NAMES)(
    "%s: four programs in turn, twice, and all at once, each as on a pool of its own",
    async (engine) => {
      const cases = drawnCases(4, 5);
      const pool = new SimulationPool(engine, 2);
      const options = { batchImages: 2, observedImages: OBSERVED };
      const result = async (each: (typeof cases)[number]): Promise<unknown> =>
        plainResult(await pool.run(each.program, each.raws, each.images, options));
      try {
        const expected = cases.map((each) => withoutPool(each, engine, OBSERVED));
        for (const [index, each] of [...cases, ...cases].entries()) {
          expect(await result(each), each.name).toEqual(expected[index % cases.length]);
        }
        expect(await Promise.all(cases.map(result))).toEqual(expected);
      } finally {
        await pool.close();
      }
    },
  );

  it("an abort of one run leaves the other, which is complete", async () => {
    const [lenet, other] = [await lenetCase(6), await lenetCase(6, "8,4")];
    const pool = new SimulationPool("fast", 2);
    const controller = new AbortController();
    const options = { batchImages: 1, observedImages: 0 };
    try {
      const stopped = pool.run(lenet.program, lenet.raws, lenet.images, {
        ...options,
        signal: controller.signal,
        onProgress: () => controller.abort(),
      });
      const kept = pool.run(other.program, other.raws, other.images, options);
      await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
      expect(plainResult(await kept)).toEqual(withoutPool(other, "fast", 0));
    } finally {
      await pool.close();
    }
  });
});

describe("edges", () => {
  it("no images: an empty result without cycles", async () => {
    const [each] = drawnCases(1, 1);
    if (each === undefined) throw new Error("nothing drawn");
    const options = { engine: "fast", workers: 2, batchImages: 10, observedImages: 2 } as const;
    const result = await runOnPool(each.program, each.raws.slice(0, 0), 0, options);
    expect(result).toMatchObject({ images: 0, cycles: null, fault: null });
    expect(result.outputs.length).toBe(0);
  });

  it("more observed images than there are, and a batch larger than all", async () => {
    for (const each of drawnCases(2, 3)) {
      const options = { engine: "fast", workers: 2, batchImages: 1000, observedImages: 50 } as const;
      const result = await runOnPool(each.program, each.raws, each.images, options);
      expect(plainResult(result)).toEqual(withoutPool(each, "fast", each.images));
    }
  });

  it("progress counts every image once and ends at all of them", async () => {
    const [each] = drawnCases(1, 13);
    if (each === undefined) throw new Error("nothing drawn");
    const seen: number[] = [];
    const onProgress = (images: number): void => void seen.push(images);
    const options = { engine: "fast", workers: 3, batchImages: 4, observedImages: 1, onProgress } as const;
    await runOnPool(each.program, each.raws, each.images, options);
    expect(seen).toHaveLength(4);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
    expect(seen.at(-1)).toBe(13);
  });
});
