/** What every operator's rule is made of, and what it may use. */
import type { Tensor } from "../../../graph/graph.ts";
import { formatShape } from "../../../graph/shape.ts";
import { integersOf, numbersOf } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../tensor-graph/tensor-graph.ts";
import { nodeError } from "../values/node-error.ts";
import { type NetworkValue, networkTensor, type ValueCall } from "../values/value.ts";
import type { NodePlace } from "./attributes.ts";

/** What a node reads: a constant of the model, or a value of the network. */
export type Operand =
  | { readonly constant: AnyTensor; readonly value?: undefined }
  | { readonly value: NetworkValue; readonly constant?: undefined };

/** One node of the file, with what its rule needs to add nodes to the network. */
export interface NodeCall extends NodePlace, ValueCall {
  readonly operands: readonly Operand[];
  /** How many nodes read what the operand at a position is. */
  readonly readersOf: (position: number) => number;
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

/** `axis` counted from 0, where from the end it is negative. */
export function normalAxis(call: NodeCall, axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && normal >= 0 && normal < rank) return normal;
  throw nodeError(call, "axis", `found ${axis}, expected one from ${-rank} to ${rank - 1}`, AGAIN);
}
