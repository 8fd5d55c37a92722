/** Shape inference: walks the nodes in order and computes every output's shape from the operator table. */
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { outputShape } from "./operators.ts";
import { expectValueShape, type Shape, ShapeMismatch } from "./shape.ts";

export interface InferredShapes {
  /** Shape by value name, the graph's input included. A value that has none is missing here. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** One per node that does not fit its inputs; nodes behind it are not judged. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The graph with every node's `shape` computed anew. Throws `DiagnosticError` with every node that does not fit. */
export function inferShapes(graph: Graph, where: string): Graph {
  const { shapes, diagnostics } = collectShapes(graph, where);
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, shape: shapes.get(node.name) ?? node.shape })) };
}

/** Shapes and everything wrong with them. Inputs that do not exist are left to the verifier, except where shapes need them. */
export function collectShapes(graph: Graph, where: string): InferredShapes {
  const shapes = new Map<string, Shape>();
  const diagnostics: Diagnostic[] = [];
  const broken = new Set<string>();
  const attempt = (name: string, place: string, infer: () => Shape): void => {
    try {
      shapes.set(name, infer());
    } catch (error) {
      if (!(error instanceof ShapeMismatch)) throw error;
      broken.add(name);
      diagnostics.push(shapeDiagnostic(place, error));
    }
  };

  attempt(graph.input.name, `${where}: input "${graph.input.name}"`, () => {
    expectValueShape(graph.input.shape);
    return graph.input.shape;
  });
  for (const node of graph.nodes) {
    if (node.inputs.some((input) => broken.has(input))) {
      broken.add(node.name);
      continue;
    }
    const inputs = node.inputs.flatMap((input) => {
      const shape = shapes.get(input);
      return shape === undefined ? [] : [shape];
    });
    if (inputs.length < node.inputs.length) {
      broken.add(node.name);
      diagnostics.push(missingInput(node, shapes, nodePlace(where, node)));
    } else {
      attempt(node.name, nodePlace(where, node), () => outputShape(node, inputs));
    }
  }
  return { shapes, diagnostics };
}

/** `model.json: node "conv1" (conv2d)` */
export function nodePlace(where: string, node: GraphNode): string {
  return `${where}: node "${node.name}" (${node.op})`;
}

/** The diagnostic for a node that does not fit. */
export function shapeDiagnostic(place: string, mismatch: ShapeMismatch): Diagnostic {
  return {
    code: "SHAPE",
    where: place,
    what: mismatch.message,
    hint: "compare the layer and its inputs with the network this model was made from",
  };
}

function missingInput(node: GraphNode, known: ReadonlyMap<string, Shape>, where: string): Diagnostic {
  const missing = node.inputs.filter((input) => !known.has(input)).map((input) => `"${input}"`);
  return {
    code: "GRAPH_INPUT",
    where,
    what: `reads ${missing.join(", ")}, which no earlier node yields`,
    hint: "give the nodes in an order in which every input comes first",
  };
}
