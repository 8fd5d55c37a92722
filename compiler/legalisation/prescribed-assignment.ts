/** Registers that a model prescribes, as an assignment to the layers of its prepared graph. */

import { nameRecord } from "../../isa/name-record.ts";
import { formatText } from "../../isa/numerics/format.ts";
import { overflowText } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, register, registersEqual } from "../../isa/numerics/register.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { consumers } from "../graph/uses.ts";
import { isAlias, LAYER_KINDS, storedValues } from "../quantization/layer-facts.ts";
import type { AssignmentSpecification, LayerEntry } from "../quantization/specification.ts";
import { integerEntries, isIntegerLayer } from "./integer-entries.ts";
import { shortestFormat } from "./quantizers.ts";
import type { PrescribedRegister } from "./value.ts";
import { isInWords, wordsEntries } from "./words-entries.ts";

/** Whether the model prescribes any register at all. */
export function prescribes(graph: Graph): boolean {
  const { input, nodes } = graph;
  if (input.register !== undefined || isInWords(graph)) return true;
  return nodes.some(
    (node) =>
      node.op === "quantize" ||
      node.op === "register" ||
      isIntegerLayer(node) ||
      ("registers" in node && Object.keys(node.registers ?? {}).length > 0),
  );
}

/**
 * `graph` is ready for lowering. Empty for a model that prescribes nothing. `inputFormat`: word of an integer network's input of
 * floats, where data tell it.
 */
export function prescribedAssignment(graph: Graph, inputFormat?: string): AssignmentSpecification {
  const entries = new Map<string, LayerEntry>();
  const add = (layer: string, entry: LayerEntry): void => {
    entries.set(layer, { ...entries.get(layer), ...entry });
  };
  if (isInWords(graph)) {
    for (const [layer, entry] of wordsEntries(graph)) add(layer, entry);
  } else if (graph.nodes.some(isIntegerLayer)) {
    for (const [layer, entry] of integerEntries(graph, inputFormat)) add(layer, entry);
  }
  const stored = storedValues(graph);
  const readers = consumers(graph);
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]));
  const { input } = graph;
  if (input.register !== undefined) addInput(input.name, input.register);
  if (input.words !== undefined) {
    const { lowest, highest, rounding } = input.words;
    addInput(input.name, register(shortestFormat(lowest, highest), rounding));
  }
  for (const node of graph.nodes) {
    if ("registers" in node && node.registers !== undefined) addConstants(node.name, node.registers, add);
    if (node.op === "quantize") add(node.name, { output: prescribed(node.register) });
    if (node.op !== "register") continue;
    const written = prescribed(node.register);
    if (node.heldBy === "input") addInput(node.name, node.register);
    if (node.heldBy === "readers") {
      for (const reader of layersBehind(node.name, readers)) add(reader, { input: written });
      continue;
    }
    if (node.heldBy === "input") continue;
    const producer = nodes.get(stored.get(node.name) ?? "");
    if (producer === undefined) continue;
    const isMaximum = producer.op === "pool" && producer.kind === "maximum";
    add(producer.name, isMaximum ? { input: written } : { output: written });
  }
  // The input has the register of the first layer that reads it; other operands of later layers are not touched.
  function addInput(name: string, register: RegisterSpec): void {
    const [first, ...later] = layersBehind(name, readers);
    const alone = later.filter((layer) => new Set(nodes.get(layer)?.inputs).size === 1);
    for (const layer of first === undefined ? [] : [first, ...alone]) add(layer, { input: prescribed(register) });
  }
  for (const [layer, register] of keptWords(graph, stored)) {
    if (entries.get(layer)?.output === undefined) add(layer, { output: prescribed(register) });
  }
  return entries.size === 0 ? {} : { layers: nameRecord([...entries]) };
}

function addConstants(
  layer: string,
  { weight, bias }: { readonly weight?: RegisterSpec; readonly bias?: RegisterSpec },
  add: (layer: string, entry: LayerEntry) => void,
): void {
  if (weight !== undefined) add(layer, { datapath: "wide", weight: prescribed(weight) });
  if (bias !== undefined) add(layer, { datapath: "wide", bias: prescribed(bias) });
}

function layersBehind(name: string, readers: ReadonlyMap<string, readonly GraphNode[]>): readonly string[] {
  return (readers.get(name) ?? []).flatMap((node) =>
    LAYER_KINDS[node.op] === null ? layersBehind(node.name, readers) : [node.name],
  );
}

/** Moves words, or cuts them at a word. */
const MOVING: ReadonlySet<GraphNode["op"]> = new Set([
  "slice",
  "transpose",
  "resize",
  "pad",
  "concatenate",
  "activation",
]);

/** Layers that only move words of one register of the model: they write them as they are. */
function keptWords(graph: Graph, stored: ReadonlyMap<string, string>): ReadonlyMap<string, RegisterSpec> {
  // By value: the register in which the model keeps it.
  const known = new Map<string, RegisterSpec>();
  const moved = new Map<string, RegisterSpec>();
  for (const node of graph.nodes) {
    if (node.op === "quantize" || node.op === "register") {
      known.set(node.name, node.register);
      const source = stored.get(node.name);
      if (source !== undefined && (node.op === "quantize" || node.heldBy !== "readers"))
        known.set(source, node.register);
      continue;
    }
    const [first, ...others] = node.inputs.map((name) => known.get(name));
    if (first === undefined || !others.every((other) => other !== undefined && registersEqual(other, first))) continue;
    if (isAlias(node) || (node.op === "pool" && node.kind === "maximum")) known.set(node.name, first);
    if (!MOVING.has(node.op) || known.has(node.name)) continue;
    // ReLU6 ends at 6, which the words may not have.
    if (node.op === "activation" && node.activation !== "relu") continue;
    known.set(node.name, first);
    moved.set(node.name, first);
  }
  return moved;
}

function prescribed({ format, rounding, overflow, saturatedBits }: RegisterSpec): PrescribedRegister {
  return { format: formatText(format), rounding, overflow: overflowText({ mode: overflow, saturatedBits }) };
}
