/**
 * Parts of a network that are looked at on their own (the subunits of the TensorQuant paper, section 2.3): inception modules,
 * residual blocks, single layers.
 */

import type { Graph } from "../graph/graph.ts";
import { LAYER_KINDS } from "./layer-facts.ts";
import { selectLayers } from "./layer-pattern.ts";

export interface Subunit {
  readonly name: string;
  /** In the network's order. */
  readonly layers: readonly string[];
}

/** Each layer of a graph that is ready for lowering. */
export function layerSubunits(graph: Graph): readonly Subunit[] {
  return layersOf(graph).map((name) => ({ name, layers: [name] }));
}

/**
 * The regions between values that everything passes through: what stands between two of them has one entry and one exit and
 * cannot be cut further, but for layers beside it that bear its name. A layer in a row of layers is a region, as is a whole
 * inception module or residual block.
 * Named by what its layers' names have in common, else `first…last`.
 */
export function blockSubunits(graph: Graph): readonly Subunit[] {
  const layers = new Set(layersOf(graph));
  const regions: string[][] = [];
  let region: string[] = [];
  const cuts = cutValues(graph);
  for (const { name } of graph.nodes) {
    if (layers.has(name)) region.push(name);
    if (!cuts.has(name) || region.length === 0) continue;
    regions.push(region);
    region = [];
  }
  if (region.length > 0) regions.push(region);
  return named(joinedByName(regions));
}

/**
 * One subunit for each text: names and patterns of its layers, separated by commas, with a name of its own before a `=`
 * where wanted (`stem=conv1,pool1`). Throws `DiagnosticError` for a pattern that matches no layer; `where` opens its place.
 */
export function patternSubunits(graph: Graph, texts: readonly string[], where: string): readonly Subunit[] {
  const layers = layersOf(graph);
  return texts.map((text) => {
    const [, own, list = ""] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? [];
    const patterns = list.split(",").map((pattern) => pattern.trim());
    const selected = selectLayers(patterns, layers, where);
    return { name: own?.trim() || text.trim(), layers: selected };
  });
}

function layersOf({ nodes }: Graph): readonly string[] {
  return nodes.filter(({ op }) => LAYER_KINDS[op] !== null).map(({ name }) => name);
}

/** Values behind which nothing older is read any more. */
function cutValues({ input, nodes, output }: Graph): ReadonlySet<string> {
  const lastRead = new Map<string, number>();
  for (const [index, { inputs }] of nodes.entries()) for (const value of inputs) lastRead.set(value, index);
  lastRead.set(output, nodes.length);
  const cuts = new Set<string>();
  let reach = lastRead.get(input.name) ?? -1;
  for (const [index, { name }] of nodes.entries()) {
    // `reach`: the last node that reads any value older than this one.
    if (reach <= index) cuts.add(name);
    reach = Math.max(reach, lastRead.get(name) ?? index);
  }
  return cuts;
}

/** A layer beside a region of several belongs to it where its name says so: `fire2/squeeze1x1` to `fire2`. */
function joinedByName(regions: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const joined: (readonly string[])[] = [];
  for (const region of regions) {
    const last = joined.at(-1);
    const prefix =
      region.length > 1 ? commonName(region) : last !== undefined && last.length > 1 ? commonName(last) : "";
    const belong = prefix !== "" && [...(last ?? []), ...region].every((name) => name.startsWith(`${prefix}/`));
    if (last !== undefined && belong && (last.length === 1 || region.length === 1)) {
      joined[joined.length - 1] = [...last, ...region];
    } else {
      joined.push(region);
    }
  }
  return joined;
}

function named(regions: readonly (readonly string[])[]): readonly Subunit[] {
  const proposed = regions.map((layers) => (layers.length === 1 ? (layers[0] ?? "") : commonName(layers)));
  return regions.map((layers, index) => {
    const name = proposed[index] ?? "";
    const isGood = name !== "" && proposed.every((other, at) => at === index || other !== name);
    return { name: isGood ? name : `${layers[0]}…${layers.at(-1)}`, layers };
  });
}

/** Path segments that all names begin with, else a beginning that ends at a separator; empty where there is neither. */
function commonName(names: readonly string[]): string {
  const [first = "", ...others] = names;
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length--;
  const common = first.slice(0, length);
  const path = common.slice(0, Math.max(0, common.lastIndexOf("/")));
  if (path !== "") return path;
  const separator = Math.max(...["_", ".", "-", ":"].map((mark) => common.lastIndexOf(mark)));
  return common.slice(0, Math.max(0, separator));
}
