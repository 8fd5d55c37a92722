/** Registers of a network in words: layers that only move words write them as they are. */
import { formatText } from "../../isa/numerics/format.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import type { LayerEntry } from "../quantization/specification.ts";
import { shortestFormat } from "./quantizers.ts";

/** Whether values of the network are words that stand for numbers of another scale. */
export function isInWords({ input, nodes }: Graph): boolean {
  return input.words !== undefined || nodes.some(({ unit }) => unit !== undefined);
}

const MOVING: ReadonlySet<GraphNode["op"]> = new Set([
  "reshape",
  "register",
  "slice",
  "transpose",
  "resize",
  "pad",
  "concatenate",
]);

/** Entry by layer of a prepared graph, where it needs one: the shortest words that hold what comes in. */
export function wordsEntries({ input, nodes }: Graph): ReadonlyMap<string, LayerEntry> {
  const entries = new Map<string, LayerEntry>();
  const ranges = new Map<string, readonly [lowest: number, highest: number]>();
  if (input.words !== undefined) ranges.set(input.name, [input.words.lowest, input.words.highest]);
  for (const node of nodes) {
    const requantization = "requantization" in node ? node.requantization : null;
    if (requantization !== null) {
      const { minimum, maximum } = requantization;
      if (minimum !== null && maximum !== null) ranges.set(node.name, [minimum, maximum]);
      continue;
    }
    const found = node.inputs.map((name) => ranges.get(name));
    if (found.length === 0 || found.includes(undefined)) continue;
    const ends = found.flatMap((range) => range ?? []);
    const range = [Math.min(...ends), Math.max(...ends)] as const;
    if (node.op === "pool" && node.kind === "maximum") ranges.set(node.name, range);
    if (!MOVING.has(node.op)) continue;
    // Padding is 0, which words of every quantized value have.
    const held = node.op === "pad" ? ([Math.min(range[0], 0), Math.max(range[1], 0)] as const) : range;
    ranges.set(node.name, held);
    if (node.op === "reshape" || node.op === "register") continue;
    const style = { rounding: "nearest-even", overflow: "saturate" } as const;
    entries.set(node.name, { output: { format: formatText(shortestFormat(...held)), ...style } });
  }
  return entries;
}
