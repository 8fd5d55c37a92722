/** Plan of a pooling layer. */
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import type { PoolNode } from "../../graph/graph.ts";
import { perChannelBits } from "../matrix/requantization.ts";
import { type LayerPlan, type PlanRequest, plainPlan, tooSmall } from "../plan-request.ts";
import { emitPoolLayer, poolFieldDiagnostics, poolProblem, searchPoolTiling, smallestPoolTile } from "./pool-layer.ts";

/** Throws `DiagnosticError` where no tile fits the machine. */
export function planPool({
  node,
  inputShapes,
  sourceBits,
  machine,
  datapath,
  constants,
  options,
  where,
}: PlanRequest<PoolNode>): LayerPlan {
  const { averageDivider } = datapath;
  const problem = poolProblem(node, inputShapes[0] ?? [], { averageDivider, countPadding: options.countPadding });
  const found = poolFieldDiagnostics(problem, where);
  if (found.length > 0) throw new DiagnosticError(found);
  const words = {
    source: sourceBits[0] ?? 0,
    input: datapath.input.format.wordLength,
    output: datapath.output.format.wordLength,
    accumulator: datapath.accumulator.format.wordLength,
    perChannel: node.requantization === null ? 0 : perChannelBits(datapath, node.requantization, 1),
  };
  const tiling = searchPoolTiling(problem, words, machine);
  if (tiling === undefined) throw tooSmall(smallestPoolTile(problem, words), machine, where);
  const { scale, bias } = constants;
  return {
    ...plainPlan((lowering, tensors) => emitPoolLayer(lowering, problem, tiling, tensors)),
    constants: { ...(scale && { scale: scale.raws }), ...(bias && { bias: bias.raws }) },
  };
}
