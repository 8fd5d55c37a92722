/** Names that mean something to JavaScript, YAML, CSV, a listing or a pattern, and that a layer may bear all the same. */
import fc from "fast-check";
import type { Graph } from "../../compiler/graph/graph.ts";

export const HOSTILE_NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
  "valueOf",
  "default",
  "layers",
  "<<",
  "null",
  "true",
  "1",
  "-1e3",
  "a,b",
  'q"q',
  "two\nlines",
  " ",
  "a: b",
  "# c",
  "c",
  "c/weight",
  "c/bias",
  "c/weight/2",
];

/** The same graph, its nodes and input under hostile names. */
export function withHostileNames(graph: Graph, seed: number): Graph {
  const names = new Map<string, string>();
  [graph.input.name, ...graph.nodes.map(({ name }) => name)].forEach((name, index) => {
    const at = index + seed;
    const round = Math.floor(index / HOSTILE_NAMES.length);
    const hostile = HOSTILE_NAMES[at % HOSTILE_NAMES.length] ?? "";
    names.set(name, round === 0 ? hostile : `${hostile}.${round}`);
  });
  const renamed = (name: string): string => names.get(name) ?? name;
  return {
    ...graph,
    input: { ...graph.input, name: renamed(graph.input.name) },
    nodes: graph.nodes.map((node) => ({ ...node, name: renamed(node.name), inputs: node.inputs.map(renamed) })),
    output: renamed(graph.output),
  };
}

export function hostileNameSeeds(): fc.Arbitrary<number> {
  return fc.nat(HOSTILE_NAMES.length - 1);
}
