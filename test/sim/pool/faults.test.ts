import { describe, expect, it } from "vitest";
import type { Program } from "../../../isa/program/program.ts";
import { mergeAnswers, type PoolResult } from "../../../sim/pool/merge.ts";
import { runOnPool, SimulationPool } from "../../../sim/pool/pool.ts";
import type { WorkerAnswer } from "../../../sim/pool/task.ts";
import { plainResult, trappingCase, withoutPool } from "./pool-cases.ts";

/** Raws that fit, then a rest of which every one traps: each worker finds a fault of its own. */
const TRAPS_FROM_7 = trappingCase([3, -5, 16, 0, 1, -16, 9, ...Array.from({ length: 33 }, (_, index) => 40 + index)]);
const QUIET = trappingCase([3, -5, 16, 0, 1, -16, 9]);

describe("a trap", () => {
  it.each([
    [1, 1],
    [1, 10],
    [2, 1],
    [3, 1],
    [3, 4],
  ])("%i workers, batches of %i: the first image in order that traps is reported", async (workers, batchImages) => {
    for (let repetition = 0; repetition < 3; repetition++) {
      const { program, raws, images } = TRAPS_FROM_7;
      const options = { engine: "fast", workers, batchImages, observedImages: 0 } as const;
      const result = await runOnPool(program, raws, images, options);
      expect(result.fault).toMatchObject({ kind: "overflow-trap", site: { image: 7, before: 300n } });
      expect(plainResult({ ...result, fault: null })).toEqual(withoutPool(QUIET, "fast", 0));
    }
  });

  it("both engines report the same fault", async () => {
    const { program, raws, images } = TRAPS_FROM_7;
    const options = { workers: 2, batchImages: 3, observedImages: 0 } as const;
    const fast = await runOnPool(program, raws, images, { engine: "fast", ...options });
    const reference = await runOnPool(program, raws, images, { engine: "reference", ...options });
    const wordless = ({ fault, ...rest }: PoolResult): unknown =>
      plainResult({ ...rest, fault: fault && { ...fault, message: "" } });
    expect(fast.fault).not.toBeNull();
    expect(wordless(fast)).toEqual(wordless(reference));
  });

  it("in the first image: nothing is complete, and the pool can run other images", async () => {
    const { program } = TRAPS_FROM_7;
    const pool = new SimulationPool("fast", 2);
    try {
      const options = { batchImages: 1, observedImages: 1 };
      const result = await pool.run(program, Int32Array.of(127, 3), 2, options);
      expect(result).toMatchObject({ images: 0, fault: { site: { image: 0 } } });
      expect(result.outputs.length).toBe(0);
      const next = await pool.run(QUIET.program, QUIET.raws, QUIET.images, { batchImages: 2, observedImages: 0 });
      expect(plainResult(next)).toEqual(withoutPool(QUIET, "fast", 0));
    } finally {
      await pool.close();
    }
  });
});

describe("a program that no engine opens", () => {
  it("is a fault, not a death of a worker", async () => {
    const { program, raws } = QUIET;
    const broken: Program = {
      ...program,
      instructions: program.instructions.map((each) => ({ ...each, wait: 0, signal: 0 })),
    };
    const cut = {
      ...broken,
      instructions: broken.instructions.filter(({ opcode }) => opcode !== "configure.activation"),
    };
    const options = { engine: "fast", workers: 2, batchImages: 1, observedImages: 0 } as const;
    const result = await runOnPool(cut, raws, 7, options);
    expect(result.fault).toMatchObject({ kind: "configuration" });
    expect(result.images).toBe(0);
  });
});

describe("merging answers", () => {
  const fault = (pc: number): WorkerAnswer => ({
    kind: "fault",
    fault: { kind: "deadlock", pc, cycle: null, message: "", site: null },
  });

  it("takes the first fault in image order", () => {
    expect(mergeAnswers(QUIET.program, [fault(4), fault(2)]).fault?.pc).toBe(4);
  });
});
