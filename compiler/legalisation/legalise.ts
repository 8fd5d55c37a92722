/** Tensor graphs to networks: batch 1, images with channels innermost, layers with constant weights. */
import { type Diagnostic, DiagnosticError, diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import type { ModelOutput } from "../../isa/program/model-output.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { elementCount, formatShape, sameShape } from "../graph/shape.ts";
import { requireStage } from "../graph/stages.ts";
import { prepareGraph } from "../prepare-graph.ts";
import type { AssignmentSpecification } from "../quantization/specification.ts";
import { inferTensors } from "../tensor-graph/evaluation/infer-tensors.ts";
import type { KnownTensor } from "../tensor-graph/evaluation/propagate.ts";
import { nodePlace, qualifiedName } from "../tensor-graph/operators/table.ts";
import { quantizedForm } from "../tensor-graph/quantized-forms.ts";
import { isRecurrent, unrollRecurrent } from "../tensor-graph/recurrent/unroll-recurrent.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../tensor-graph/tensor-graph.ts";
import { onePerOperator } from "../tensor-graph/unknown-operators.ts";
import { refusedClosing, withoutClosing } from "./closing-operators.ts";
import { constantRegisters } from "./constant-registers.ts";
import { type NetworkInput, networkInputOf } from "./network-input.ts";
import { networkOutput } from "./network-output.ts";
import { prescribedAssignment, prescribes } from "./prescribed-assignment.ts";
import { recogniseHardSwish } from "./recognise/hard-swish.ts";
import { recogniseIntegerLayers } from "./recognise/integer-layers.ts";
import { scaledWords, type WordsGraph } from "./recognise/scaled-words.ts";
import { Values } from "./recognise/values.ts";
import type { Operand, RuleCall } from "./rule.ts";
import { LEGALISATION_RULES } from "./rules/table.ts";
import { simplifyOutput } from "./simplify-output.ts";
import { withoutUnreadInputs } from "./unread-inputs.ts";
import type { NetworkValue } from "./value.ts";

export interface LegaliseOptions {
  /** The file's name, for diagnostics. */
  readonly where: string;
}

export interface LegalisedNetwork {
  /** At stage `imported`. Nodes bear the names of the tensor graph's nodes, helpers `<name>/<role>`. */
  readonly graph: Graph;
  /** Registers that the model itself prescribes to the layers after the passes, batch normalization folded where it can be. */
  readonly assignment: AssignmentSpecification;
  /** The model's own outputs in the words of the graph's. */
  readonly modelOutputs: readonly ModelOutput[];
}

/** Throws `DiagnosticError` with everything that has no place in a network. */
export function legalise(tensorGraph: TensorGraph, { where }: LegaliseOptions): LegalisedNetwork {
  const { graph: read, unread } = withoutUnreadInputs(tensorGraph);
  const input = networkInputOf(read, where);
  const rolled = inferred(read, input.graph, where);
  const { graph: opened, closing } = withoutClosing(input.graph, rolled, where);
  const unrolled = unrollRecurrent(opened, rolled, where);
  const known = unrolled === opened ? rolled : inferTensors(unrolled, new Map(), where);
  const constants = new Map<string, AnyTensor>();
  for (const [name, { constant }] of known) if (constant !== undefined) constants.set(name, constant);
  const nodes = unrolled.nodes.flatMap((node) => {
    const isConstant = node.outputs.every((name) => constants.has(name));
    return (isConstant ? undefined : quantizedForm(node)) ?? [node];
  });
  const written = { ...unrolled, nodes };
  const all = nodes.length === unrolled.nodes.length ? known : inferTensors(written, new Map(), where);
  for (const [name, { constant }] of all) if (constant !== undefined) constants.set(name, constant);
  const inWords = scaledWords(written, constants, all, where);
  const plain = { constants, known: all, units: new Map(), input: undefined };
  const words = inWords ?? { ...plain, graph: recognise(written, constants, all) };
  return network({ opened, input, closing, unread, words }, where);
}

/** A tensor graph whose operators have been recognised, and what stands around it. */
interface Recognised {
  /** Without the operators behind the last layer that the host computes. */
  readonly opened: TensorGraph;
  readonly input: NetworkInput;
  readonly closing: ReturnType<typeof withoutClosing>["closing"];
  readonly unread: ReturnType<typeof withoutUnreadInputs>["unread"];
  readonly words: WordsGraph;
}

/** The network of a tensor graph whose operators have been recognised. */
function network({ opened, input, closing, unread, words }: Recognised, where: string): LegalisedNetwork {
  const { graph: recognised, constants, known, units, input: inputWords } = words;
  const nodes = liveNodes(recognised, constants);
  requireRules(nodes, where);

  const info = inputWords === undefined ? input.info : { ...input.info, words: inputWords };
  const builder = new GraphBuilder(opened.name, info, where);
  const names = new Map(nodes.map((node) => [node, builder.uniqueName(node.name)]));
  const values = new Map<string, NetworkValue>([[input.info.name, input.value]]);
  const registers = constantRegisters(recognised, constants);
  const diagnostics: Diagnostic[] = [];
  for (const node of nodes) {
    const operands = node.inputs.map((name) => operandOf(name, values, constants));
    // What depends on a node that failed is not judged.
    if (operands.includes("failed")) continue;
    const outputs = node.outputs.map((name) => known.get(name));
    const call: RuleCall = {
      node,
      builder,
      base: names.get(node) ?? node.name,
      operands: operands as readonly (Operand | undefined)[],
      shapes: outputs.map((output) => output?.shape ?? []),
      types: outputs.map((output) => output?.type ?? "float32"),
      constantRegister: (position) => registers.get(node.inputs[position] ?? ""),
    };
    try {
      for (const [index, value] of runRule(call).entries()) {
        const output = node.outputs[index] ?? "";
        values.set(output, value);
        const unit = units.get(output);
        if (unit !== undefined) builder.noteUnit(value.name, unit);
      }
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      diagnostics.push(...error.diagnostics.map((found) => atNode(found, node, where)));
    }
  }
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);

  const outputs = { ...opened, outputs: recognised.outputs };
  const output = networkOutput(builder, outputs, values, where);
  const built = requireStage(simplifyOutput(builder.finish(output)), "imported", where);
  const recurrent = opened.nodes.filter(isRecurrent).map(({ name }) => name);
  const graph: Graph = {
    ...built,
    ...(closing.length > 0 && { closing }),
    ...(unread.length > 0 && { unreadInputs: unread }),
    ...(recurrent.length > 0 && { recurrentLayers: recurrent }),
  };
  const modelOutputs = opened.outputs.flatMap((name, position): ModelOutput[] => {
    const value = values.get(recognised.outputs[position] ?? name);
    return value === undefined ? [] : [{ name, shape: value.shape, order: value.order }];
  });
  const assignment = prescribes(graph) ? prescribedAssignment(prepareGraph(graph, where)) : {};
  return { graph, assignment, modelOutputs };
}

/** What is known of every value for one image; where that needed another batch than the file's, a failure says so. */
function inferred(given: TensorGraph, single: TensorGraph, where: string): ReadonlyMap<string, KnownTensor> {
  try {
    return inferTensors(single, new Map(), where);
  } catch (error) {
    const [before, after] = [given.inputs[0]?.shape ?? [], single.inputs[0]?.shape ?? []];
    const batch = before.find((size, axis) => typeof size === "number" && size !== after[axis]);
    if (!(error instanceof DiagnosticError) || batch === undefined) throw error;
    const note = diagnosticError(
      "MODEL_INPUT",
      `${where}: input "${given.inputs[0]?.name}"`,
      `the file fixes a batch of ${batch}, the machine takes one image, and with that the shapes do not fit`,
      "export the model with an open batch or a batch of 1",
    );
    throw new DiagnosticError([...note.diagnostics, ...error.diagnostics]);
  }
}

function recognise(
  graph: TensorGraph,
  constants: ReadonlyMap<string, AnyTensor>,
  known: ReadonlyMap<string, KnownTensor>,
): TensorGraph {
  const integer = recogniseIntegerLayers(graph, new Values(graph, constants), (name) => known.get(name));
  return recogniseHardSwish(integer, new Values(integer, constants));
}

/** The nodes that compute something on which an output depends. */
function liveNodes(graph: TensorGraph, constants: ReadonlyMap<string, AnyTensor>): readonly TensorNode[] {
  const needed = new Set(graph.outputs);
  const nodes: TensorNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name) && !constants.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    nodes.push(node);
  }
  return nodes.reverse();
}

function requireRules(nodes: readonly TensorNode[], where: string): void {
  const unknown = nodes.filter(
    ({ domain, operator }) => !Object.hasOwn(LEGALISATION_RULES, qualifiedName(domain, operator)),
  );
  const diagnostics = onePerOperator(unknown, where, (name) => {
    const [reason, instead] = refusedClosing(name) ?? [];
    const hint = ROUNDING_OPERATORS.has(name) ? INTEGER_HINT : "export the model without it";
    const what = `${name} has no place in a network on the machine${reason === undefined ? "" : `: ${reason}`}`;
    return { what, hint: instead ?? hint };
  });
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
}

/** Operators that only integer networks have here: they round what a layer scales. */
const ROUNDING_OPERATORS: ReadonlySet<string> = new Set(["Floor", "Ceil", "Round"]);
const INTEGER_HINT =
  "it has one in an integer network: whole weights and inputs, and between a sum and its rounding nothing but factors, offsets, " +
  "divisions and clips by constants";

function operandOf(
  name: string,
  values: ReadonlyMap<string, NetworkValue>,
  constants: ReadonlyMap<string, AnyTensor>,
): Operand | undefined | "failed" {
  if (name === "") return undefined;
  const constant = constants.get(name);
  if (constant !== undefined) return { constant };
  const value = values.get(name);
  return value === undefined ? "failed" : { value };
}

/** The rule's outputs, of the shapes that the interpreter gives. */
function runRule(call: RuleCall): readonly NetworkValue[] {
  const { node, shapes } = call;
  const rule = LEGALISATION_RULES[qualifiedName(node.domain, node.operator)];
  const outputs = keepingWords(call, rule?.(call) ?? []);
  outputs.forEach((value, index) => {
    const shape = shapes[index] ?? [];
    const stored = elementCount(call.builder.shapeOf(value.name));
    if (sameShape(value.shape, shape) && stored === elementCount(shape) && value.order.length === shape.length) return;
    throw new InvariantError(
      `legalisation of ${node.operator} "${node.name}": ${formatShape(value.shape)} in ${stored} words for ${formatShape(shape)}`,
    );
  });
  return outputs;
}

/** Only move integers, or choose some of them: the result is made of the operand's words. */
const KEEPING_WORDS: ReadonlySet<string> = new Set([
  "MaxPool",
  "GlobalMaxPool",
  "ReduceMax",
  "Concat",
  "Pad",
  "Slice",
  "Split",
  "Gather",
  "Resize",
  "Upsample",
  "DepthToSpace",
  "SpaceToDepth",
  "Expand",
]);

function keepingWords({ node, operands }: RuleCall, outputs: readonly NetworkValue[]): readonly NetworkValue[] {
  const words = operands.find((operand) => operand?.value !== undefined)?.value?.words;
  if (words === undefined || node.domain !== "" || !KEEPING_WORDS.has(node.operator)) return outputs;
  return outputs.map((output) => ({ ...output, words }));
}

function atNode(found: Diagnostic, node: TensorNode, where: string): Diagnostic {
  const place = nodePlace(node, where);
  return found.where.startsWith(where) ? found : { ...found, where: `${place}, ${found.where}` };
}
