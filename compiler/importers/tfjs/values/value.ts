/** Values of the network under the shapes that TensorFlow gives them, and what importers add nodes with. */
import type { GraphBuilder, NewNode } from "../../../graph/builder.ts";
import type { ClosingOperator, InputInfo, Tensor } from "../../../graph/graph.ts";
import { elementCount, formatShape, sameShape } from "../../../graph/shape.ts";
import { numbersOf } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../tensor-graph/tensor-graph.ts";
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
  /** What the host computes of it: `name` is what that is given, and other shapes and types are names only. */
  readonly closing?: readonly ClosingOperator[];
}

/** A node of a graph model or a use of a layer, with what it takes to add nodes to the network. */
export interface ValueCall {
  /** Its place, for diagnostics. */
  readonly where: string;
  /** Name of the network's node that does the work: the file's own; helpers are called `<name>/<role>`. */
  readonly name: string;
  readonly builder: GraphBuilder;
  readonly budget: ConstantBudget;
}

/** A constant of the network under a shape of as many elements: the numbers, rounded to float32. */
export function networkTensor(tensor: AnyTensor, shape: readonly number[]): Tensor {
  return { shape, data: tensor.type === "float32" ? tensor.data : Float32Array.from(numbersOf(tensor)) };
}

/** Throws `DiagnosticError` unless the value is one image [1, rows, columns, channels]. */
export function imageInput(
  call: ValueCall,
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
export function view(call: ValueCall, name: string, shape: readonly number[]): string {
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

/** The network's input for a tensor of that shape, the batch of 1 included, and how the file declares it. */
export function inputInfo(name: string, shape: readonly number[]): InputInfo {
  const stored = storedShape(shape);
  const declared = shape.slice(1);
  if (sameShape(stored, declared)) return { name, shape: stored };
  return { name, shape: stored, declared: { shape: declared, order: declared.map((_size, axis) => axis) } };
}

type WithoutName<Node> = Node extends unknown ? Omit<Node, "name"> : never;

/** A node that `addNamed` or `addHelper` names. */
export type NewNodeWithoutName = WithoutName<NewNode>;

/** Adds the node that does an operator's work, under the operator's own name. At most once for a call. */
export function addNamed({ builder, name }: ValueCall, node: NewNodeWithoutName): string {
  return builder.add({ ...node, name } as NewNode);
}

/** Adds a helper `<name>/<role>`. */
export function addHelper({ builder, name }: ValueCall, role: string, node: NewNodeWithoutName): string {
  return builder.add({ ...node, name: builder.uniqueName(`${name}/${role}`) } as NewNode);
}

/** Adds the node under the operator's own name or, with a role, as a helper. */
export function addAs(call: ValueCall, role: string | undefined, node: NewNodeWithoutName): string {
  return role === undefined ? addNamed(call, node) : addHelper(call, role, node);
}

/** The tensor [1, rows, columns, channels] that the network's image `name` is. */
export function imageOf({ builder }: ValueCall, name: string): NetworkValue {
  return { name, shape: [1, ...builder.shapeOf(name)] };
}

/** Throws `DiagnosticError` where something is computed of what the host computes: only names for it may follow. */
export function requireOpen(
  place: { readonly where: string },
  read: readonly NetworkValue[],
  results: readonly NetworkValue[],
): void {
  const closed = read.find(({ closing }) => closing !== undefined);
  if (closed === undefined || (read.length === 1 && results.every(({ name }) => name === closed.name))) return;
  throw nodeError(
    place,
    "input",
    `found the result of ${closed.closing?.join(" and ")}, expected a value that the machine computes`,
    "such operators run on the host, behind the last layer alone",
  );
}
