/** One LeNet, one result: whatever library computes it. */
import { describe, expect, it } from "vitest";
import { digestOf } from "../../../../runtime/session/digest.ts";
import { fastEngineWith } from "../../../../sim/fast/engine.ts";
import type { KernelLibrary } from "../../../../sim/fast/kernels/contract.ts";
import { PLAIN_KERNELS } from "../../../../sim/fast/kernels/plain.ts";
import { vectorKernels, wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { FastSession } from "../../../../sim/fast/session.ts";
import { compileLenet, type Lenet, type LenetSetting, openLenet } from "../../../bench/lenet-workload.ts";

const IMAGES = 2;

/** Settings, and the vector kernels that their matrix instructions take. */
const SETTINGS: readonly (readonly [LenetSetting, string])[] = [
  [{ format: "8,4", datapath: "intrinsic" }, "wasm int8"],
  [{ format: "8,4", datapath: "intrinsic", dataflow: "weight-stationary" }, "wasm int8"],
  [{ format: "12,8", datapath: "intrinsic" }, "wasm int16"],
  [{ format: "16,8", datapath: "intrinsic" }, "wasm int16"],
  [{ format: "16,8", datapath: "tensorquant" }, "wasm int32"],
  [{ format: "16,8", datapath: "wide" }, "wasm dot"],
  [{ format: "24,12", datapath: "intrinsic" }, "wasm float64"],
  // Big integers on the plain kernels: some ten seconds.
  ...(process.env.MACROSCOPE_LONG === "1" ? [[{ format: "54,20", datapath: "intrinsic" }, "wasm int64"] as const] : []),
];

const VECTORS: KernelLibrary = { ...PLAIN_KERNELS, name: "vectors", forProgram: wasmKernels };

/** Vectors in the matrix instructions alone. */
const MATRIX_VECTORS: KernelLibrary = {
  ...PLAIN_KERNELS,
  name: "vectors in the array",
  forProgram: () => {
    const { name, allocate, matrix } = wasmKernels();
    return { name, allocate, matrix };
  },
};

let opened: Promise<Lenet> | undefined;

async function run(setting: LenetSetting, library: KernelLibrary): Promise<{ kernels: string; result: unknown }> {
  opened ??= openLenet(IMAGES);
  const { program, raws } = compileLenet(await opened, setting);
  const engine = fastEngineWith(library).open(program);
  if ("fault" in engine) throw new Error(engine.fault.message);
  const batch = { firstImage: 0, count: IMAGES, raws };
  const { session } = engine;
  if (!(session instanceof FastSession)) throw new Error("not a session of the fast engine");
  const { outputs, evidence, images } = session.run(batch, { statistics: false, capture: false });
  return { kernels: session.kernels, result: { digest: digestOf(outputs), evidence, images } };
}

describe.runIf(WASM_MISSING === null)("LeNet has one digest and one evidence under every kernel library", () => {
  it.each(SETTINGS)("%o: on plain kernels, on vectors, on vectors in the array alone", async (setting, kernel) => {
    const plain = await run(setting, PLAIN_KERNELS);
    const vectors = await run(setting, VECTORS);
    expect(plain.kernels).toMatch(/^plain TypeScript: /);
    expect(vectors.kernels).toBe(`WebAssembly SIMD: ${kernel}`);
    expect(vectors.result).toEqual(plain.result);
    expect((await run(setting, MATRIX_VECTORS)).result).toEqual(plain.result);
  });
});

describe("a machine without vectors", () => {
  it("runs on the plain kernels and says why", async () => {
    const setting = { format: "16,8", datapath: "intrinsic" };
    const fallback = await run(setting, vectorKernels("this machine has no WebAssembly SIMD"));
    expect(fallback.kernels).toBe("plain TypeScript (this machine has no WebAssembly SIMD): int32 ordered");
    expect(fallback.result).toEqual((await run(setting, PLAIN_KERNELS)).result);
  });
});
