import { expect } from "vitest";
import { allocateRaws, type Raws, setRaw } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import { elementCount } from "../../isa/program/program.ts";
import type { BatchResult, EngineSession, ImageBatch, RunOptions } from "../../sim/engine.ts";
import { ENGINES, type EngineName } from "../../sim/engines.ts";

/** Images whose words are `values`, round and round. */
export function imageBatch(program: Program, values: readonly bigint[], count: number, firstImage = 0): ImageBatch {
  const input = program.tensors.find(({ name }) => name === program.input);
  if (input === undefined) throw new Error("the program has no input");
  const raws: Raws = allocateRaws(input.format, count * elementCount(input.shape));
  for (let index = 0; index < raws.length; index++) setRaw(raws, index, values[index % values.length] ?? 0n);
  return { firstImage, count, raws };
}

export function openOn(engine: EngineName, program: Program): EngineSession {
  const opened = ENGINES[engine].open(program);
  if ("fault" in opened) throw new Error(`${engine} refused an admitted program: ${opened.fault.message}`);
  return opened.session;
}

/** Everything an engine says of a batch, as plain data that compares deeply. */
export function plainResult(result: BatchResult): unknown {
  return {
    ...result,
    outputs: [...result.outputs],
    captured: Object.fromEntries([...result.captured].map(([name, raws]) => [name, [...raws]])),
  };
}

/** Both engines must say the same of this batch: raws, counts, first offenders, statistics, faults and cycles. */
export function expectEnginesAgree(program: Program, batch: ImageBatch, options: RunOptions): BatchResult {
  const reference = openOn("reference", program);
  const fast = openOn("fast", program);
  const expected = reference.run(batch, options);
  expect(plainResult(fast.run(batch, options))).toEqual(plainResult(expected));
  expect(fast.cycles).toEqual(reference.cycles);
  return expected;
}
