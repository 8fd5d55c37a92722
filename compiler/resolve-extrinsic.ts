import { prepareGraph } from "./compile.ts";
import type { Graph } from "./graph/graph.ts";
import { requireRealValues } from "./hybrid/real-values.ts";
import { layerFacts } from "./quantization/layer-facts.ts";
import { type Calibration, type OutputPoint, resolveOutputs } from "./quantization/resolve-assignment.ts";
import type { AssignmentSpecification } from "./quantization/specification.ts";

/** Output register, and quantizer before it, of each layer of a network that is computed in float and quantized between its layers only. */
export function resolveExtrinsic(
  graph: Graph,
  options: {
    readonly assignment: AssignmentSpecification;
    readonly calibration?: Calibration;
    /** What diagnostics call the assignment. */
    readonly assignmentName?: string;
  },
): Readonly<Record<string, OutputPoint>> {
  const prepared = prepareGraph(graph);
  requireRealValues(prepared, options.assignmentName);
  return resolveOutputs({
    specification: options.assignment,
    layers: layerFacts(prepared),
    input: prepared.input.name,
    calibration: options.calibration ?? {},
    where: options.assignmentName ?? "assignment",
  }).outputs;
}
