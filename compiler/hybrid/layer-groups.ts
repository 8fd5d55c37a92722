/**
 * Which of the selected layers become one program: a program has one input and one output, so a group reads one value from
 * outside and hands one on.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { consumers } from "../graph/uses.ts";
import { isAlias, LAYER_KINDS } from "../quantization/layer-facts.ts";

/** Selected layers that run as one program. */
export interface LayerGroup {
  /** In the graph's order; reshapes between, before and behind the layers stand among them. */
  readonly nodes: readonly GraphNode[];
  /** Values from outside: one, but for a single layer of several operands. */
  readonly entries: readonly string[];
  /** The value that the rest of the network reads. */
  readonly exit: string;
}

/**
 * The selected layers in groups, in the graph's order: from each layer on as many of the following ones as have one entry
 * and one exit between them. A layer that no such group takes stands alone, with as many entries as it has operands.
 * The graph has no unused nodes and no softmax.
 */
export function layerGroups(graph: Graph, selected: ReadonlySet<string>): readonly LayerGroup[] {
  const outline = new Outline(graph);
  const layers = graph.nodes.filter(({ name, op }) => LAYER_KINDS[op] !== null && selected.has(name));
  const groups: LayerGroup[] = [];
  for (let first = 0; first < layers.length; ) {
    let end = layers.length;
    let group = outline.group(layers.slice(first, end));
    while (group === null && end > first + 1) {
      end--;
      group = outline.group(layers.slice(first, end));
    }
    groups.push(group ?? alone(layers[first]));
    first = end;
  }
  return groups;
}

function alone(layer: GraphNode | undefined): LayerGroup {
  if (layer === undefined) throw new InvariantError("a group of no layer");
  return { nodes: [layer], entries: [...new Set(layer.inputs)], exit: layer.name };
}

/** Who reads what in a graph. */
class Outline {
  readonly #graph: Graph;
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  readonly #reshapes: readonly GraphNode[];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#readers = consumers(graph);
    this.#reshapes = graph.nodes.filter(isAlias);
  }

  /** The layers and the reshapes that belong to them; null where they have several entries or exits. */
  group(layers: readonly GraphNode[]): LayerGroup | null {
    const names = this.#withReshapes(layers);
    const entries = new Set<string>();
    const exits: string[] = [];
    const nodes = names.size === layers.length ? layers : this.#graph.nodes.filter(({ name }) => names.has(name));
    for (const { name, inputs } of nodes) {
      for (const input of inputs) if (!names.has(input)) entries.add(input);
      if (this.#isReadOutside(name, names)) exits.push(name);
      if (entries.size > 1 || exits.length > 1) return null;
    }
    const [exit] = exits;
    return exit === undefined || entries.size !== 1 ? null : { nodes, entries: [...entries], exit };
  }

  #isReadOutside(name: string, names: ReadonlySet<string>): boolean {
    return name === this.#graph.output || (this.#readers.get(name) ?? []).some((reader) => !names.has(reader.name));
  }

  /** A reshape renames words: it belongs to the layer before it, or to the layers behind it where those are all its readers. */
  #withReshapes(layers: readonly GraphNode[]): ReadonlySet<string> {
    const names = new Set(layers.map(({ name }) => name));
    for (const { name, inputs } of this.#reshapes) if (names.has(inputs[0] ?? "")) names.add(name);
    for (const { name } of this.#reshapes.toReversed()) {
      if (!this.#isReadOutside(name, names)) names.add(name);
    }
    return names;
  }
}
