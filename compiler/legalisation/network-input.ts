/** The network's input: one image or vector, from a tensor with a batch axis. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { DeclaredInput, InputInfo } from "../graph/graph.ts";
import { elementCount } from "../graph/shape.ts";
import { integersAttribute } from "../tensor-graph/node-access.ts";
import { isRecurrent } from "../tensor-graph/recurrent/unroll-recurrent.ts";
import type { TensorGraph, TensorInput, TensorNode } from "../tensor-graph/tensor-graph.ts";
import { integerRegister } from "./quantizers.ts";
import { channelsLast, type NetworkValue, rowMajor } from "./value.ts";

export interface NetworkInput {
  /** The tensor graph with a batch of one and every size of the input a number. */
  readonly graph: TensorGraph;
  readonly info: InputInfo;
  readonly value: NetworkValue;
}

/** Operators that take channels on axis 1, windows behind it. */
const CHANNELS_FIRST: ReadonlySet<string> = new Set([
  "Conv",
  "ConvInteger",
  "ConvTranspose",
  "QLinearConv",
  "MaxPool",
  "AveragePool",
  "GlobalMaxPool",
  "GlobalAveragePool",
  "BatchNormalization",
  "InstanceNormalization",
  "LRN",
]);

/** Operators that leave every axis where it is: what reads their result says how the input's axes are meant. */
const KEEPS_AXES: ReadonlySet<string> = new Set([
  "Identity",
  "Cast",
  "Pad",
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Pow",
  "Sqrt",
  "Clip",
  "Relu",
  "PRelu",
  "Dropout",
  "QuantizeLinear",
  "DequantizeLinear",
  "Quant",
  "IntQuant",
  "BipolarQuant",
]);

/**
 * [N, C, H, W] is an image [H, W, C], or [H, W, C] again where the model itself moves channels forward; [N, C, L] before a
 * convolution an image [1, L, C]; other [A, B, C] an image [A · B, 1, C] of steps; [N, F] and [F] a vector. The batch N,
 * whether open or fixed, becomes 1. Operators that move no axis, such as Pad, Cast or Mul, are looked through.
 * Throws `DiagnosticError`.
 */
export function networkInputOf(graph: TensorGraph, where: string): NetworkInput {
  const [input, ...others] = graph.inputs;
  if (input === undefined || others.length > 0) {
    throw diagnosticError(
      "MODEL_INPUT",
      where,
      `found ${graph.inputs.length} inputs${graph.inputs.length === 0 ? "" : ` (${graph.inputs.map(({ name }) => name).join(", ")})`}, expected one image or vector`,
      "export the model with a single input",
    );
  }
  const readers = graph.nodes.filter((node) => node.inputs.includes(input.name));
  const batch = batchAxis(input, readers);
  const shape = oneImage(input, batch, where);
  const order = orderOf(shape, layoutOf(graph, input.name));
  const rest = shape.length > 2 && elementCount(shape) > 0;
  const stored = order.map((axis) => shape[axis] ?? 1);
  const image = rest ? imageShape(stored, order) : [elementCount(shape)];
  const register = integerRegister(input.type);
  const words = input.type.startsWith("float") ? undefined : { unit: 1, zeroPoint: 0, register: null };
  return {
    graph: { ...graph, inputs: [{ ...input, shape }] },
    info: { name: input.name, shape: image, ...declaredInput(shape, order, batch), ...(register && { register }) },
    value: { name: input.name, shape, order, ...(words && { words }) },
  };
}

/** Axes after the batch in memory: three of an image, or steps × features. */
function imageShape(stored: readonly number[], order: readonly number[]): readonly number[] {
  if (stored.length === 4) return stored.slice(1);
  if (order[1] === 2) return stored;
  const [a = 1, b = 1, c = 1] = stored;
  return [a * b, 1, c];
}

/** How the file declares one image, where that is not what the network stores. */
function declaredInput(
  shape: readonly number[],
  order: readonly number[],
  batch: number,
): { readonly declared: DeclaredInput } | undefined {
  const axes = order.filter((axis) => axis !== batch).map((axis) => (batch >= 0 && axis > batch ? axis - 1 : axis));
  const declared = shape.filter((_size, axis) => axis !== batch);
  const isStored =
    axes.every((axis, position) => axis === position) && (declared.length === 1 || declared.length === 3);
  return isStored ? undefined : { declared: { shape: declared, order: axes } };
}

type Layout = "channelsFirst" | "channelsLast" | "unsaid";

/** What the first operators that tell axes apart make of a value; `channelsLast` where one moves channels forward. */
function layoutOf(graph: TensorGraph, input: string): Layout {
  const values = new Set([input]);
  let layout: Layout = "unsaid";
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => values.has(name))) continue;
    if (node.domain.endsWith("channels_last")) return "channelsLast";
    if (KEEPS_AXES.has(node.operator)) {
      for (const name of node.outputs) values.add(name);
    } else if (node.operator === "Transpose" && `${integersAttribute(node, "perm") ?? ""}` === "0,3,1,2") {
      if (layout === "unsaid") layout = "channelsLast";
    } else if (CHANNELS_FIRST.has(node.operator)) {
      layout = "channelsFirst";
    }
  }
  return layout;
}

function orderOf(shape: readonly number[], layout: Layout): readonly number[] {
  const rank = shape.length;
  if (rank <= 2 || layout === "channelsLast") return rowMajor(rank);
  if (layout === "channelsFirst") return channelsLast(rank);
  // Nothing tells the axes apart. A last axis of size 1 is that of one channel.
  const [, first = 0, , last = 0] = shape;
  const isLast = rank === 3 || (last === 1 && first !== 1);
  return isLast ? rowMajor(rank) : channelsLast(rank);
}

/** The input's sizes for one image. */
function oneImage(input: TensorInput, batch: number, where: string): readonly number[] {
  const place = `${where}: input "${input.name}"`;
  const written = `[${input.shape.map((size) => size ?? "?").join(", ")}]`;
  const rank = input.shape.length;
  if (rank < 1 || rank > 4) {
    throw diagnosticError(
      "MODEL_INPUT",
      place,
      `found shape ${written}, expected [N, C, H, W], [N, C, L] or [N, F]`,
      "the machine takes images and vectors",
    );
  }
  const shape = input.shape.map((size, axis) => (axis === batch ? 1 : size));
  const open = shape.findIndex((size) => typeof size !== "number");
  if (open >= 0) {
    throw diagnosticError(
      "MODEL_INPUT",
      place,
      `found shape ${written}, whose axis ${open} has no size`,
      "only the batch may be open: export the model with fixed sizes",
    );
  }
  return shape as readonly number[];
}

/** Axis 0, or of a sequence [steps, batch, features] axis 1; −1 where there is none. */
function batchAxis(input: TensorInput, readers: readonly TensorNode[]): number {
  const rank = input.shape.length;
  if (rank === 1) return typeof input.shape[0] === "number" ? -1 : 0;
  const sequence = rank === 3 && readers.some((node) => isRecurrent(node) && !node.attributes.layout);
  return sequence ? 1 : 0;
}
