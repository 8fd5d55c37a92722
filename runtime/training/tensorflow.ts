/**
 * The whole of TensorFlow.js, with layers, gradients and methods of tensors, on the backend that inference has: for training, a
 * dependency of development alone.
 */
import { loadTensorFlow as loadForInference } from "../float-reference/backend.ts";

export type {
  KernelConfig,
  LayersModel,
  Sequential,
  Tensor,
  Tensor2D,
  Tensor4D,
  TensorInfo,
  Variable,
} from "@tensorflow/tfjs";

export type TensorFlow = typeof import("@tensorflow/tfjs");

export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  /** What computes, for reports. */
  readonly backend: string;
}

/** Ready to train. It shares its core, and so its backend, with what inference has loaded. */
export async function loadTensorFlow(): Promise<LoadedTensorFlow> {
  const { backend } = await loadForInference();
  return { tf: await import("@tensorflow/tfjs"), backend };
}
