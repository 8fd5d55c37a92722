/** Registers of an integer network: every word is the integer itself. */
import type { Graph, GraphNode, IntegerRequantization } from "../graph/graph.ts";
import type { LayerEntry } from "../quantization/specification.ts";

/** Word of an input that only its readers tell: pixels. */
const INPUT_FORMAT = "u8,0";

/** Nodes that hand integers on. */
const KEEPING: ReadonlySet<GraphNode["op"]> = new Set([
  "reshape",
  "transpose",
  "slice",
  "resize",
  "pad",
  "concatenate",
  "activation",
]);

/** Entry by layer of a prepared graph, where it needs one. Layers between floats have none. */
export function integerEntries(graph: Graph): ReadonlyMap<string, LayerEntry> {
  const entries = new Map<string, LayerEntry>();
  // Format of the integers that a value is made of.
  const formats = new Map<string, string>();
  if (graph.nodes.some((node) => requantizationOf(node) !== null && reads(node, graph.input.name))) {
    formats.set(graph.input.name, INPUT_FORMAT);
  }
  for (const node of graph.nodes) {
    const [input = ""] = node.inputs;
    const requantization = requantizationOf(node);
    if (requantization !== null) {
      // Its other registers follow from the integers.
      if (input === graph.input.name) entries.set(node.name, { input: INPUT_FORMAT });
      formats.set(node.name, wordOf(requantization));
      continue;
    }
    const isMatrix = node.op === "conv2d" || node.op === "dense";
    if (isMatrix && formats.has(input) && isWhole(node.kernel.data) && isWhole(node.bias?.data ?? [])) {
      const own = input === graph.input.name ? { input: INPUT_FORMAT } : {};
      entries.set(node.name, { datapath: "wide", ...own, weight: weightFormat(node.kernel.data), output: SUMS });
      formats.set(node.name, SUMS);
      continue;
    }
    const format = formats.get(input);
    if (format === undefined || !node.inputs.every((name) => formats.get(name) === format)) continue;
    if (node.op === "pool" && node.kind === "maximum") formats.set(node.name, format);
    if (!KEEPING.has(node.op)) continue;
    formats.set(node.name, format);
    if (node.op !== "reshape") entries.set(node.name, { format });
  }
  return entries;
}

/** Sums that nothing scales. */
const SUMS = "32,0";

function requantizationOf(node: GraphNode): IntegerRequantization | null {
  return node.op === "conv2d" || node.op === "dense" ? node.requantization : null;
}

function reads(node: GraphNode, value: string): boolean {
  return node.inputs.includes(value);
}

function isWhole(numbers: ArrayLike<number>): boolean {
  for (let index = 0; index < numbers.length; index++) if (!Number.isInteger(numbers[index])) return false;
  return true;
}

function wordOf({ minimum, maximum }: IntegerRequantization): string {
  if (maximum === null) return SUMS;
  const bits = Math.log2(maximum + 1);
  return minimum === 0 ? `u${bits},0` : `${bits + 1},0`;
}

/** 8, 16 or 32 bits, the fewest that hold all weights. */
function weightFormat(weights: Float32Array): string {
  const fits = (bits: number): boolean =>
    weights.every((weight) => weight >= -(2 ** (bits - 1)) && weight < 2 ** (bits - 1));
  return `${[8, 16].find(fits) ?? 32},0`;
}
