import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { SimulationPool, WorkerDeathError } from "../../../sim/pool/pool.ts";
import { lenetCase, type PoolCase, plainResult, withoutPool } from "./pool-cases.ts";

type Thread = SimulationPool["threads"][number];

let lenet: PoolCase;
let expected: unknown;
let pool: SimulationPool | undefined;

beforeAll(async () => {
  lenet = await lenetCase(16);
  expected = withoutPool(lenet, "fast", 0);
});

afterEach(async () => {
  await pool?.close();
  pool = undefined;
});

function open(workers: number): SimulationPool {
  pool = new SimulationPool("fast", workers);
  return pool;
}

/** Ends every thread of the pool `delay` ms after it has started, or at once, until told to stop. */
function killEvery(target: SimulationPool, when: "starting" | "running"): () => void {
  const known = new WeakSet<Thread>();
  const timer = setInterval(() => {
    for (const thread of target.threads) {
      if (known.has(thread)) continue;
      known.add(thread);
      // The first message of a thread says that it is ready and takes batches.
      if (when === "starting") void thread.terminate();
      else thread.once("message", () => setTimeout(() => void thread.terminate(), 20));
    }
  }, 1);
  return () => clearInterval(timer);
}

describe("a worker that dies", () => {
  it.each([1, 2, 3])("of %i: is replaced, its images run again, and the result is the same", async (workers) => {
    const target = open(workers);
    const before = new Set(target.threads);
    let killed = 0;
    const onProgress = (): void => {
      if (killed++ === 0) void target.threads[0]?.terminate();
    };
    const result = await target.run(lenet.program, lenet.raws, lenet.images, {
      batchImages: 2,
      observedImages: 0,
      onProgress,
    });
    expect(plainResult(result)).toEqual(expected);
    expect(killed).toBeGreaterThan(1);
    expect(target.threads).toHaveLength(workers);
    expect(target.threads.some((thread) => !before.has(thread))).toBe(true);
  });

  it.each([1, 2])("of %i, at any of its batches: what it located is located again", async (workers) => {
    const overflowing = await lenetCase(6, "8,4");
    const unkilled = withoutPool(overflowing, "fast", 0);
    for (const victim of [0, 2]) {
      const target = new SimulationPool("fast", workers);
      try {
        let answers = 0;
        const onProgress = (): void => {
          if (answers++ === victim) for (const thread of target.threads) void thread.terminate();
        };
        const options = { batchImages: 1, observedImages: 0, onProgress };
        const result = await target.run(overflowing.program, overflowing.raws, overflowing.images, options);
        expect(plainResult(result), `killed after ${victim + 1} answers`).toEqual(unkilled);
      } finally {
        await target.close();
      }
    }
  });

  it("between two runs: the second run is the same as the first", async () => {
    const target = open(2);
    const options = { batchImages: 4, observedImages: 0 };
    await target.run(lenet.program, lenet.raws.slice(0, 4 * 784), 4, options);
    await Promise.all(target.threads.map((thread) => thread.terminate()));
    expect(plainResult(await target.run(lenet.program, lenet.raws, lenet.images, options))).toEqual(expected);
  });

  it("while it is starting: its images wait for the next one", async () => {
    const target = open(1);
    const [thread] = target.threads;
    void thread?.terminate();
    // Its replacement dies before it is ready, which alone would leave every batch waiting.
    const timer = setInterval(() => {
      const next = target.threads.find((each) => each !== thread);
      if (next === undefined) return;
      clearInterval(timer);
      void next.terminate();
    }, 1);
    const result = await target.run(lenet.program, lenet.raws, lenet.images, { batchImages: 8, observedImages: 0 });
    expect(plainResult(result)).toEqual(expected);
  });

  it.each(["starting", "running"] as const)(
    "%s, three times with the same images: an error that names them",
    async (when) => {
      const target = open(1);
      const stop = killEvery(target, when);
      const run = target.run(lenet.program, lenet.raws, lenet.images, { batchImages: 16, observedImages: 0 });
      await expect(run).rejects.toThrow(WorkerDeathError);
      await expect(run).rejects.toThrow(/images 0 to 15: the worker thread died 3 times.*fewer workers/);
      stop();
      // The pool outlives its workers.
      const result = await target.run(lenet.program, lenet.raws, lenet.images, { batchImages: 16, observedImages: 0 });
      expect(plainResult(result)).toEqual(expected);
    },
  );
});

describe("an abort", () => {
  it.each([1, 2])("of %i workers: throws AbortError and leaves no thread", async (workers) => {
    const target = open(workers);
    const threads = new Set(target.threads);
    const controller = new AbortController();
    let images = 0;
    const run = target.run(lenet.program, lenet.raws, lenet.images, {
      batchImages: 1,
      observedImages: 0,
      signal: controller.signal,
      onProgress: (done) => {
        images = done;
        controller.abort();
      },
    });
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
    expect(images).toBeLessThan(lenet.images);
    for (const thread of target.threads) threads.add(thread);
    await target.close();
    expect(target.threads).toHaveLength(0);
    for (const { threadId } of threads) expect(threadId).toBe(-1);
  });

  it("before the start: nothing runs, and the reason is thrown as it is", async () => {
    const target = open(1);
    let progressed = false;
    const signal = AbortSignal.abort(new RangeError("enough"));
    const options = { batchImages: 1, observedImages: 0, signal, onProgress: () => (progressed = true) };
    await expect(target.run(lenet.program, lenet.raws, lenet.images, options)).rejects.toThrow(
      new RangeError("enough"),
    );
    expect(progressed).toBe(false);
  });

  it("leaves the pool fit for another run", async () => {
    const target = open(2);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const options = { batchImages: 4, observedImages: 0 };
    await expect(
      target.run(lenet.program, lenet.raws, lenet.images, { ...options, signal: controller.signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(plainResult(await target.run(lenet.program, lenet.raws, lenet.images, options))).toEqual(expected);
  });

  it("takes its listener off the signal", async () => {
    const target = open(1);
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      listeners++;
      add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      listeners--;
      remove(...parameters);
    };
    await target.run(lenet.program, lenet.raws.slice(0, 784), 1, { batchImages: 1, observedImages: 0, signal });
    expect(listeners).toBe(0);
  });
});

describe("closing", () => {
  it("during a run ends it with an error, not with a hang", async () => {
    const target = open(2);
    const run = target.run(lenet.program, lenet.raws, lenet.images, { batchImages: 1, observedImages: 0 });
    setTimeout(() => void target.close(), 50);
    await expect(run).rejects.toThrow("the pool was closed while it ran images");
    expect(target.threads).toHaveLength(0);
  });
});
