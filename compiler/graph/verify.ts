/**
 * The verifier: everything that must hold of a graph whatever stage it is in. Run between stages; an importer's graph
 * that fails is the model's fault, a pass's graph that fails without such a model is a bug of the pass.
 */
import type { Diagnostic } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode, Tensor } from "./graph.ts";
import { collectShapes, nodePlace } from "./infer-shapes.ts";
import { definitionOf } from "./operators.ts";
import { elementCount, formatShape, positionOf, sameShape } from "./shape.ts";

/**
 * Everything wrong with the graph: names that repeat, inputs that do not come earlier, shapes, tensors whose data does
 * not fill their shape or is not finite, an output that no node yields. `where` opens
 * every diagnostic's place, e.g. the model's file.
 */
export function verifyGraph(graph: Graph, where: string): Diagnostic[] {
  const { shapes, diagnostics } = collectShapes(graph, where);
  return [
    ...nameDiagnostics(graph, where),
    ...diagnostics,
    ...graph.nodes.flatMap((node) => {
      const place = nodePlace(where, node);
      const inferred = shapes.get(node.name);
      return [
        ...(inferred === undefined || sameShape(inferred, node.shape) ? [] : [staleShape(place, node, inferred)]),
        ...definitionOf(node)
          .tensors(node)
          .flatMap(({ field, tensor }) => tensorDiagnostics(place, field, tensor)),
        ...varianceDiagnostics(place, node),
      ];
    }),
    ...outputDiagnostics(graph, where),
  ];
}

function nameDiagnostics(graph: Graph, where: string): Diagnostic[] {
  const seen = new Set([graph.input.name]);
  return graph.nodes.flatMap((node): Diagnostic[] => {
    if (node.name !== "" && !seen.has(node.name)) {
      seen.add(node.name);
      return [];
    }
    return [
      {
        code: "GRAPH_NAME",
        where: nodePlace(where, node),
        what: node.name === "" ? "the name is empty" : "another node or the input bears the same name",
        hint: "give every layer a name of its own",
      },
    ];
  });
}

function staleShape(where: string, node: GraphNode, inferred: readonly number[]): Diagnostic {
  return {
    code: "SHAPE",
    where,
    what: `carries shape ${formatShape(node.shape)}, its inputs give ${formatShape(inferred)}`,
    hint: "run shape inference after changing the graph",
  };
}

function tensorDiagnostics(where: string, field: string, { shape, data }: Tensor): Diagnostic[] {
  if (elementCount(shape) !== data.length) {
    return [
      {
        code: "TENSOR_LENGTH",
        where,
        what: `${field} ${formatShape(shape)} needs ${elementCount(shape)} numbers, found ${data.length}`,
        hint: "export the model again",
      },
    ];
  }
  const index = data.findIndex((value) => !Number.isFinite(value));
  if (index === -1) return [];
  return [
    {
      code: "WEIGHT_NOT_FINITE",
      where,
      what: `${field}[${positionOf(index, shape).join(", ")}] is ${data[index]}, expected a finite number`,
      hint: "train or export the model again; look for a loss that became NaN",
    },
  ];
}

function varianceDiagnostics(where: string, node: GraphNode): Diagnostic[] {
  if (node.op !== "batchNormalization") return [];
  const { epsilon, variance } = node;
  const index = variance.data.findIndex((value) => value + epsilon <= 0);
  if (index === -1 && Number.isFinite(epsilon)) return [];
  return [
    {
      code: "VARIANCE",
      where,
      what:
        index === -1
          ? `epsilon is ${epsilon}, expected a finite number`
          : `variance[${index}] + epsilon is ${(variance.data[index] ?? 0) + epsilon}, expected a number above 0`,
      hint: "a trained batch normalization has no negative variance: export the model again",
    },
  ];
}

function outputDiagnostics(graph: Graph, where: string): Diagnostic[] {
  if (graph.nodes.some(({ name }) => name === graph.output)) return [];
  return [
    {
      code: "GRAPH_OUTPUT",
      where: `${where}: graph "${graph.name}"`,
      what:
        graph.output === graph.input.name
          ? "the output is the input: nothing is computed"
          : `the output "${graph.output}" is the name of no node`,
      hint: "give a model with at least one layer that computes",
    },
  ];
}
