/** What every operator's rule is made of, and what it may use. */
import type { GraphBuilder, NewNode } from "../../../graph/builder.ts";
import type { Tensor } from "../../../graph/graph.ts";
import { elementCount, formatShape, sameShape } from "../../../graph/shape.ts";
import { integersOf, numbersOf } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../tensor-graph/tensor-graph.ts";
import type { NodePlace } from "./attributes.ts";
import type { ConstantBudget } from "./constant-budget.ts";
import { nodeError } from "./node-error.ts";

/**
 * A tensor that the network computes. Its elements lie in row-major order of `shape` in the network's value `name`, which
 * bears another shape of as many elements.
 */
export interface NetworkValue {
  readonly name: string;
  /** Shape of TensorFlow's tensor, the batch of 1 included. */
  readonly shape: readonly number[];
  /** Of a tensor of integers, which the network counts as floats. */
  readonly isInteger?: true;
  /** Straight from a layer without bias and activation: one number per channel that is added may become its bias. */
  readonly takesBias?: true;
  /** Straight from a softmax, which must stay the last node: other shapes of it are names only. */
  readonly isSoftmax?: true;
}

/** What a node reads: a constant of the model, or a value of the network. */
export type Operand =
  | { readonly constant: AnyTensor; readonly value?: undefined }
  | { readonly value: NetworkValue; readonly constant?: undefined };

/** One node of the file, with what its rule needs to add nodes to the network. */
export interface NodeCall extends NodePlace {
  /** Name of the network's node that does the work: the file's own; helpers are called `<name>/<role>`. */
  readonly name: string;
  readonly operands: readonly Operand[];
  /** How many nodes read what the operand at a position is. */
  readonly readersOf: (position: number) => number;
  readonly builder: GraphBuilder;
  readonly budget: ConstantBudget;
  /** Biases that layers already added have been given since, by the layer's name. */
  readonly biases: Map<string, Tensor>;
}

/** Adds the nodes of one operator and returns its outputs. Throws `DiagnosticError`. */
export type NodeRule = (call: NodeCall) => readonly NetworkValue[];

const AGAIN = "export the model again with tensorflowjs_converter";

/** The input `position`, which TensorFlow calls `name`, where it is a value of the network. */
export function valueInput(call: NodeCall, position: number, name: string): NetworkValue {
  const operand = call.operands[position];
  if (operand?.value !== undefined) return operand.value;
  const what = operand === undefined ? "found none" : "found a constant";
  throw nodeError(call, `input ${name}`, `${what}, expected a value that the network computes`, AGAIN);
}

/** The input `position`, which must be a constant. */
export function constantInput(call: NodeCall, position: number, name: string): AnyTensor {
  const operand = call.operands[position];
  if (operand?.constant !== undefined) return operand.constant;
  const what = operand === undefined ? "found none" : "found a value that the network computes";
  throw nodeError(
    call,
    `input ${name}`,
    `${what}, expected a constant`,
    "the machine holds weights and settings as constants: freeze the model before it is converted",
  );
}

/** The integers of a constant list, or of a single number. */
export function integersInput(call: NodeCall, position: number, name: string): readonly number[] {
  const tensor = constantInput(call, position, name);
  if (tensor.shape.length <= 1 && tensor.data.length <= 64) return integersOf(tensor, `input ${name}`);
  throw nodeError(call, `input ${name}`, `found shape ${formatShape(tensor.shape)}, expected a short list`, AGAIN);
}

/** The number in a constant of one element. */
export function scalarInput(call: NodeCall, position: number, name: string): number {
  const tensor = constantInput(call, position, name);
  const value = numbersOf(tensor)[0];
  if (value !== undefined && tensor.data.length === 1) return value;
  throw nodeError(call, `input ${name}`, `found shape ${formatShape(tensor.shape)}, expected one element`, AGAIN);
}

/** A constant of as many axes as expected; sizes of −1 may be any. */
export function shapedConstant(call: NodeCall, position: number, name: string, expected: readonly number[]): Tensor {
  const tensor = constantInput(call, position, name);
  const { shape } = tensor;
  if (shape.length === expected.length && expected.every((size, axis) => size === -1 || size === shape[axis])) {
    return networkTensor(tensor, shape);
  }
  const wanted = expected.map((size) => (size === -1 ? "any" : size)).join(", ");
  throw nodeError(call, `input ${name}`, `found shape ${formatShape(shape)}, expected [${wanted}]`, AGAIN);
}

/** A constant of the network under a shape of as many elements: the numbers, rounded to float32. */
export function networkTensor(tensor: AnyTensor, shape: readonly number[]): Tensor {
  return { shape, data: tensor.type === "float32" ? tensor.data : Float32Array.from(numbersOf(tensor)) };
}

/** `axis` counted from 0, where from the end it is negative. */
export function normalAxis(call: NodeCall, axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && normal >= 0 && normal < rank) return normal;
  throw nodeError(call, "axis", `found ${axis}, expected one from ${-rank} to ${rank - 1}`, AGAIN);
}

/** Throws `DiagnosticError` unless the value is one image [1, rows, columns, channels]. */
export function imageInput(
  call: NodeCall,
  value: NetworkValue,
): { readonly input: string; readonly image: readonly [rows: number, columns: number, channels: number] } {
  const [batch, rows, columns, channels, ...rest] = value.shape;
  if (batch === 1 && rows !== undefined && columns !== undefined && channels !== undefined && rest.length === 0) {
    return { input: view(call, value.name, [rows, columns, channels]), image: [rows, columns, channels] };
  }
  throw nodeError(
    call,
    "input",
    `found ${formatShape(value.shape)}, expected one image [1, rows, columns, channels]`,
    "the machine takes one image at a time",
  );
}

/** The network's value `name` under a shape of as many elements: itself, or a reshape of it. */
export function view(call: NodeCall, name: string, shape: readonly number[]): string {
  if (sameShape(call.builder.shapeOf(name), shape)) return name;
  return addHelper(call, "view", { op: "reshape", inputs: [name], shape });
}

/**
 * The network's shape for a tensor: without a batch of 1 an image or a vector; two axes are an image of one row, of more
 * than three the outer ones become rows.
 */
export function storedShape(shape: readonly number[]): readonly number[] {
  const axes = shape[0] === 1 ? shape.slice(1) : shape;
  if (axes.length === 0) return [1];
  if (axes.length === 1 || axes.length === 3) return axes;
  return [elementCount(axes.slice(0, -2)), ...axes.slice(-2)];
}

type WithoutName<Node> = Node extends unknown ? Omit<Node, "name"> : never;

/** A node that `addNamed` or `addHelper` names. */
export type NewNodeWithoutName = WithoutName<NewNode>;

/** Adds the node that does an operator's work, under the operator's own name. At most once for a call. */
export function addNamed({ builder, name }: NodeCall, node: NewNodeWithoutName): string {
  return builder.add({ ...node, name } as NewNode);
}

/** Adds a helper `<name>/<role>`. */
export function addHelper({ builder, name }: NodeCall, role: string, node: NewNodeWithoutName): string {
  return builder.add({ ...node, name: builder.uniqueName(`${name}/${role}`) } as NewNode);
}

/** Adds the node under the operator's own name or, with a role, as a helper. */
export function addAs(call: NodeCall, role: string | undefined, node: NewNodeWithoutName): string {
  return role === undefined ? addNamed(call, node) : addHelper(call, role, node);
}
