/** Registers of an integer network: every word is the integer itself. */
import type { CalibratedRange } from "../../isa/program/datapath.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { storedValues } from "../quantization/layer-facts.ts";
import type { LayerEntry } from "../quantization/specification.ts";

/** Word of an input that neither its type, a quantizer nor data tell: pixels. */
const INPUT_FORMAT = "u8,0";

/** The word of 8, 16 or 32 bits that holds an input of whole numbers in this range; a byte of pixels where it does. */
export function integerInputFormat({ min, max }: CalibratedRange): string {
  const signed = min < 0;
  const holds = (bits: number): boolean => {
    return signed ? min >= -(2 ** (bits - 1)) && max < 2 ** (bits - 1) : max < 2 ** bits;
  };
  return `${signed ? "" : "u"}${[8, 16].find(holds) ?? 32},0`;
}

/** Whether only data tell the word of the graph's input: one of floats, which integer layers read. */
export function takesIntegerInput(graph: Graph): boolean {
  const isOpen = graph.input.register === undefined && graph.nodes.some(isIntegerLayer);
  return isOpen && [...integerEntries(graph).values()].some(({ input }) => input !== undefined);
}

/** Nodes that hand integers on. */
const KEEPING: ReadonlySet<GraphNode["op"]> = new Set([
  "transpose",
  "slice",
  "resize",
  "pad",
  "concatenate",
  "activation",
]);

/** Whether a node computes with integers alone. */
export function isIntegerLayer(node: GraphNode): boolean {
  return "requantization" in node && node.requantization !== null;
}

/** Entry by layer of a prepared graph, where it needs one; integer layers' own registers follow from the integers. */
export function integerEntries(graph: Graph, inputFormat: string = INPUT_FORMAT): ReadonlyMap<string, LayerEntry> {
  const entries = new Map<string, LayerEntry>();
  const stored = storedValues(graph);
  const source = (value: string): string => stored.get(value) ?? value;
  const integers = integerValues(graph, source);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(source);
    if (!integers.has(node.name) || node.op === "reshape") continue;
    const readsInput = inputs.includes(graph.input.name);
    const moves = !isIntegerLayer(node) && node.op !== "pool";
    if (!readsInput && !moves) continue;
    entries.set(node.name, { ...(readsInput && { input: inputFormat }), ...(moves && { output: "exact" }) });
  }
  return entries;
}

/** Values that are integers: those of integer layers and what only moves them, and the input where such a layer reads it. */
function integerValues(graph: Graph, source: (value: string) => string): ReadonlySet<string> {
  const keeps = (node: GraphNode): boolean => KEEPING.has(node.op) || (node.op === "pool" && node.kind === "maximum");
  const read = new Set<string>();
  for (const node of graph.nodes.toReversed()) {
    if (isIntegerLayer(node) || (keeps(node) && read.has(node.name))) {
      for (const input of node.inputs) read.add(source(input));
    }
  }
  const integers = new Set(read.has(graph.input.name) ? [graph.input.name] : []);
  for (const node of graph.nodes) {
    const kept = (keeps(node) || node.op === "reshape") && node.inputs.every((input) => integers.has(source(input)));
    if (isIntegerLayer(node) || kept) integers.add(node.name);
  }
  return integers;
}
