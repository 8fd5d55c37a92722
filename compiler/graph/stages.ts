/** Which operators are legal at which stage, and the check that stands between the stages. */
import { type Diagnostic, DiagnosticError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode, Operator } from "./graph.ts";
import { nodePlace } from "./infer-shapes.ts";
import { reachable } from "./uses.ts";
import { verifyGraph } from "./verify.ts";

/** `imported`: as an importer hands it over. `lowerable`: after the passes, as lowering takes it. */
export type Stage = "imported" | "lowerable";

/** `legal`, or what removes the operator before this stage. */
type Legality = "legal" | { readonly illegal: string };

const legalAlways: Readonly<Record<Stage, Legality>> = { imported: "legal", lowerable: "legal" };

/** A row per operator, a column per stage. */
export const STAGE_TABLE: Readonly<Record<Operator, Readonly<Record<Stage, Legality>>>> = {
  conv2d: legalAlways,
  dense: legalAlways,
  convTranspose2d: legalAlways,
  pool: legalAlways,
  requantize: legalAlways,
  add: legalAlways,
  subtract: legalAlways,
  multiply: legalAlways,
  function: legalAlways,
  prelu: legalAlways,
  concatenate: legalAlways,
  slice: legalAlways,
  transpose: legalAlways,
  resize: legalAlways,
  lrn: {
    imported: "legal",
    lowerable: { illegal: "local response normalization is decomposed into layers before lowering" },
  },
  // Where a convolution follows it has become the convolution's own padding.
  pad: legalAlways,
  // An alias of its input: row-major order stays.
  reshape: legalAlways,
  // A layer of its own, or an alias where a layer beside it has its register.
  quantize: legalAlways,
  register: legalAlways,
  // On the host, so only as the last node.
  softmax: legalAlways,
  // Only where no convolution, dense layer or addition precedes that could take it over.
  activation: legalAlways,
  batchNormalization: {
    imported: "legal",
    lowerable: { illegal: "batch normalization is folded into weights before lowering" },
  },
  constant: {
    imported: "legal",
    lowerable: { illegal: "only constants that fold into weights or biases can be lowered" },
  },
};

/**
 * Everything wrong with the graph at this stage: what `verifyGraph` finds, illegal operators, and once lowerable unused
 * nodes and a softmax that is not last.
 */
export function verifyStage(graph: Graph, stage: Stage, where: string): Diagnostic[] {
  const used = stage === "lowerable" ? reachable(graph) : undefined;
  return [
    ...verifyGraph(graph, where),
    ...graph.nodes.flatMap((node): Diagnostic[] => {
      const place = nodePlace(where, node);
      const legality = STAGE_TABLE[node.op][stage];
      if (legality !== "legal") {
        return [
          {
            code: "GRAPH_OPERATOR",
            where: place,
            what: `${node.op} is not legal in a ${stage} graph: ${legality.illegal}`,
            hint: "write the model without it",
          },
        ];
      }
      if (used === undefined) return [];
      if (used.has(node.name)) return softmaxDiagnostics(place, node, graph);
      return [
        {
          code: "GRAPH_UNUSED",
          where: place,
          what: `nothing that leads to the output "${graph.output}" reads it`,
          hint: "remove unused nodes before lowering",
        },
      ];
    }),
  ];
}

/** The graph itself where `verifyStage` finds nothing; else throws `DiagnosticError` with all of it. */
export function requireStage(graph: Graph, stage: Stage, where: string): Graph {
  const diagnostics = verifyStage(graph, stage, where);
  if (diagnostics.length > 0) throw new DiagnosticError(diagnostics);
  return graph;
}

function softmaxDiagnostics(where: string, node: GraphNode, graph: Graph): Diagnostic[] {
  if (node.op !== "softmax") return [];
  const readers = graph.nodes.filter(({ inputs }) => inputs.includes(node.name)).map(({ name }) => `"${name}"`);
  if (readers.length === 0 && graph.output === node.name) return [];
  return [
    {
      code: "SOFTMAX",
      where,
      what: readers.length > 0 ? `is read by ${readers.join(", ")}` : `is not the output "${graph.output}"`,
      hint: "softmax runs on the host after the last layer: leave out what follows it",
    },
  ];
}
