/**
 * What exporters put behind the last layer to make a class of its outputs: softmax, its logarithm, ArgMax, TopK. The machine yields
 * what they are given; the host does the rest, and the class is the index of the largest output all the same.
 */

import type { ClosingOperator } from "../graph/graph.ts";
import { elementCount, formatShape } from "../graph/shape.ts";
import type { KnownTensor } from "../tensor-graph/evaluation/propagate.ts";
import { flagAttribute, integerAttribute } from "../tensor-graph/node-access.ts";
import { nodePlace } from "../tensor-graph/operators/table.ts";
import type { TensorGraph, TensorNode } from "../tensor-graph/tensor-graph.ts";
import { legalisationError } from "./rule.ts";

export interface OpenedGraph {
  /** Its outputs are what the closing operators are given. */
  readonly graph: TensorGraph;
  /** In order. A softmax that alone closes the graph stays in it. */
  readonly closing: readonly ClosingOperator[];
}

const CLOSING: Readonly<Record<string, ClosingOperator>> = {
  Softmax: "softmax",
  LogSoftmax: "log-softmax",
  ArgMax: "argmax",
  TopK: "top-k",
};

/** Operators that change names, shapes and types alone; between closing operators the host does them by the way. */
const NAMING: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Cast",
  "CastLike",
  "Dropout",
]);

/** Operators of a class that the machine's output does not tell, with what to do. */
const REFUSED: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ArgMin: ["the class is the index of the largest output, not of the smallest", "negate the outputs and use ArgMax"],
};

/** Throws `DiagnosticError` for a closing operator by which the class is not the index of the largest output. */
export function withoutClosing(
  graph: TensorGraph,
  known: ReadonlyMap<string, KnownTensor>,
  where: string,
): OpenedGraph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const chains = graph.outputs.map((output) => chainOf(output, producers, known));
  const [first] = chains;
  const closing = [
    ...new Set(chains.flatMap(({ nodes }) => nodes.map(({ operator }) => CLOSING[operator] ?? "softmax"))),
  ];
  const isPlain = chains.length === 1 && closing.every((operator) => operator === "softmax");
  if (first === undefined || isPlain || chains.some(({ given }) => given !== first.given))
    return { graph, closing: [] };
  for (const { nodes } of chains) for (const node of nodes) requireClass(node, known, where);
  return { graph: { ...graph, outputs: [first.given] }, closing };
}

interface Chain {
  /** The value behind which nothing but closing operators and names for it stand. */
  readonly given: string;
  /** The closing operators, in order. */
  readonly nodes: readonly TensorNode[];
}

function chainOf(
  output: string,
  producers: ReadonlyMap<string, TensorNode>,
  known: ReadonlyMap<string, KnownTensor>,
): Chain {
  const nodes: TensorNode[] = [];
  let given = output;
  let value = output;
  /** Whether what stands above cuts fractions off: an index has none. */
  let cutsFractions = false;
  for (let node = producers.get(output); node?.domain === ""; node = producers.get(value)) {
    const { operator } = node;
    const isIndex = operator === "ArgMax" || (operator === "TopK" && node.outputs.indexOf(value) === 1);
    value = node.inputs[0] ?? "";
    if (Object.hasOwn(CLOSING, operator) && (isIndex || !cutsFractions)) {
      nodes.unshift(node);
      given = value;
      cutsFractions = false;
    } else if (!NAMING.has(operator)) {
      break;
    } else if (operator.startsWith("Cast")) {
      cutsFractions ||= known.get(node.outputs[0] ?? "")?.type.startsWith("float") !== true;
    }
  }
  return { given, nodes };
}

function requireClass(node: TensorNode, known: ReadonlyMap<string, KnownTensor>, where: string): void {
  const shape = known.get(node.inputs[0] ?? "")?.shape ?? [];
  const wrong = complaint(node, shape);
  if (wrong === undefined) return;
  throw legalisationError(nodePlace(node, where), ...wrong);
}

function complaint(node: TensorNode, shape: readonly number[]): readonly [what: string, hint: string] | undefined {
  const { operator, opset } = node;
  const isIndex = operator === "ArgMax";
  const coerced = operator.endsWith("oftmax") && opset < 13;
  const stated = integerAttribute(node, "axis", isIndex ? 0 : coerced ? 1 : -1);
  const axis = stated < 0 ? stated + shape.length : stated;
  const along = coerced ? elementCount(shape.slice(axis)) : (shape[axis] ?? 1);
  if (along === 1 && elementCount(shape) > 1) {
    const what = `found axis ${stated} of ${formatShape(shape)}, along which there is one element`;
    return [what, "give the axis of the classes"];
  }
  if (isIndex && flagAttribute(node, "select_last_index", false)) {
    return ["of equal outputs the class is the first one, not the last", "export the model without select_last_index"];
  }
  if (operator === "TopK" && !flagAttribute(node, "largest", true)) {
    return ["the class is the index of the largest output, not of the smallest", "export the model with largest = 1"];
  }
  return undefined;
}

/** Why an operator that often closes a network cannot, and what to do; undefined for others. */
export function refusedClosing(name: string): readonly [what: string, hint: string] | undefined {
  if (Object.hasOwn(REFUSED, name)) return REFUSED[name];
  if (!Object.hasOwn(CLOSING, name)) return undefined;
  return [
    "it runs on the host, and only where nothing but such operators follows",
    "export the model up to what it reads",
  ];
}
