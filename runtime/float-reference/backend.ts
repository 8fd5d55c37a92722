/**
 * The one place that imports TensorFlow.js and decides what computes its floats:
 * `@tensorflow/tfjs-node` where a user has installed it and it works, else the parts of TensorFlow.js that inference takes, on
 * the WASM backend.
 *
 * Loading prints nothing, needs no network, uses one thread, and leaves the handlers of the process as they were.
 */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import { diagnosticError } from "../../isa/diagnostic.ts";

export type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/**
 * The operations of TensorFlow.js, whichever backend computes. Tensors have no methods for them: those, gradients and layers
 * come with the whole package, which training alone takes (runtime/training/tensorflow.ts).
 */
export type TensorFlow = typeof import("@tensorflow/tfjs-core");

export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  /** What computes, for reports: `tfjs-node 4.22.0 (tensorflow)`, `tfjs 4.22.0 (wasm, SIMD)`. */
  readonly backend: string;
}

let loaded: Promise<LoadedTensorFlow> | undefined;

/**
 * TensorFlow.js, ready to compute; loaded once per process.
 * Throws `DiagnosticError` where neither backend can be started (a broken installation).
 */
export function loadTensorFlow(): Promise<LoadedTensorFlow> {
  loaded ??= startTensorFlow(importNative);
  return loaded;
}

/**
 * The choice itself, without the memory: `native` imports `@tensorflow/tfjs-node`. Any failure of it, or a native
 * library that loads and then computes wrongly, leads to the WASM backend without a word.
 */
export async function startTensorFlow(native: () => Promise<TensorFlow>): Promise<LoadedTensorFlow> {
  return (await startNative(native)) ?? (await startWasm());
}

function importNative(): Promise<TensorFlow> {
  // TensorFlow's C++ library greets on standard error unless told otherwise before it is loaded.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  // Not a literal: the package is optional, so the type checker must not look for it.
  const optionalPackage: string = "@tensorflow/tfjs-node";
  return import(optionalPackage) as Promise<TensorFlow>;
}

async function startNative(native: () => Promise<TensorFlow>): Promise<LoadedTensorFlow | undefined> {
  try {
    const tf = await native();
    if (!(await tf.setBackend("tensorflow"))) return undefined;
    await tf.ready();
    if (!(await computes(tf))) return undefined;
    const { version } = tf as Partial<Readonly<Record<"version", Readonly<Record<string, string>>>>>;
    return { tf, backend: `tfjs-node ${version?.["tfjs-node"] ?? tf.version_core} (${tf.getBackend()})` };
  } catch {
    return undefined;
  }
}

async function startWasm(): Promise<LoadedTensorFlow> {
  const tf = await import("@tensorflow/tfjs-core");
  // Registers itself: the kernels that WebAssembly has not.
  await import("@tensorflow/tfjs-backend-cpu");
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  // Production mode switches nothing off but the library's hints on the console.
  tf.enableProdMode();
  const entry = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(dirname(entry) + sep);
  const started = await keepingProcessListeners(async () => {
    const chosen = await tf.setBackend("wasm");
    await tf.ready();
    return chosen && tf.getBackend() === "wasm";
  });
  if (!started) {
    throw diagnosticError(
      "FLOAT_BACKEND",
      "@tensorflow/tfjs-backend-wasm",
      "the WebAssembly backend of TensorFlow.js did not start",
      "install the packages again with `npm ci`",
    );
  }
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return { tf, backend: `tfjs ${tf.version_core} (wasm${simd ? ", SIMD" : ""})` };
}

/** A dense product and a convolution: where the native library does not fit this Node.js, they throw or differ. */
async function computes(tf: TensorFlow): Promise<boolean> {
  const result = tf.tidy(() => {
    const image = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    const filter = tf.tensor4d([1, 10, 100, 1000], [2, 2, 1, 1]);
    return tf.matMul(tf.reshape(tf.conv2d(image, filter, 1, "valid"), [1, 1]), tf.tensor2d([[2, 3]]));
  });
  const [twice, thrice] = await result.data();
  result.dispose();
  return twice === 8642 && thrice === 12963;
}

/**
 * The WASM module's start-up code hooks into `uncaughtException` and `unhandledRejection` and would change how every
 * later error of the process ends; what it added is taken off again.
 */
async function keepingProcessListeners<T>(action: () => Promise<T>): Promise<T> {
  const exceptionListeners = new Set(process.listeners("uncaughtException"));
  const rejectionListeners = new Set(process.listeners("unhandledRejection"));
  try {
    return await action();
  } finally {
    for (const listener of process.listeners("uncaughtException")) {
      if (!exceptionListeners.has(listener)) process.off("uncaughtException", listener);
    }
    for (const listener of process.listeners("unhandledRejection")) {
      if (!rejectionListeners.has(listener)) process.off("unhandledRejection", listener);
    }
  }
}
