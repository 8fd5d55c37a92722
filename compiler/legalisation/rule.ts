/** What every operator's rule is made of, and what it may use. */

import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { GraphBuilder, NewNode } from "../graph/builder.ts";
import type { ConstantRegisters, Tensor } from "../graph/graph.ts";
import { elementCount, formatShape } from "../graph/shape.ts";
import { numbersOf } from "../tensor-graph/tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph/tensor-graph.ts";
import type { Emission } from "./arrange.ts";
import type { NetworkValue } from "./value.ts";

/** What a node reads: a constant of the model, or a value of the network. */
export type Operand =
  | { readonly constant: AnyTensor; readonly value?: undefined }
  | { readonly value: NetworkValue; readonly constant?: undefined };

/** One node of the tensor graph, with what its rule needs to add nodes to the network. */
export interface RuleCall extends Emission {
  readonly node: TensorNode;
  readonly builder: GraphBuilder;
  /** Name for the node that does the work; helpers are called `<name>/<role>`. */
  readonly base: string;
  /** One per input of the node; undefined where it is left out. */
  readonly operands: readonly (Operand | undefined)[];
  /** Shapes and element types of the outputs that the node names, by the interpreter. */
  readonly shapes: readonly (readonly number[])[];
  readonly types: readonly ElementType[];
  /** Register of a constant operand's words, where the model quantized it by a power of two. */
  readonly constantRegister: (position: number) => RegisterSpec | undefined;
}

/** Adds the nodes of one operator and returns its outputs. Throws `DiagnosticError`; places are relative to the node. */
export type LegalisationRule = (call: RuleCall) => readonly NetworkValue[];

/** An operator that cannot be a part of the network as it stands. */
export function legalisationError(place: string, what: string, hint: string): DiagnosticError {
  return diagnosticError("LEGALISATION", place, what, hint);
}

/** The input `position`, which ONNX calls `name`, where it is a value of the network. */
export function networkInput({ operands }: RuleCall, position: number, name: string): NetworkValue {
  const operand = operands[position];
  if (operand?.value !== undefined) return operand.value;
  const what = operand === undefined ? "found none" : "found a constant";
  throw legalisationError(`input ${name}`, `${what}, expected a value of the network`, "export the model again");
}

/** The input `position` where it is a constant; undefined where it is left out. */
export function optionalConstant({ operands }: RuleCall, position: number, name: string): AnyTensor | undefined {
  const operand = operands[position];
  if (operand === undefined) return undefined;
  if (operand.constant !== undefined) return operand.constant;
  throw legalisationError(
    `input ${name}`,
    "found a value that the network computes, expected a constant",
    "the machine holds weights and settings as constants: export the model with them folded in",
  );
}

/** The input `position`, which must be a constant. */
export function constantInput(call: RuleCall, position: number, name: string): AnyTensor {
  const tensor = optionalConstant(call, position, name);
  if (tensor !== undefined) return tensor;
  throw legalisationError(`input ${name}`, "found none, expected a constant", "export the model again");
}

/** Shape of an output. */
export function outputShape({ shapes }: RuleCall, output = 0): readonly number[] {
  return shapes[output] ?? [];
}

/** A constant of the network: the numbers rounded to float32, under `shape`. */
export function networkConstant(tensor: AnyTensor, shape: readonly number[] = tensor.shape): Tensor {
  return { shape, data: Float32Array.from(numbersOf(tensor)) };
}

/** A constant as a vector of `length`, repeated where it has one element. */
export function vectorConstant(tensor: AnyTensor, length: number, name: string): Tensor {
  const numbers = numbersOf(tensor);
  const count = elementCount(tensor.shape);
  if (count !== length && count !== 1) {
    throw legalisationError(
      `input ${name}`,
      `found shape ${formatShape(tensor.shape)}, expected ${length} elements`,
      "export the model again",
    );
  }
  return { shape: [length], data: Float32Array.from({ length }, (_, index) => numbers[count === 1 ? 0 : index] ?? 0) };
}

/** The number in a constant of one element. */
export function scalarOf(tensor: AnyTensor, name: string): number {
  const [value, ...rest] = Array.from(numbersOf(tensor));
  if (value !== undefined && rest.length === 0) return value;
  throw legalisationError(
    `input ${name}`,
    `found shape ${formatShape(tensor.shape)}, expected one element`,
    "export the model again",
  );
}

/** Adds the node that does an operator's work, under the operator's own name. */
export function addNamed(call: RuleCall, node: NewNodeWithoutName): string {
  return call.builder.add({ ...node, name: call.base } as NewNode);
}

/** Adds a helper `<name>/<role>`. */
export function addHelper(call: RuleCall, role: string, node: NewNodeWithoutName): string {
  return call.builder.add({ ...node, name: call.builder.uniqueName(`${call.base}/${role}`) } as NewNode);
}

type WithoutName<Node> = Node extends unknown ? Omit<Node, "name"> : never;

/** A node that `addNamed` or `addHelper` names. */
export type NewNodeWithoutName = WithoutName<NewNode>;

/** Registers of weights and bias, the second and third operands, where the model quantized them. */
export function constantRegistersOf({ constantRegister }: RuleCall): ConstantRegisters {
  const [weight, bias] = [constantRegister(1), constantRegister(2)];
  return { ...(weight && { weight }), ...(bias && { bias }) };
}
