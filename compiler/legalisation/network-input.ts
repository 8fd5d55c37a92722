/** The network's input: one image or vector, from a tensor with a batch axis. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import type { ValueInfo } from "../graph/graph.ts";
import { elementCount } from "../graph/shape.ts";
import { integersAttribute } from "../tensor-graph/node-access.ts";
import type { TensorGraph, TensorInput, TensorNode } from "../tensor-graph/tensor-graph.ts";
import { isRecurrent } from "../tensor-graph/unroll-recurrent.ts";
import { channelsLast, type NetworkValue, rowMajor } from "./value.ts";

export interface NetworkInput {
  /** The tensor graph with a batch of one and every size of the input a number. */
  readonly graph: TensorGraph;
  readonly info: ValueInfo;
  readonly value: NetworkValue;
}

const WINDOWED: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "MaxPool", "AveragePool"]);

/**
 * [N, C, H, W] is an image [H, W, C], or [H, W, C] again where the model itself moves channels forward; [N, C, L] before a
 * convolution an image [1, L, C]; other [A, B, C] an image [A · B, 1, C] of steps; [N, F] and [F] a vector. The batch N,
 * whether open or fixed, becomes 1. Throws `DiagnosticError`.
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
  const shape = oneImage(input, readers, where);
  const order = orderOf(shape, readers);
  const rest = shape.length > 2 && elementCount(shape) > 0;
  const stored = order.map((axis) => shape[axis] ?? 1);
  const image = rest ? imageShape(stored, order) : [elementCount(shape)];
  const words = input.type.startsWith("float") ? undefined : ("integers" as const);
  return {
    graph: { ...graph, inputs: [{ ...input, shape }] },
    info: { name: input.name, shape: image },
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

function orderOf(shape: readonly number[], readers: readonly TensorNode[]): readonly number[] {
  const rank = shape.length;
  if (rank <= 2) return rowMajor(rank);
  if (rank === 3) return readers.some(({ operator }) => WINDOWED.has(operator)) ? channelsLast(rank) : rowMajor(rank);
  const forward = readers.every(
    (node) => node.operator === "Transpose" && `${integersAttribute(node, "perm") ?? ""}` === "0,3,1,2",
  );
  return forward && readers.length > 0 ? rowMajor(rank) : channelsLast(rank);
}

/** The input's sizes for one image. */
function oneImage(input: TensorInput, readers: readonly TensorNode[], where: string): readonly number[] {
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
  const batch = batchAxis(input, readers);
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
