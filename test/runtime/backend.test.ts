import { describe, expect, test, vi } from "vitest";
import { loadTensorFlow, startTensorFlow, type TensorFlow } from "../../runtime/float-reference/backend.ts";

const absent = (): Promise<TensorFlow> => Promise.reject(new Error("Cannot find package '@tensorflow/tfjs-node'"));

/** The installed API under the name of the native backend, computing as given. */
async function fakeNative(compute: "rightly" | "wrongly"): Promise<TensorFlow> {
  const { tf } = await startTensorFlow(absent);
  const wrong = { ...tf, conv2d: () => tf.ones([1, 1, 1, 1]) };
  return {
    ...(compute === "rightly" ? tf : wrong),
    version: { "tfjs-node": "4.22.0" },
    setBackend: () => Promise.resolve(true),
    getBackend: () => "tensorflow",
  } as unknown as TensorFlow;
}

const handlers = () => [...process.listeners("uncaughtException"), ...process.listeners("unhandledRejection")];
const handlersBefore = handlers();

describe("the float backend", () => {
  // First in the file: what is printed once per process would be gone in a later test.
  test("starts and computes without a word on the console and without the network", async () => {
    const words = (["log", "info", "warn", "error", "debug"] as const).map((name) => vi.spyOn(console, name));
    const streams = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
    const network = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no network"));
    const { tf } = await startTensorFlow(absent);
    expect([...(await tf.add([1, 2], 3).data())]).toEqual([4, 5]);
    await tf.setBackend("cpu");
    expect([...(await tf.add([1, 2], 3).data())]).toEqual([4, 5]);
    for (const spy of [...words, ...streams, network]) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  test("is loaded once and names what computes", async () => {
    const first = await loadTensorFlow();
    expect(await loadTensorFlow()).toBe(first);
    expect(first.backend).toMatch(/^(tfjs-node 4\.22\.0 \(tensorflow\)|tfjs 4\.22\.0 \(wasm(, SIMD)?\))$/);
  });

  test("computes a convolution of a 2×3 image with a 1×2 filter", async () => {
    const { tf } = await loadTensorFlow();
    const image = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]);
    const result = tf.conv2d(image, tf.tensor4d([10, 1], [1, 2, 1, 1]), 1, "valid");
    expect(result.shape).toEqual([1, 2, 2, 1]);
    expect([...(await result.data())]).toEqual([12, 23, 45, 56]);
  });

  test("is WebAssembly where the native package is absent", async () => {
    expect((await startTensorFlow(absent)).backend).toMatch(/^tfjs 4\.22\.0 \(wasm/);
  });

  test("is the native one where that computes, WebAssembly where it loads and then computes wrongly", async () => {
    expect((await startTensorFlow(() => fakeNative("rightly"))).backend).toBe("tfjs-node 4.22.0 (tensorflow)");
    expect((await startTensorFlow(() => fakeNative("wrongly"))).backend).toMatch(/^tfjs 4\.22\.0 \(wasm/);
  });

  test("leaves the process's handlers for uncaught errors as they were", async () => {
    // The WASM module starts once per process: compared with the state before the first test.
    await startTensorFlow(absent);
    expect(handlers()).toEqual(handlersBefore);
  });
});
