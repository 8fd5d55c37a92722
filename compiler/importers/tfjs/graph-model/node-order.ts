/** The nodes on which an output depends, in an order in which every value is there before it is read. */
import { diagnosticError, InvariantError } from "../../../../isa/diagnostic.ts";
import { type GraphModelJson, type NodeEntry, nodePlace } from "./graph-json.ts";

/** The file's own order wherever it allows. Throws `DiagnosticError` for nodes that read each other in a circle. */
export function orderedNodes({ nodes, output }: GraphModelJson, where: string): readonly NodeEntry[] {
  const live = liveNodes(nodes, output.node);
  const ordered: NodeEntry[] = [];
  const state = new Map<string, "open" | "done">();
  for (const start of nodes.keys()) {
    if (!live.has(start)) continue;
    // Depth-first with a stack of its own: models may be deeper than the call stack. With every node the next of its inputs
    // to look at, so that a node with many inputs is not searched again and again.
    const stack = [{ node: nodeOf(nodes, start), next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top;
      if (state.get(node.name) === "done") {
        stack.pop();
        continue;
      }
      state.set(node.name, "open");
      const input = node.inputs[top.next++];
      if (input === undefined) {
        state.set(node.name, "done");
        ordered.push(node);
      } else if (state.get(input.node) === "open") {
        throw diagnosticError(
          "MODEL_JSON",
          nodePlace(where, node),
          "the node's input depends on its own output",
          "export the model again without loops: the machine has no control flow",
        );
      } else if (state.get(input.node) === undefined) {
        stack.push({ node: nodeOf(nodes, input.node), next: 0 });
      }
    }
  }
  return ordered;
}

function liveNodes(nodes: ReadonlyMap<string, NodeEntry>, output: string): ReadonlySet<string> {
  const live = new Set([output]);
  // A set walks over what is added on the way.
  for (const name of live) for (const { node } of nodeOf(nodes, name).inputs) live.add(node);
  return live;
}

function nodeOf(nodes: ReadonlyMap<string, NodeEntry>, name: string): NodeEntry {
  const node = nodes.get(name);
  if (node === undefined) throw new InvariantError(`no node "${name}"`);
  return node;
}
