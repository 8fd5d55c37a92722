/** Convolutions: ordinary, grouped, depthwise, and with what TensorFlow fuses to them. */
import type { Activation, BatchNormalizationNode, Tensor } from "../../../../graph/graph.ts";
import { formatShape } from "../../../../graph/shape.ts";
import { nodeError } from "../../values/node-error.ts";
import {
  addHelper,
  addNamed,
  imageInput,
  imageOf,
  type NetworkValue,
  type NewNodeWithoutName,
} from "../../values/value.ts";
import { integerAttribute, numberAttribute, textsAttribute } from "../attributes.ts";
import { type NodeCall, type NodeRule, shapedConstant, valueInput } from "../rule.ts";
import { channelsLastOnly, paddingOf, pairAttribute } from "../windows.ts";
import { FUSED_ACTIVATIONS } from "./activation.ts";

type Kind = "ordinary" | "depthwise";

/** Conv2D, DepthwiseConv2dNative. */
export function convolutionRule(kind: Kind): NodeRule {
  return (call) => {
    const { node } = convolution(call, kind);
    return [{ ...imageOf(call, addNamed(call, node(null, "none"))), takesBias: true }];
  };
}

/** The same with `fused_ops`: BiasAdd or FusedBatchNorm, then an activation. */
export function fusedConvolutionRule(kind: Kind): NodeRule {
  return (call) => {
    const { node, filters } = convolution(call, kind);
    return [fused(call, node, filters, imageOf)];
  };
}

/** A layer's node for a bias and an activation. */
export type LayerNode = (bias: Tensor | null, activation: Activation) => NewNodeWithoutName;

/** The layer with what stands in `fused_ops` behind it. `resultOf` is the tensor that the layer's node yields. */
export function fused(
  call: NodeCall,
  layer: LayerNode,
  units: number,
  resultOf: (call: NodeCall, name: string) => NetworkValue,
): NetworkValue {
  const operators = [...textsAttribute(call, "fused_ops")];
  const bias = operators[0] === "BiasAdd" ? shapedConstant(call, 2, "bias", [units]) : null;
  const normalization = operators[0] === "FusedBatchNorm" ? normalizationOf(call, units) : undefined;
  if (bias !== null || normalization !== undefined) operators.shift();
  const [activation, ...others] = operators;
  const own = activation === "Relu" ? "relu" : activation === "Relu6" ? "relu6" : undefined;
  const apart = own === undefined && Object.hasOwn(FUSED_ACTIVATIONS, activation ?? "") ? activation : undefined;
  const count = integerAttribute(call, "num_args", call.operands.length - 2);
  const expected = (bias === null ? 0 : 1) + (normalization === undefined ? 0 : 4) + (activation === "Prelu" ? 1 : 0);
  const isKnown = others.length === 0 && (activation === undefined || own !== undefined || apart !== undefined);
  if (!isKnown || count !== expected || call.operands.length !== expected + 2) {
    const listed = textsAttribute(call, "fused_ops").slice(0, 6).join(", ").slice(0, 100);
    throw nodeError(
      call,
      "attribute fused_ops",
      `found ${listed} with ${call.operands.length} inputs`,
      `supported: BiasAdd or FusedBatchNorm, then Relu, Relu6, ${Object.keys(FUSED_ACTIVATIONS).join(", ")}`,
    );
  }
  if (normalization !== undefined) {
    const { name: inner, shape } = resultOf(call, addNamed(call, layer(null, "none")));
    const name = addHelper(call, "normalization", { ...normalization, inputs: [inner] });
    if (own === undefined) return activated(call, { name, shape }, apart);
    return { name: addHelper(call, "activation", { op: "activation", inputs: [name], activation: own }), shape };
  }
  return activated(call, resultOf(call, addNamed(call, layer(bias, own ?? "none"))), apart);
}

function activated(call: NodeCall, value: NetworkValue, activation: string | undefined): NetworkValue {
  return activation === undefined ? value : (FUSED_ACTIVATIONS[activation]?.(call, value) ?? value);
}

function normalizationOf(call: NodeCall, units: number): Omit<BatchNormalizationNode, "name" | "inputs" | "shape"> {
  const vector = (position: number, name: string): Tensor => shapedConstant(call, position, name, [units]);
  return {
    op: "batchNormalization",
    gamma: vector(2, "scale"),
    beta: vector(3, "offset"),
    mean: vector(4, "mean"),
    variance: vector(5, "variance"),
    epsilon: numberAttribute(call, "epsilon", 1e-4),
  };
}

function convolution(call: NodeCall, kind: Kind): { readonly node: LayerNode; readonly filters: number } {
  channelsLastOnly(call);
  const { input, image } = imageInput(call, valueInput(call, 0, "input"));
  const filter = shapedConstant(call, 1, "filter", [-1, -1, kind === "depthwise" ? image[2] : -1, -1]);
  const [rows = 0, columns = 0, channels = 0, last = 0] = filter.shape;
  const groups = kind === "depthwise" ? image[2] : image[2] / channels;
  if (!Number.isInteger(groups) || Math.min(rows, columns, last) < 1) {
    const what = `found ${formatShape(filter.shape)} for an image of ${image[2]} channels`;
    throw nodeError(call, "input filter", `${what}, expected a divisor of them`, "export the model again");
  }
  // Depthwise filters [rows, columns, channels, multiplier] are row-major [rows, columns, 1, filters].
  const filters = kind === "depthwise" ? channels * last : last;
  const kernel = kind === "depthwise" ? { shape: [rows, columns, 1, filters], data: filter.data } : filter;
  const strides = pairAttribute(call, "strides");
  const dilations = pairAttribute(call, "dilations");
  const padding = paddingOf(call, { image, kernel: [rows, columns], strides, dilations });
  const node: LayerNode = (bias, activation) => ({
    op: "conv2d",
    inputs: [input],
    kernel,
    bias,
    strides,
    dilations,
    padding,
    groups,
    activation,
  });
  return { node, filters };
}
