/** What lowering decides about a layer before anything has an address: one rule per operator. */
import type { DatapathSpec } from "../../isa/datapath.ts";
import { type Diagnostic, DiagnosticError, diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { type Machine, ON_CHIP_MEMORIES, type OnChipMemoryName } from "../../isa/machine.ts";
import type { Raws } from "../../isa/raws.ts";
import type { Activation, AddNode, Conv2dNode, DenseNode, GraphNode, PoolNode } from "../graph/graph.ts";
import { NO_PADDING } from "../graph/shape.ts";
import type { LayerConstants } from "../quantization/quantize-tensor.ts";
import type { LayerOptions } from "../quantization/resolve-layer.ts";
import { type WindowAxis, windowSpan } from "./axis.ts";
import { arrangeWeights } from "./constants.ts";
import { FIELD_LIMITS } from "./field-limits.ts";
import { type LayerLowering, type StoredTensor, setActivation, wordsOf } from "./layer-lowering.ts";
import { emitMatrixLayer } from "./matrix-layer.ts";
import {
  convolutionProblem,
  denseProblem,
  type MatrixProblem,
  type MatrixWords,
  reductionSteps,
} from "./matrix-problem.ts";
import { searchMatrixTiling, smallestTileBits } from "./matrix-tiling.ts";
import { emitPoolLayer, poolFieldDiagnostics, poolProblem, searchPoolTiling, smallestPoolTile } from "./pool-layer.ts";
import { emitVector, smallestVectorTile, type VectorProblem } from "./vector-layer.ts";

/** Tensors of a layer beside its inputs and output. */
export interface LayerTensors {
  readonly weight: StoredTensor | null;
  readonly bias: StoredTensor | null;
  /** In the output's shape and format. */
  readonly partials: readonly StoredTensor[];
}

export interface LayerPlan {
  /** E · N · K / groups. */
  readonly macs: number;
  /** Words of the constants, in the order in which they are loaded. */
  readonly weight: Raws | null;
  readonly bias: Raws | null;
  /** Intermediate tensors the layer needs: sums of an addition of more than two. */
  readonly partials: number;
  emit(lowering: LayerLowering, tensors: LayerTensors): void;
}

export interface PlanRequest<Node extends GraphNode = GraphNode> {
  readonly node: Node;
  /** Shapes of the node's inputs as the node sees them. */
  readonly inputShapes: readonly (readonly number[])[];
  /** W of each input in DRAM, and in the scratchpad. */
  readonly sourceBits: readonly number[];
  readonly operandBits: readonly number[];
  readonly machine: Machine;
  readonly datapath: DatapathSpec;
  readonly options: LayerOptions;
  readonly constants: LayerConstants;
  readonly where: string;
}

/** Throws `DiagnosticError` where the layer does not fit the machine. */
export function planLayer(request: PlanRequest): LayerPlan {
  const { node } = request;
  switch (node.op) {
    case "conv2d":
      return planMatrix({ ...request, node }, convolutionProblem(node, request.inputShapes[0] ?? []));
    case "dense":
      return planMatrix({ ...request, node }, denseProblem(node, request.inputShapes[0] ?? []));
    case "pool":
      return planPool({ ...request, node });
    case "add":
      return planAddition({ ...request, node });
    case "concatenate":
      return planConcatenation(request);
    case "pad":
      return planCopy(request, "none", node.padding);
    case "activation":
      return planCopy(request, node.activation, NO_PADDING);
    case "convTranspose2d":
    case "subtract":
    case "multiply":
    case "function":
    case "slice":
    case "transpose":
    case "resize":
      throw diagnosticError(
        "NOT_LOWERED",
        request.where,
        `${node.op} does not run on the accelerator yet`,
        "use the float reference for this network",
      );
    case "reshape":
    case "lrn":
    case "softmax":
    case "batchNormalization":
    case "constant":
      throw new InvariantError(`${node.op} "${node.name}" is no layer of the machine`);
  }
}

function planMatrix(request: PlanRequest<Conv2dNode | DenseNode>, problem: MatrixProblem): LayerPlan {
  const { node, machine, datapath, constants, where } = request;
  const found = matrixFieldDiagnostics(problem, where);
  if (found.length > 0) throw new DiagnosticError(found);
  const words: MatrixWords = {
    source: request.sourceBits[0] ?? 0,
    input: datapath.input.format.wordLength,
    weight: datapath.weight.format.wordLength,
    bias: constants.bias === null ? 0 : datapath.bias.format.wordLength,
    accumulator: datapath.accumulator.format.wordLength,
    output: datapath.output.format.wordLength,
  };
  const plan = searchMatrixTiling(problem, words, machine);
  if (plan === undefined) throw tooSmall(smallestTileBits(problem, words, machine), machine, where);
  if (constants.weight === null) throw new InvariantError(`layer "${node.name}" has no weights`);
  const { tiling } = plan;
  const pixels = problem.rows.output * problem.columns.output;
  return {
    macs: pixels * problem.groups * problem.filtersPerGroup * reductionSteps(problem),
    weight: arrangeWeights(constants.weight.raws, problem, tiling),
    bias: constants.bias?.raws ?? null,
    partials: 0,
    emit: (lowering, { weight, bias }) => {
      if (weight === null) throw new InvariantError(`layer "${node.name}" has no weight tensor`);
      emitMatrixLayer({ lowering, problem, tiling, weight, bias, activation: node.activation });
    },
  };
}

function planPool({
  node,
  inputShapes,
  sourceBits,
  machine,
  datapath,
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
  };
  const tiling = searchPoolTiling(problem, words, machine);
  if (tiling === undefined) {
    const { input, output } = smallestPoolTile(problem, words);
    throw tooSmall({ inputScratchpad: input, outputBuffer: output }, machine, where);
  }
  return withoutConstants((lowering) => emitPoolLayer(lowering, problem, tiling));
}

/** ((a + b) + c) + …: every sum is quantized into the output register, the last one after the activation. */
function planAddition(request: PlanRequest<AddNode>): LayerPlan {
  const { node, datapath, options, operandBits } = request;
  const [firstBits = 0, ...otherBits] = operandBits;
  const outputBits = datapath.output.format.wordLength;
  const pairs = otherBits.map((bits, index) => bits + (index === 0 ? firstBits : outputBits));
  requireVectorRoom(request, Math.max(...pairs), 1);
  const partials = node.inputs.length - 2;
  const emit: LayerPlan["emit"] = (lowering, tensors) => {
    const { emitter, inputs, output } = lowering;
    const [first, ...others] = inputs.map((tensor) => ({
      tensor,
      input: options.explicitInput ? datapath.input : wordsOf(tensor.format),
    }));
    if (first === undefined) throw new InvariantError(`addition "${node.name}" has no inputs`);
    let sum = first;
    others.forEach((operand, index) => {
      const last = index === others.length - 1;
      const target = last ? output : (tensors.partials[index] ?? output);
      setActivation(emitter, last ? node.activation : "none", datapath.accumulator);
      emitter.setRegister("output", datapath.output);
      emitVector(lowering, { ...plain(output), operation: "add", operands: [sum, operand], output: target });
      sum = { tensor: { ...target, shape: output.shape }, input: wordsOf(target.format) };
    });
  };
  return { ...withoutConstants(emit), partials };
}

function planConcatenation(request: PlanRequest): LayerPlan {
  const { datapath, options, operandBits } = request;
  requireVectorRoom(request, Math.max(...operandBits), 1);
  return withoutConstants((lowering) => {
    const { emitter, inputs, output } = lowering;
    setActivation(emitter, "none", datapath.accumulator);
    emitter.setRegister("output", datapath.output);
    let firstChannel = 0;
    for (const tensor of inputs) {
      const input = options.explicitInput ? datapath.input : wordsOf(tensor.format);
      const operands = [{ tensor, input }];
      emitVector(lowering, { ...plain(output), operation: "copy", operands, shape: tensor.shape, firstChannel });
      firstChannel += tensor.shape[2];
    }
  });
}

function planCopy(request: PlanRequest, activation: Activation, padding: VectorProblem["padding"]): LayerPlan {
  const { datapath, operandBits } = request;
  requireVectorRoom(request, operandBits[0] ?? 0, smallestVectorTile(padding));
  return withoutConstants((lowering) => {
    const { emitter, inputs, output } = lowering;
    setActivation(emitter, activation, datapath.accumulator);
    emitter.setRegister("output", datapath.output);
    const operands = inputs.map((tensor) => ({ tensor, input: datapath.input }));
    emitVector(lowering, { ...plain(output), operation: "copy", operands, padding });
  });
}

function plain(output: StoredTensor): Pick<VectorProblem, "shape" | "padding" | "output" | "firstChannel"> {
  return { shape: output.shape, padding: NO_PADDING, output, firstChannel: 0 };
}

function withoutConstants(emit: LayerPlan["emit"]): LayerPlan {
  return { macs: 0, weight: null, bias: null, partials: 0, emit };
}

/** Sizes that no load or matrix instruction can express, however the layer is tiled. */
function matrixFieldDiagnostics(problem: MatrixProblem, where: string): Diagnostic[] {
  const found: Diagnostic[] = [];
  const limit = (what: string, value: number, most: number, hint: string): void => {
    if (value <= most) return;
    found.push({ code: "FIELD_LIMIT", where, what: `${what} ${value}, the instructions have at most ${most}`, hint });
  };
  const after = (axis: WindowAxis): number => windowSpan(axis, axis.output) - axis.before - axis.input;
  const pad = "put a layer of zero padding before the convolution";
  limit("padding rows", Math.max(problem.rows.before, after(problem.rows)), FIELD_LIMITS.padding, pad);
  limit("padding columns", Math.max(problem.columns.before, after(problem.columns)), FIELD_LIMITS.padding, pad);
  limit("terms of one sum", reductionSteps(problem), FIELD_LIMITS.count, "divide the layer");
  limit(
    "words between two columns",
    problem.columnStride,
    FIELD_LIMITS.count,
    "use a smaller stride or fewer channels",
  );
  return found;
}

function requireVectorRoom({ machine, datapath, where }: PlanRequest, inputBits: number, words: number): void {
  const bits = { inputScratchpad: inputBits * words, outputBuffer: datapath.output.format.wordLength * words };
  if (lacking(bits, machine).length > 0) throw tooSmall(bits, machine, where);
}

type MemoryBits = Readonly<Partial<Record<OnChipMemoryName, number>>>;

/** The memories that the smallest tile does not fit. */
function lacking(bits: MemoryBits, machine: Machine): readonly OnChipMemoryName[] {
  return ON_CHIP_MEMORIES.filter((memory) => (bits[memory] ?? 0) > machine[memory].capacityBits);
}

function tooSmall(bits: MemoryBits, machine: Machine, where: string): DiagnosticError {
  const found = lacking(bits, machine).map(
    (memory): Diagnostic => ({
      code: "SCRATCHPAD",
      where,
      what: `the smallest tile needs ${bits[memory]} bits of ${memory}, the machine has ${machine[memory].capacityBits}`,
      hint: `enlarge ${memory}.capacityBits in the machine, or use narrower formats in this layer`,
    }),
  );
  if (found.length > 0) return new DiagnosticError(found);
  return new DiagnosticError([
    {
      code: "SCRATCHPAD",
      where,
      what: "no tile fits all memories and instruction fields at once",
      hint: "enlarge the scratchpads of the machine, or use narrower formats in this layer",
    },
  ]);
}
