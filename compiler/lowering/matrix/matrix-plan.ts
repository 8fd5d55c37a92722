/** Plans of convolutions, transposed convolutions and dense layers. */
import { type Diagnostic, DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { Conv2dNode, ConvTranspose2dNode, DenseNode } from "../../graph/graph.ts";
import { type WindowAxis, windowSpan } from "../axis.ts";
import { FIELD_LIMITS } from "../field-limits.ts";
import { type Placement, WHOLE } from "../layer-lowering.ts";
import { fieldLimit, type LayerPlan, MOST_COLUMN_STRIDE, type PlanRequest, tooSmall } from "../plan-request.ts";
import { arrangeWeights, joinRaws, pickBlocks } from "./constants.ts";
import { emitMatrixLayer } from "./matrix-layer.ts";
import {
  convolutionProblem,
  denseProblem,
  type MatrixProblem,
  type MatrixWords,
  reductionSteps,
} from "./matrix-problem.ts";
import { type MatrixTiling, searchMatrixTiling, smallestTileBits } from "./matrix-tiling.ts";
import { transposedPhases } from "./transposed-convolution.ts";

type MatrixNode = Conv2dNode | DenseNode | ConvTranspose2dNode;

/** One matrix problem of a layer. */
interface Part {
  readonly problem: MatrixProblem;
  readonly placement: Placement;
  /** Positions of the layer's kernel that the problem's are; undefined for all as they stand. */
  readonly positions?: readonly (number | null)[];
}

interface TiledPart extends Part {
  readonly tiling: MatrixTiling;
  /** First word of the part's weights in the layer's. */
  readonly weightOrigin: number;
}

/** Throws `DiagnosticError` where no tile fits the machine. */
export function planMatrix(request: PlanRequest<MatrixNode>): LayerPlan {
  const { node, constants, where } = request;
  const parts = partsOf(request);
  const found = parts.flatMap((part) => fieldDiagnostics(part, where));
  if (found.length > 0) throw new DiagnosticError(found);
  const { weight, scale, bias } = constants;
  if (weight === null) throw new InvariantError(`layer "${node.name}" has no weights`);
  let weightOrigin = 0;
  const tiled = parts.map((part): TiledPart => {
    const result = { ...part, tiling: tilingOf(request, part), weightOrigin };
    weightOrigin += weightCount(part.problem);
    return result;
  });
  const words = joinRaws(
    tiled.map(({ problem, tiling, positions }) => {
      const block = problem.channelsPerGroup * problem.groups * problem.filtersPerGroup;
      const own = positions === undefined ? weight.raws : pickBlocks(weight.raws, positions, block);
      return arrangeWeights(own, problem, tiling);
    }),
  );
  return {
    macs: parts.reduce((sum, { problem }) => sum + macs(problem), 0),
    constants: { weight: words, ...(scale && { scale: scale.raws }), ...(bias && { bias: bias.raws }) },
    partials: 0,
    emit: (lowering, tensors) => {
      const { weight: weightTensor } = tensors;
      if (weightTensor === null) throw new InvariantError(`layer "${node.name}" has no weight tensor`);
      const { activation, requantization } = node;
      const { scale, bias } = tensors;
      const preloads = startsFromBias(request);
      const shared = { lowering, weight: weightTensor, scale, bias, preloads, activation, requantization };
      for (const part of tiled) emitMatrixLayer({ ...shared, ...part });
    },
  };
}

function startsFromBias({ datapath, constants }: PlanRequest): boolean {
  return datapath.biasOrder === "first" && constants.bias !== null;
}

function partsOf({ node, inputShapes: [inputShape = []] }: PlanRequest<MatrixNode>): readonly Part[] {
  if (node.op === "convTranspose2d") return transposedPhases(node, inputShape);
  const problem = node.op === "dense" ? denseProblem(node, inputShape) : convolutionProblem(node, inputShape);
  return [{ problem, placement: WHOLE }];
}

function tilingOf(request: PlanRequest, { problem }: Part): MatrixTiling {
  const { machine, datapath, constants, sourceBits, where } = request;
  const words: MatrixWords = {
    source: sourceBits[0] ?? 0,
    input: datapath.input.format.wordLength,
    weight: datapath.weight.format.wordLength,
    perFilter:
      (constants.bias === null ? 0 : datapath.bias.format.wordLength) +
      (constants.scale === null ? 0 : (datapath.scale?.format.wordLength ?? 0)),
    accumulator: datapath.accumulator.format.wordLength,
    output: datapath.output.format.wordLength,
  };
  const plan = searchMatrixTiling(problem, words, machine, startsFromBias(request));
  if (plan === undefined) throw tooSmall(smallestTileBits(problem, words, machine), machine, where);
  return plan.tiling;
}

function weightCount(problem: MatrixProblem): number {
  return problem.groups * problem.filtersPerGroup * reductionSteps(problem);
}

function macs(problem: MatrixProblem): number {
  return problem.rows.output * problem.columns.output * weightCount(problem);
}

/** Sizes that no load or matrix instruction can express, however the layer is tiled. */
function fieldDiagnostics({ problem, placement }: Part, where: string): Diagnostic[] {
  const after = (axis: WindowAxis): number => windowSpan(axis, axis.output) - axis.before - axis.input;
  const pad = "put a layer of zero padding before the convolution";
  const smaller = "use a smaller stride or fewer channels";
  const stored = placement.columnStep * problem.groups * problem.filtersPerGroup;
  const { rows, columns, columnStride } = problem;
  return [
    ...fieldLimit("padding rows", Math.max(rows.before, after(rows)), FIELD_LIMITS.padding, pad, where),
    ...fieldLimit("padding columns", Math.max(columns.before, after(columns)), FIELD_LIMITS.padding, pad, where),
    ...fieldLimit("terms of one sum", reductionSteps(problem), FIELD_LIMITS.count, "divide the layer", where),
    ...fieldLimit("words between two columns", Math.max(columnStride, stored), MOST_COLUMN_STRIDE, smaller, where),
  ];
}
