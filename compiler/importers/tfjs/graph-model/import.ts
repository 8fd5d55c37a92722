/** TensorFlow.js graph models (`model.json` with the nodes of a frozen graph, and its shards) to graphs. */
import { type Diagnostic, DiagnosticError, diagnosticError, InvariantError } from "../../../../isa/diagnostic.ts";
import { GraphBuilder } from "../../../graph/builder.ts";
import type { Graph, Tensor } from "../../../graph/graph.ts";
import { requireStage } from "../../../graph/stages.ts";
import { placesOf } from "../../../hints/places.ts";
import { misspelt } from "../../../hints/spelling.ts";
import { isGraphModel, readModelJson } from "../model-json.ts";
import { ConstantBudget } from "../values/constant-budget.ts";
import { nodeError } from "../values/node-error.ts";
import { requireOpen, storedShape, view } from "../values/value.ts";
import { WeightStore } from "../weights.ts";
import { placed } from "./attributes.ts";
import { FOLDS, SHAPE_FOLDS } from "./fold.ts";
import { type NodeEntry, type NodeReference, nodePlace, readGraphJson } from "./graph-json.ts";
import { networkInputOf } from "./network-input.ts";
import { orderedNodes } from "./node-order.ts";
import type { NodeCall, Operand } from "./rule.ts";
import { CONTROL_FLOW, INTEGER_OPERATORS, NODE_RULES } from "./rules/table.ts";

/**
 * The model as a graph at stage `imported`. Nodes bear the names of the file's nodes, helpers `<name>/<role>`; what
 * depends on constants and shapes alone is computed. `modelJson` is the parsed file, `weights` the bytes of all shards
 * joined in the order of `tfjsWeightPaths`, `where` the file's name for diagnostics. Throws `DiagnosticError`.
 */
export function importTfjsGraphModel(modelJson: unknown, weights: Uint8Array, where: string): Graph {
  const model = readModelJson(modelJson, where);
  if (!isGraphModel(modelJson)) {
    throw diagnosticError("MODEL_JSON", where, "found a layers model, expected a graph model", "open it as what it is");
  }
  const graph = readGraphJson(model.topology, (modelJson as { readonly signature?: unknown }).signature, where);
  const nodes = orderedNodes(graph, where);
  requireOperators(nodes, where);
  const input = networkInputOf(nodes, where);
  const store = new WeightStore(model.weights, weights, where);
  const builder = new GraphBuilder("model", input.info, where);
  const shared = {
    builder,
    budget: new ConstantBudget(store.elements()),
    biases: new Map<string, Tensor>(),
    readers: readerCounts(nodes, graph.output),
    // Names are taken first, so that no helper can take one.
    names: new Map(nodes.map((node) => [node, node === input.node ? node.name : builder.uniqueName(node.name)])),
  };
  const known = new Map<string, Operand>([[key({ node: input.node.name, output: 0 }), { value: input.value }]]);
  const failed = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  let last: NodeCall | undefined;
  for (const node of nodes) {
    if (node === input.node) continue;
    // What depends on a node that failed is not judged.
    if (node.inputs.some((read) => failed.has(read.node))) {
      failed.add(node.name);
      continue;
    }
    try {
      const call = callOf(node, known, shared, where);
      outputsOf(call, store).forEach((output, index) => {
        requireRank(call, output);
        known.set(key({ node: node.name, output: index }), output);
      });
      if (node.name === graph.output.node) last = call;
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      failed.add(node.name);
      diagnostics.push(...error.diagnostics.map((found) => atNode(found, node, where)));
    }
  }
  diagnostics.push(...store.unused("node", new Set(graph.nodes.keys())));
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  const result = known.get(key(graph.output));
  const closing = result?.value?.closing;
  const finished = { ...builder.finish(networkOutput(result, last, graph.output, where)), ...(closing && { closing }) };
  const complete = finished.nodes.map((node) => {
    const bias = shared.biases.get(node.name);
    if (bias === undefined) return node;
    if (node.op === "conv2d" || node.op === "dense" || node.op === "convTranspose2d") return { ...node, bias };
    throw new InvariantError(`a bias for ${node.op} "${node.name}"`);
  });
  return requireStage({ ...finished, nodes: complete }, "imported", where);
}

/** Throws `DiagnosticError` with every operator that cannot be imported, each once. */
function requireOperators(nodes: readonly NodeEntry[], where: string): void {
  const supported = [...new Set([...Object.keys(NODE_RULES), ...Object.keys(FOLDS), ...Object.keys(SHAPE_FOLDS)])];
  const known = new Set([...supported, "Placeholder", "Const"]);
  const unknown = nodes.filter(({ operator }) => !known.has(operator));
  const diagnostics = [...new Set(unknown.map(({ operator }) => operator))].map((operator): Diagnostic => {
    const found = unknown.filter((node) => node.operator === operator);
    const [first] = found;
    const place = first === undefined ? where : nodePlace(where, first);
    const places = placesOf(
      found.map(({ name }) => name),
      "node",
    );
    if (CONTROL_FLOW.has(operator) || operator.startsWith("TensorList") || operator.startsWith("TensorArray")) {
      return {
        code: "UNKNOWN_OPERATOR",
        where: place,
        what: `${operator} is control flow, which no machine here has${places}`,
        hint: "export the model for inference, with loops and branches written out",
      };
    }
    const near = misspelt(operator, supported);
    return {
      code: "UNKNOWN_OPERATOR",
      where: place,
      what: `the operator ${operator} cannot be imported${places}`,
      hint: `${near === undefined ? "" : `is ${near} meant? `}supported: ${Object.keys(NODE_RULES).join(", ")}`,
    };
  });
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
}

interface Shared extends Pick<NodeCall, "builder" | "budget" | "biases"> {
  readonly readers: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<NodeEntry, string>;
}

function callOf(node: NodeEntry, known: ReadonlyMap<string, Operand>, shared: Shared, where: string): NodeCall {
  const { builder, budget, biases, readers, names } = shared;
  const place = placed(node, where);
  const operands = node.inputs.map((input) => {
    const operand = known.get(key(input));
    if (operand !== undefined) return operand;
    const what = `reads output ${input.output} of "${input.node}", which the node does not have or is for training only`;
    throw nodeError(place, "inputs", what, "export the model for inference");
  });
  const readersOf = (position: number): number => {
    const input = node.inputs[position];
    return input === undefined ? 0 : (readers.get(key(input)) ?? 0);
  };
  return { ...place, name: names.get(node) ?? node.name, operands, readersOf, builder, budget, biases };
}

/** The node's outputs: weights, constants that are computed at once, or values of the network. */
function outputsOf(call: NodeCall, store: WeightStore): readonly Operand[] {
  const { node, operands } = call;
  const { operator } = node;
  if (operator === "Const") {
    const constant = store.tensor(node.name, call.where);
    if (constant !== undefined) return [{ constant }];
    throw nodeError(
      call,
      "value",
      "the manifest holds no weight of that name",
      "export the model again with its weights",
    );
  }
  const [first] = operands;
  const ofShape = Object.hasOwn(SHAPE_FOLDS, operator) ? SHAPE_FOLDS[operator] : undefined;
  if (ofShape !== undefined) {
    const shape = first?.value?.shape ?? first?.constant?.shape;
    if (shape !== undefined) return [{ constant: ofShape(shape) }];
    throw nodeError(call, "inputs", "found none, expected a tensor", "export the model again");
  }
  const constants = operands.flatMap(({ constant }) => (constant === undefined ? [] : [constant]));
  const fold = Object.hasOwn(FOLDS, operator) ? FOLDS[operator] : undefined;
  if (fold !== undefined && constants.length === operands.length) {
    return fold({ ...call, inputs: constants }).map((constant) => ({ constant }));
  }
  const rule = Object.hasOwn(NODE_RULES, operator) ? NODE_RULES[operator] : undefined;
  if (rule === undefined) {
    const what = "found a value that the network computes, expected constants";
    throw nodeError(call, "inputs", what, "the machine has no such operation: export the model without it");
  }
  if (!INTEGER_OPERATORS.has(operator) && operands.some(({ value }) => value?.isInteger === true)) {
    throw nodeError(call, "inputs", "found integers, expected floats", "cast the input to float32 first");
  }
  const results = rule(call);
  requireOpen(
    call,
    operands.flatMap(({ value }) => value ?? []),
    results,
  );
  return results.map((value) => ({ value }));
}

/** Far above what TensorFlow.js has, far below what a chain of nodes that add axes could reach. */
const MOST_AXES = 16;

function requireRank(call: NodeCall, { value, constant }: Operand): void {
  const { length } = (value ?? constant).shape;
  if (length <= MOST_AXES) return;
  throw nodeError(call, "output", `found ${length} axes, expected at most ${MOST_AXES}`, "export the model again");
}

/** How often every output is read; the graph's own counts as one. */
function readerCounts(nodes: readonly NodeEntry[], output: NodeReference): ReadonlyMap<string, number> {
  const counts = new Map<string, number>([[key(output), 1]]);
  for (const { inputs } of nodes) {
    for (const input of inputs) counts.set(key(input), (counts.get(key(input)) ?? 0) + 1);
  }
  return counts;
}

/** An image or a vector; a softmax, and what the host is given, stays the last node whatever shape is asked of it. */
function networkOutput(
  output: Operand | undefined,
  call: NodeCall | undefined,
  { node }: NodeReference,
  where: string,
): string {
  if (call === undefined || output?.value === undefined) {
    throw diagnosticError(
      "MODEL_OUTPUT",
      `${where}: output "${node}"`,
      output === undefined ? "the node has no such output" : "does not depend on the input",
      "export the model for inference",
    );
  }
  const { name, shape, isSoftmax, closing } = output.value;
  return isSoftmax === true || closing !== undefined ? name : view(call, name, storedShape(shape));
}

/** Unique text of a reference: the number stands first, so that no name can imitate another's. */
function key({ node, output }: NodeReference): string {
  return `${output}:${node}`;
}

function atNode(found: Diagnostic, node: NodeEntry, where: string): Diagnostic {
  return found.where.startsWith(where) ? found : { ...found, where: `${nodePlace(where, node)}, ${found.where}` };
}
