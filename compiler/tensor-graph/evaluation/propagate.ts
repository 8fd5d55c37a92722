/** Types, shapes and, where they follow from constants alone, the elements of a tensor graph's values. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import type { TensorOperator } from "../operator.ts";
import { findOperator, nodePlace } from "../operators/table.ts";
import { ELEMENT_ARRAYS, ELEMENT_BYTES, requireShape, tensorOf } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorGraph, TensorNode } from "../tensor-graph.ts";
import { runNode } from "./evaluate-node.ts";

/** What is known of a value before the network runs. */
export interface KnownTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The elements, where they do not depend on the graph's inputs. */
  readonly constant: AnyTensor | undefined;
}

/** Sizes of inputs by name, where the file leaves some open. */
export type InputShapes = ReadonlyMap<string, readonly number[]>;

/** `"known"`: every value must become known, or a diagnostic says why not. `"partly"`: what stays unknown is left out. */
export type Completeness = "known" | "partly";

/** Elements that nodes may compute as constants: a file may not make memory out of a few numbers. */
const FREE_ELEMENTS = 2 ** 24;

/** And so many times the elements of the constants in the file. */
const GROWTH = 8;

/** All that is known, by value name. Throws `DiagnosticError`. */
export function propagate(
  graph: TensorGraph,
  inputShapes: InputShapes,
  where: string,
  completeness: Completeness,
): ReadonlyMap<string, KnownTensor> {
  const known = new Map<string, KnownTensor>();
  const placeholders = new Placeholders();
  let allowance = FREE_ELEMENTS + GROWTH * elementsInFile(graph);
  for (const [name, constant] of graph.constants) known.set(name, { ...constant, constant });
  for (const { name, type, shape } of graph.inputs) {
    const given = inputShapes.get(name) ?? shape;
    const complete = given.filter((size): size is number => typeof size === "number");
    if (
      complete.length === shape.length &&
      shape.every((size, axis) => typeof size !== "number" || size === given[axis])
    ) {
      requireShape(complete);
      known.set(name, { type, shape: complete, constant: undefined });
    } else if (completeness === "known" || inputShapes.has(name)) {
      throw diagnosticError(
        "INPUT",
        `${where}: input "${name}"`,
        `found shape [${given.join(", ")}] for [${shape.map((size) => size ?? "?").join(", ")}]`,
        "give a size for every axis",
      );
    }
  }
  for (const node of graph.nodes) {
    const operator = findOperator(node, where);
    const inputs = node.inputs.map((name) => (name === "" ? undefined : known.get(name)));
    if (inputs.some((input, position) => input === undefined && node.inputs[position] !== "")) continue;
    const open = undecidedInput(node, operator, inputs);
    if (open !== undefined) {
      if (completeness === "partly") continue;
      throw diagnosticError(
        "OPERATOR",
        `${nodePlace(node, where)}, input "${open}"`,
        "the shape of the result depends on the elements of a value that the network computes",
        "make it a constant: export the model with fixed sizes",
      );
    }
    const isConstant = inputs.every((input) => input === undefined || input.constant !== undefined);
    const constant = isConstant || asksForShape(node);
    const operands = inputs.map((input) => input && (input.constant ?? placeholders.of(input)));
    const outputs = runNode(node, operator, operands, where, constant ? "evaluate" : "infer");
    node.outputs.forEach((name, position) => {
      const output = outputs[position];
      if (name === "" || output === undefined) return;
      if (constant) allowance -= output.data.length;
      known.set(name, { type: output.type, shape: output.shape, constant: constant ? output : undefined });
    });
    if (allowance < 0) {
      throw diagnosticError(
        "OPERATOR",
        nodePlace(node, where),
        `the constants computed so far have more than ${FREE_ELEMENTS} and ${GROWTH} times the elements of the file's`,
        "check the sizes in the file",
      );
    }
  }
  return known;
}

/** Whether the results follow from the shape of what the node reads. */
export function asksForShape({ domain, operator }: TensorNode): boolean {
  return domain === "" && (operator === "Shape" || operator === "Size");
}

/** Elements of all constants, also of those in attributes. */
function elementsInFile({ constants, nodes }: TensorGraph): number {
  let count = 0;
  for (const { data } of constants.values()) count += data.length;
  for (const { attributes } of nodes) {
    for (const value of Object.values(attributes)) {
      if (typeof value === "object" && "data" in value) count += value.data.length;
    }
  }
  return count;
}

/** An input whose elements would decide the shapes but are unknown. */
function undecidedInput(
  node: TensorNode,
  operator: TensorOperator,
  inputs: readonly (KnownTensor | undefined)[],
): string | undefined {
  const position = operator.shapeInputs?.find((at) => {
    const input = inputs[at];
    return input !== undefined && input.constant === undefined;
  });
  return position === undefined ? undefined : node.inputs[position];
}

/** Tensors of zeros that share memory: they are only read. */
class Placeholders {
  readonly #zeros: Map<ElementType, ArrayBuffer> = new Map<ElementType, ArrayBuffer>();

  of({ type, shape }: KnownTensor): AnyTensor {
    const count = requireShape(shape);
    const Elements = ELEMENT_ARRAYS[type] as new (
      buffer: ArrayBuffer | number,
      offset?: number,
      length?: number,
    ) => never;
    const bytes = count * ELEMENT_BYTES[type];
    let buffer = this.#zeros.get(type);
    if (buffer === undefined || buffer.byteLength < bytes) {
      buffer = new ArrayBuffer(bytes);
      this.#zeros.set(type, buffer);
    }
    return tensorOf(type, shape, new Elements(buffer, 0, count)) as AnyTensor;
  }
}
