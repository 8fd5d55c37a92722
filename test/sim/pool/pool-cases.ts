import fc from "fast-check";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import type { Raws } from "../../../isa/numerics/raws.ts";
import type { Program } from "../../../isa/program/program.ts";
import { digestOf } from "../../../runtime/session/digest.ts";
import { ENGINES, type EngineName } from "../../../sim/engines.ts";
import { type LayerEvidence, mergeEvidence } from "../../../sim/evidence.ts";
import type { PoolResult } from "../../../sim/pool/merge.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { compileLenet, openLenet } from "../../bench/lenet-workload.ts";
import { imageBatch } from "../../conformance/compare.ts";

/** A program with images for it. */
export interface PoolCase {
  readonly name: string;
  readonly program: Program;
  readonly raws: Raws;
  readonly images: number;
}

/** Small programs, drawn by a fixed seed, with `images` images each. */
export function drawnCases(count: number, images: number): readonly PoolCase[] {
  return fc.sample(machinePrograms(2), { seed: 20170, numRuns: count }).map(({ program, inputs }, index) => ({
    name: `drawn program ${index}`,
    program,
    raws: imageBatch(program, inputs, images).raws,
    images,
  }));
}

/** In 8,4 sums overflow in every image; in 16,8 nowhere. */
export async function lenetCase(images: number, format = "16,8"): Promise<PoolCase> {
  const { program, raws } = compileLenet(await openLenet(images), { format, datapath: "intrinsic" });
  return { name: `LeNet ${format}`, program, raws, images };
}

/** y = 8 · x in 8 bits with 4 fraction bits, which stops the machine where |x| reaches 1. Images are the given raws. */
export function trappingCase(raws: readonly number[]): PoolCase {
  const builder = new GraphBuilder("trapping", { name: "input", shape: [1] }, "trapping graph");
  const kernel = { shape: [1, 1], data: Float32Array.of(7.5) };
  const output = builder.add({ op: "dense", name: "fc", inputs: ["input"], kernel, bias: null, activation: "none" });
  const { program } = compile(builder.finish(output), {
    machine: DEFAULT_MACHINE,
    assignment: { default: { datapath: "intrinsic", format: "8,4", rounding: "nearest", overflow: "trap" } },
    seed: 1,
  });
  return { name: "trapping program", program, raws: Int32Array.from(raws), images: raws.length };
}

/** What must not depend on workers, batches and engine, as plain data. */
export function plainResult({ outputs, captured, kernels, ...rest }: PoolResult): unknown {
  return {
    ...rest,
    digest: digestOf(outputs),
    captured: Object.fromEntries([...captured].map(([name, raws]) => [name, [...raws]])),
  };
}

/** The same without a pool: observed images first, then all others in one batch, in this thread. */
export function withoutPool({ program, raws, images }: PoolCase, engine: EngineName, observed: number): unknown {
  const opened = ENGINES[engine].open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const elements = raws.length / images;
  const run = (first: number, end: number, observe: boolean) =>
    opened.session.run(
      { firstImage: first, count: end - first, raws: raws.slice(first * elements, end * elements) },
      { statistics: observe, capture: observe },
    );
  const front = run(0, observed, true);
  const rest = run(observed, images, false);
  const none: readonly LayerEvidence[] = program.layers.map(() => ({}));
  return plainResult({
    images: front.images + rest.images,
    outputs: concatenated(front.outputs, rest.outputs),
    evidence: [front, rest].reduce(
      (sum, { images: done, evidence }) => (done ? mergeEvidence(sum, evidence) : sum),
      none,
    ),
    captured: observed === 0 ? new Map() : front.captured,
    cycles: opened.session.cycles,
    kernels: opened.session.kernels,
    fault: rest.fault,
  });
}

function concatenated(a: Raws, b: Raws): Raws {
  if (a instanceof Int32Array && b instanceof Int32Array) return Int32Array.of(...a, ...b);
  return BigInt64Array.from([...a, ...b], BigInt);
}
