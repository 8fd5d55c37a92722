/**
 * Pass: local response normalization becomes four layers, each with registers of its own:
 *
 *     <name>/square   x · x
 *     <name>/sum      bias + alpha / size · Σ of the squares around: a 1 × 1 convolution whose kernel is a band
 *     <name>/power    to the power −beta
 *     <name>/scale    x times that
 */
import type { Graph, LrnNode, Tensor } from "../graph/graph.ts";
import { Rewriter } from "../graph/rewriter.ts";
import { POINTWISE } from "../graph/shape.ts";

export function decomposeLrn(graph: Graph): Graph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) {
    if (node.op === "lrn") emitLayers(rewriter, node);
    else rewriter.emit(node);
  }
  return rewriter.finish();
}

function emitLayers(rewriter: Rewriter, { name, inputs, shape, beta, bias, ...band }: LrnNode): void {
  const [input = ""] = inputs;
  const channels = shape.at(-1) ?? 0;
  const square = rewriter.uniqueName(`${name}/square`);
  const sum = rewriter.uniqueName(`${name}/sum`);
  const power = rewriter.uniqueName(`${name}/power`);
  const scale = rewriter.uniqueName(`${name}/scale`);
  rewriter.emit({ op: "multiply", name: square, inputs: [input, input], shape, activation: "none" });
  rewriter.emit({
    op: "conv2d",
    name: sum,
    inputs: [square],
    shape,
    kernel: bandKernel(channels, band),
    bias: { shape: [channels], data: new Float32Array(channels).fill(bias) },
    ...POINTWISE,
    groups: 1,
    activation: "none",
    requantization: null,
  });
  rewriter.emit({ op: "function", name: power, inputs: [sum], shape, function: { kind: "power", exponent: -beta } });
  rewriter.emit({ op: "multiply", name: scale, inputs: [input, power], shape, activation: "none" });
  rewriter.rename(name, scale);
}

/** alpha / size wherever input channel k is one of the `size` channels around output channel n. */
function bandKernel(channels: number, { alpha, size }: Pick<LrnNode, "alpha" | "size">): Tensor {
  const data = new Float32Array(channels * channels);
  const before = Math.floor((size - 1) / 2);
  for (let output = 0; output < channels; output++) {
    const first = output - before;
    const last = Math.min(first + size - 1, channels - 1);
    for (let input = Math.max(first, 0); input <= last; input++) data[input * channels + output] = alpha / size;
  }
  return { shape: [1, 1, channels, channels], data };
}
