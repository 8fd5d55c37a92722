/** The definition of what a tensor graph computes. */
import { diagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import { findOperator } from "../operators/table.ts";
import { describeTensor } from "../tensor.ts";
import type { AnyTensor, TensorGraph, TensorInput } from "../tensor-graph.ts";
import { runNode } from "./evaluate-node.ts";

/**
 * The outputs by name, in the graph's order. `inputs` holds a tensor per input of the graph; `where` names the graph in
 * diagnostics. A value is dropped after its last use. Throws `DiagnosticError`.
 */
export function interpret(
  graph: TensorGraph,
  inputs: ReadonlyMap<string, AnyTensor>,
  where: string = graph.name,
): ReadonlyMap<string, AnyTensor> {
  const values = new Map<string, AnyTensor>(graph.constants);
  for (const input of graph.inputs) values.set(input.name, requireInput(input, inputs.get(input.name), where));
  const lastUses = lastUsesOf(graph);
  graph.nodes.forEach((node, position) => {
    const operands = node.inputs.map((name) => (name === "" ? undefined : requireValue(values, name)));
    const outputs = runNode(node, findOperator(node, where), operands, where);
    node.outputs.forEach((name, index) => {
      const output = outputs[index];
      if (name !== "" && output !== undefined && lastUses.has(name)) values.set(name, output);
    });
    for (const name of node.inputs) if (lastUses.get(name) === position) values.delete(name);
  });
  return new Map(graph.outputs.map((name) => [name, requireValue(values, name)]));
}

/** Position of the node that reads a value last; the graph's outputs stay to the end. Values nobody reads are absent. */
function lastUsesOf(graph: TensorGraph): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  graph.nodes.forEach((node, position) => {
    for (const name of node.inputs) last.set(name, position);
  });
  for (const name of graph.outputs) last.set(name, graph.nodes.length);
  return last;
}

function requireInput(input: TensorInput, tensor: AnyTensor | undefined, where: string): AnyTensor {
  const place = `${where}: input "${input.name}"`;
  const expected = `${input.type} [${input.shape.map((size) => size ?? "?").join(", ")}]`;
  if (tensor === undefined) throw diagnosticError("INPUT", place, `found none, expected ${expected}`, "give a tensor");
  const fits =
    tensor.type === input.type &&
    tensor.shape.length === input.shape.length &&
    input.shape.every((size, axis) => typeof size !== "number" || size === tensor.shape[axis]);
  if (fits) return tensor;
  throw diagnosticError(
    "INPUT",
    place,
    `found ${describeTensor(tensor)}, expected ${expected}`,
    "give a tensor of that type and shape",
  );
}

function requireValue(values: ReadonlyMap<string, AnyTensor>, name: string): AnyTensor {
  const value = values.get(name);
  if (value === undefined) throw new InvariantError(`tensor graph: value "${name}" is read before it is there`);
  return value;
}
