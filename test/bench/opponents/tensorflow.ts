import type { Graph } from "../../../compiler/index.ts";
import { type LoadedTensorFlow, startTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { type FloatConvolution, floatMacs } from "./float-convolution.ts";
import type { Opponent } from "./opponent.ts";

let wasm: Promise<LoadedTensorFlow> | undefined;

/** TensorFlow.js on its WebAssembly backend, one thread, also where the native package is installed. */
function tensorFlow(): Promise<LoadedTensorFlow> {
  wasm ??= startTensorFlow(() => Promise.reject(new Error("the benchmark compares WebAssembly")));
  return wasm;
}

/** pixels × filters values of the last run in `result`. */
export async function tensorFlowConvolution(
  convolution: FloatConvolution,
): Promise<Opponent & { result(): Float32Array }> {
  const { tf, backend } = await tensorFlow();
  const { rows, columns, channels, kernel, filters } = convolution;
  const image = tf.tensor4d(convolution.image, [1, rows, columns, channels]);
  const weights = tf.tensor4d(convolution.weights, [kernel, kernel, channels, filters]);
  const macs = floatMacs(convolution);
  let result = new Float32Array(0);
  return {
    name: "float32",
    version: backend,
    grain: macs,
    run: (amount) => {
      for (let done = 0; done < amount; done += macs) {
        const sums = tf.conv2d(image, weights, 1, "valid");
        result = sums.dataSync<"float32">() as Float32Array<ArrayBuffer>;
        sums.dispose();
      }
    },
    result: () => result,
    close: () => {
      image.dispose();
      weights.dispose();
    },
  };
}

/** A network on images in batches of `batch`, over and over; `result` are the outputs of the last batch. */
export async function tensorFlowNetwork(
  graph: Graph,
  images: Float32Array,
  batch: number,
): Promise<Opponent & { result(): Float32Array }> {
  const { tf, backend } = await tensorFlow();
  const network = new FloatNetwork(tf, graph);
  const elements = graph.input.shape.reduce((product, side) => product * side, 1);
  let result = new Float32Array(0);
  return {
    name: "float32",
    version: backend,
    grain: batch,
    run: async (amount) => {
      for (let done = 0; done < amount; done += batch) {
        result = (await network.run(images.subarray(0, batch * elements), batch)) as Float32Array<ArrayBuffer>;
      }
    },
    result: () => result,
    close: () => network.dispose(),
  };
}
