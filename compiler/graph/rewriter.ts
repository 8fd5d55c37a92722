/**
 * What a pass rewrites a graph with. It goes over the old nodes once, in order, and for each one emits it, changed or
 * not, gives its value another name, or changes a node emitted before.
 */
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { useCounts } from "./uses.ts";

export class Rewriter {
  readonly #graph: Graph;
  readonly #uses: ReadonlyMap<string, number>;
  readonly #emitted: Map<string, GraphNode> = new Map<string, GraphNode>();
  readonly #renamed: Map<string, string> = new Map<string, string>();
  readonly #names: Set<string>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#uses = useCounts(graph);
    this.#names = new Set([graph.input.name, ...graph.nodes.map(({ name }) => name)]);
  }

  /** Whether exactly one input of one node, or only the graph's output, reads this value of the old graph. */
  usedOnce(value: string): boolean {
    return this.#uses.get(value) === 1;
  }

  /** Name that a value of the old graph bears now. */
  current(value: string): string {
    return this.#renamed.get(value) ?? value;
  }

  /** The emitted node that yields a value of the old graph now; undefined for the graph's input. */
  producer(value: string): GraphNode | undefined {
    return this.#emitted.get(this.current(value));
  }

  /** Appends a node; its inputs may bear old names. */
  emit(node: GraphNode): void {
    this.#emitted.set(node.name, { ...node, inputs: node.inputs.map((input) => this.current(input)) });
  }

  /** Puts `node`, made from an emitted node, in that node's place. */
  replace(node: GraphNode): void {
    if (!this.#emitted.has(node.name)) throw new InvariantError(`rewriter: node "${node.name}" was never emitted`);
    this.#emitted.set(node.name, node);
  }

  /** From now on whoever reads `value` of the old graph reads what `target` of the old graph is now. */
  rename(value: string, target: string): void {
    this.#renamed.set(value, this.current(target));
  }

  /** A name no node of the old graph bears: `base`, or `base/2`, `base/3`, … */
  uniqueName(base: string): string {
    let name = base;
    for (let ordinal = 2; this.#names.has(name); ordinal++) name = `${base}/${ordinal}`;
    this.#names.add(name);
    return name;
  }

  finish(): Graph {
    return { ...this.#graph, nodes: [...this.#emitted.values()], output: this.current(this.#graph.output) };
  }
}
