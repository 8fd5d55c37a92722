import { InvariantError } from "../../../isa/diagnostic.ts";
import type { TensorGraph } from "../tensor-graph.ts";
import { type InputShapes, type KnownTensor, propagate } from "./propagate.ts";

/**
 * Type and shape of every value of the graph, and the elements of those that do not depend on its inputs. `inputShapes`
 * must give the sizes that the graph leaves open. Throws `DiagnosticError`.
 */
export function inferTensors(
  graph: TensorGraph,
  inputShapes: InputShapes = new Map(),
  where: string = graph.name,
): ReadonlyMap<string, KnownTensor> {
  const known = propagate(graph, inputShapes, where, "known");
  for (const name of graph.outputs) {
    if (!known.has(name)) throw new InvariantError(`tensor graph: nothing is known of output "${name}"`);
  }
  return known;
}
