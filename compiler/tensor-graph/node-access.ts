/** Reading a node's attributes and inputs with checks. Places are relative to the node: the interpreter names that. */
import { type DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { OperatorInputs } from "./operator.ts";
import { safeInteger, type TensorOf } from "./tensor.ts";
import type { AnyTensor, AttributeValue, ElementType, TensorNode } from "./tensor-graph.ts";

/** A wrong attribute or input of a node. */
export function nodeError(place: string, what: string, hint: string): DiagnosticError {
  return diagnosticError("OPERATOR", place, what, hint);
}

function attribute(node: TensorNode, name: string): AttributeValue | undefined {
  return Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
}

function wrongAttribute(name: string, value: AttributeValue, expected: string): DiagnosticError {
  const found = typeof value === "object" ? (Array.isArray(value) ? "a list" : "a tensor") : `${value}`;
  return nodeError(`attribute ${name}`, `found ${found}, expected ${expected}`, "export the model again");
}

/** An integer, saturated to what a number holds exactly; `fallback` where it is absent. */
export function integerAttribute<Fallback extends number | undefined>(
  node: TensorNode,
  name: string,
  fallback: Fallback,
): number | Fallback {
  const value = attribute(node, name);
  if (value === undefined) return fallback;
  if (typeof value === "bigint") return safeInteger(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw wrongAttribute(name, value, "an integer");
}

/** 0 or 1, as ONNX writes truth. */
export function flagAttribute(node: TensorNode, name: string, fallback: boolean): boolean {
  const value = integerAttribute(node, name, fallback ? 1 : 0);
  if (value === 0 || value === 1) return value === 1;
  throw wrongAttribute(name, value, "0 or 1");
}

/** Integers, saturated; undefined where the attribute is absent. */
export function integersAttribute(node: TensorNode, name: string): readonly number[] | undefined {
  const value = attribute(node, name);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    const items: readonly (number | bigint | string)[] = value;
    const integers = items.map((item) => (typeof item === "bigint" ? safeInteger(item) : item));
    if (integers.every((item): item is number => Number.isSafeInteger(item))) return integers;
  }
  throw wrongAttribute(name, value, "a list of integers");
}

/** A number; `fallback` where it is absent. */
export function floatAttribute<Fallback extends number | undefined>(
  node: TensorNode,
  name: string,
  fallback: Fallback,
): number | Fallback {
  const value = attribute(node, name);
  if (value === undefined) return fallback;
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw wrongAttribute(name, value, "a number");
}

/** Numbers; undefined where the attribute is absent. */
export function floatsAttribute(node: TensorNode, name: string): readonly number[] | undefined {
  const value = attribute(node, name);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    const items: readonly (number | bigint | string)[] = value;
    const numbers = items.map((item) => (typeof item === "bigint" ? Number(item) : item));
    if (numbers.every((item): item is number => typeof item === "number")) return numbers;
  }
  throw wrongAttribute(name, value, "a list of numbers");
}

/** One of the texts `choices`; `fallback` where it is absent. */
export function choiceAttribute<Choice extends string, Fallback extends Choice | undefined>(
  node: TensorNode,
  name: string,
  choices: readonly Choice[],
  fallback: Fallback,
): Choice | Fallback {
  const value = attribute(node, name);
  if (value === undefined) return fallback;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw wrongAttribute(name, value, `one of ${choices.join(", ")}`);
  return found;
}

/** Texts; undefined where the attribute is absent. */
export function textsAttribute(node: TensorNode, name: string): readonly string[] | undefined {
  const value = attribute(node, name);
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    const items: readonly (number | bigint | string)[] = value;
    if (items.every((item): item is string => typeof item === "string")) return items;
  }
  throw wrongAttribute(name, value, "a list of texts");
}

/** A tensor; undefined where the attribute is absent. */
export function tensorAttribute(node: TensorNode, name: string): AnyTensor | undefined {
  const value = attribute(node, name);
  if (value === undefined) return undefined;
  if (typeof value === "object" && "shape" in value) return value;
  throw wrongAttribute(name, value, "a tensor");
}

/** The input at `position`, which ONNX calls `name`; throws where it is left out. */
export function requiredInput(inputs: OperatorInputs, position: number, name: string): AnyTensor {
  const input = inputs[position];
  if (input !== undefined) return input;
  throw nodeError(`input ${name}`, "found none, expected a tensor", "export the model again");
}

/** As `requiredInput`, of one of the element types `types`. */
export function typedInput<Type extends ElementType>(
  inputs: OperatorInputs,
  position: number,
  name: string,
  types: readonly Type[],
): TensorOf<Type> {
  const input = requiredInput(inputs, position, name);
  requireType(input, name, types);
  return input as unknown as TensorOf<Type>;
}

/** Throws unless the tensor is of one of the element types. */
export function requireType(input: AnyTensor, name: string, types: readonly ElementType[]): void {
  if (types.includes(input.type)) return;
  throw nodeError(
    `input ${name}`,
    `found elements of type ${input.type}, expected ${types.join(" or ")}`,
    "convert it with Cast",
  );
}

/** `axis` counted from 0, where negative ones count from the end: −rank ≤ axis < rank. */
export function normalAxis(axis: number, rank: number, place = "attribute axis"): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw nodeError(place, `found ${axis}, expected ${-rank} to ${rank - 1}`, `the tensor has ${rank} axes`);
}

/** Distinct axes counted from 0. */
export function normalAxes(axes: readonly number[], rank: number, place = "attribute axes"): readonly number[] {
  const normal = axes.map((axis) => normalAxis(axis, rank, place));
  if (new Set(normal).size === normal.length) return normal;
  throw nodeError(place, `found ${axes.join(", ")}, where an axis stands twice`, "name every axis once");
}
