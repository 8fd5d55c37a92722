/** Weights through quantizers beyond fixed point, before everything else that looks at them. */
import { DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import type { Graph, GraphNode, Tensor } from "../graph/graph.ts";
import { LAYER_KINDS } from "./layer-facts.ts";
import { applyQuantizer } from "./quantizers/quantizer.ts";
import { quantizerOf } from "./quantizers/table.ts";
import { layerEntries } from "./resolve-assignment.ts";
import type { AssignmentSpecification, LayerEntry } from "./specification.ts";

export interface QuantizeWeightsOptions {
  readonly seed: number;
  /** What diagnostics call the specification. */
  readonly where: string;
  /** Names of the layers to do; all where nothing is said. Layers of datapath `float` are never done. */
  readonly layers?: ReadonlySet<string>;
}

/**
 * The prepared graph with the weights of each layer that names a quantizer replaced; the same graph where none does. The weight
 * register then quantizes as usual and counts what it clips. Throws `DiagnosticError` QUANTIZER with everything wrong.
 */
export function quantizeWeights(
  graph: Graph,
  specification: AssignmentSpecification,
  { seed, where, layers }: QuantizeWeightsOptions,
): Graph {
  if (!namesQuantizer(specification)) return graph;
  const names = graph.nodes.flatMap(({ name, op }) => (LAYER_KINDS[op] === null ? [] : [name]));
  const entries = layerEntries(specification, names, where);
  const errors: DiagnosticError[] = [];
  const nodes = graph.nodes.map((node): GraphNode => {
    const entry = entries.get(node.name);
    const text = entry === undefined || entry.datapath === "float" ? undefined : weightQuantizer(entry);
    if (text === undefined || layers?.has(node.name) === false) return node;
    try {
      const named = specification.layers !== undefined && Object.hasOwn(specification.layers, node.name);
      return replaced(node, text, seed, `${where}: layer "${node.name}": weight`, named);
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      errors.push(error);
      return node;
    }
  });
  if (errors.length > 0) throw new DiagnosticError(errors.flatMap(({ diagnostics }) => diagnostics));
  return { ...graph, nodes };
}

/** Whether any entry names a quantizer of weights. */
function namesQuantizer({ default: base = {}, layers = {} }: AssignmentSpecification): boolean {
  return [base, ...Object.values(layers)].some((entry) => weightQuantizer(entry) !== undefined);
}

export function weightQuantizer({ weight }: LayerEntry): string | undefined {
  return typeof weight === "object" ? weight.quantizer : undefined;
}

/** `named`: the entry is under the layer's own name, so that it must have weights. */
function replaced(node: GraphNode, text: string, seed: number, where: string, named: boolean): GraphNode {
  const quantizer = quantizerOf(text, "weight", where);
  if (node.op !== "conv2d" && node.op !== "dense" && node.op !== "convTranspose2d") {
    if (!named) return node;
    throw diagnosticError("QUANTIZER", where, "the layer has no weights", "name a layer that has some");
  }
  if (node.requantization !== null) {
    const what = "the weights of an integer network are words already";
    throw diagnosticError("QUANTIZER", where, what, "leave the quantizer out");
  }
  const { shape, data } = node.kernel;
  const key = `${quantizer.name}\n${node.name}\n${seed}`;
  const known = DONE.get(node.kernel) ?? new Map<string, Tensor>();
  DONE.set(node.kernel, known);
  const kernel = known.get(key) ?? {
    shape,
    data: applyQuantizer(quantizer, data, { role: "weight", layer: node.name, seed }, where),
  };
  known.set(key, kernel);
  return { ...node, kernel };
}

/** Kernels that were quantized before: a search asks for the same ones again and again, and who keeps them knows them by identity. */
const DONE: WeakMap<Tensor, Map<string, Tensor>> = new WeakMap();
