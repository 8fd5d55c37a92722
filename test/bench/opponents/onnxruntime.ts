import type { InferenceSession, Tensor } from "onnxruntime-web";
import type { Graph } from "../../../compiler/index.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { type FloatConvolution, floatMacs } from "./float-convolution.ts";
import { onnxConvolution, onnxNetwork } from "./onnx-graph.ts";
import { type OnnxGraph, onnxModel } from "./onnx-model.ts";
import type { Missing, Opponent } from "./opponent.ts";

const NAME = "onnxruntime";

interface OpenModel {
  readonly version: string;
  readonly session: InferenceSession;
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
}

/** onnxruntime-web in WebAssembly, one thread; a text where the package is not installed. */
async function openModel(graph: OnnxGraph): Promise<OpenModel | string> {
  let ort: typeof import("onnxruntime-web");
  try {
    ort = await import("onnxruntime-web");
  } catch {
    return "onnxruntime-web is not installed";
  }
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(onnxModel(graph), { executionProviders: ["wasm"] });
  return {
    version: `onnxruntime-web ${ort.env.versions.web} (wasm, SIMD)`,
    session,
    tensor: (data, shape) => new ort.Tensor("float32", data, [...shape]),
  };
}

/** `result`: filters × pixels values of the last run. */
export async function onnxruntimeConvolution(
  convolution: FloatConvolution,
): Promise<(Opponent & { result(): Float32Array }) | Missing> {
  const { rows, columns, channels } = convolution;
  const image = new Float32Array(convolution.image.length);
  for (const [index, value] of convolution.image.entries()) {
    image[(index % channels) * rows * columns + Math.floor(index / channels)] = value;
  }
  return onnxruntimeModel(onnxConvolution(convolution), image, 1, floatMacs(convolution));
}

/** A network on images in batches, over and over; `result` are the outputs of the last batch. */
export async function onnxruntimeNetwork(
  graph: Graph,
  images: Float32Array,
  batch: number,
): Promise<(Opponent & { result(): Float32Array }) | Missing> {
  return onnxruntimeModel(onnxNetwork(graph), images, batch, batch);
}

async function onnxruntimeModel(
  graph: OnnxGraph,
  images: Float32Array,
  batch: number,
  grain: number,
): Promise<(Opponent & { result(): Float32Array }) | Missing> {
  const open = await openModel(graph);
  if (typeof open === "string") return { name: NAME, missing: open };
  const { session, tensor, version } = open;
  const elements = graph.input.shape.reduce((product, side) => product * side, 1);
  const input = tensor(images.subarray(0, batch * elements), [batch, ...graph.input.shape]);
  let result = new Float32Array(0);
  return {
    name: NAME,
    version,
    grain,
    run: async (amount) => {
      for (let done = 0; done < amount; done += grain) {
        const output = (await session.run({ [graph.input.name]: input }))[graph.output.name];
        if (!(output?.data instanceof Float32Array)) throw new InvariantError("onnxruntime gave no float32 result");
        result = output.data as Float32Array<ArrayBuffer>;
      }
    },
    result: () => result,
    close: () => session.release(),
  };
}
