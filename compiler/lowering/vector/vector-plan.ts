/** Plans of the layers of the vector unit. */
import { DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { allocateRaws, setRaw } from "../../../isa/numerics/raws.ts";
import { isExact } from "../../graph/element-function.ts";
import type {
  Activation,
  AddNode,
  FunctionNode,
  MultiplyNode,
  Padding,
  PreluNode,
  ResizeNode,
  SliceNode,
  SubtractNode,
  TransposeNode,
} from "../../graph/graph.ts";
import { NO_PADDING } from "../../graph/shape.ts";
import { imageShape } from "../image-shape.ts";
import {
  type LayerLowering,
  type Placement,
  type StoredTensor,
  setActivation,
  WHOLE,
  wordsOf,
} from "../layer-lowering.ts";
import { sliceView, transposeView, type View, wholeView } from "../memory/view.ts";
import {
  fieldLimit,
  type LayerPlan,
  MOST_COLUMN_STRIDE,
  type PlanRequest,
  plainPlan,
  requireRoom,
} from "../plan-request.ts";
import { lineSettings } from "./lines.ts";
import { lookupTable } from "./lookup-table.ts";
import { loadConstants } from "./table-layer.ts";
import { emitVector, type LoadedConstants, smallestVectorTile, type VectorProblem } from "./vector-layer.ts";
import type { VectorOperand } from "./vector-operand.ts";

/** ((a + b) + c) + …: every sum is quantized into the output register, the last one after the activation. */
export function planAddition(request: PlanRequest<AddNode>): LayerPlan {
  const { node, datapath, operandBits } = request;
  const [firstBits = 0, ...otherBits] = operandBits;
  const outputBits = datapath.output.format.wordLength;
  const pairs = otherBits.map((bits, index) => bits + (index === 0 ? firstBits : outputBits));
  requireVectorRoom(request, Math.max(...pairs), 1);
  const emit: LayerPlan["emit"] = (lowering, tensors) => {
    const { emitter, output } = lowering;
    const [first, ...others] = operandsOf(request, lowering);
    if (first === undefined) throw new InvariantError(`addition "${node.name}" has no inputs`);
    let sum = first;
    others.forEach((operand, index) => {
      const last = index === others.length - 1;
      const target = last ? output : (tensors.partials[index] ?? output);
      setActivation(emitter, last ? node.activation : "none", datapath.accumulator);
      emitter.setRegister("output", datapath.output);
      emitVector(lowering, { ...plain(output), operation: "add", operands: [sum, operand], output: target });
      sum = operandOf({ ...target, shape: output.shape }, wordsOf(target.format));
    });
  };
  return { ...plainPlan(emit), partials: node.inputs.length - 2 };
}

/** Difference or product of two operands. */
export function planPair(request: PlanRequest<SubtractNode | MultiplyNode>): LayerPlan {
  const { node, datapath, operandBits } = request;
  const [a = 0, b = 0] = operandBits;
  requireVectorRoom(request, a + b, 1);
  return plainPlan((lowering) => {
    const [first, second] = operandsOf(request, lowering);
    if (first === undefined || second === undefined) throw new InvariantError(`"${node.name}" has no two inputs`);
    // Twice the same value is one operand.
    const same = node.inputs[0] === node.inputs[1];
    setOutput(lowering, node.activation, datapath);
    const operands = [first, same ? first : second];
    emitVector(lowering, { ...plain(lowering.output), operation: node.op, operands });
  });
}

/** A function made of lines is settings of an instruction; every other one a table in the weight scratchpad. */
export function planFunction(request: PlanRequest<FunctionNode>): LayerPlan {
  const { node, datapath, operandBits, where } = request;
  requireVectorRoom(request, operandBits[0] ?? 0, 1);
  if (!isExact(node.function)) return planTable(request);
  const isLines = node.function.kind !== "hardSwish";
  const settings = isLines ? lineSettings(node.function, datapath.input.format, datapath.output, where) : null;
  return plainPlan((lowering) => {
    const { emitter } = lowering;
    emitter.setRegister("output", datapath.output);
    if (settings !== null) {
      emitter.setPieces(settings.pieces);
      emitter.setBounds(settings.bounds);
    }
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, datapath.input));
    emitVector(lowering, { ...plain(lowering.output), operation: isLines ? "pieces" : "hardSwish", operands });
  });
}

function planTable(request: PlanRequest<FunctionNode>): LayerPlan {
  const { node, datapath, options, machine, seed, where } = request;
  const { lookupBits, interpolate, tableRange } = options;
  const name = `${node.name}/table`;
  const made = { function: node.function, datapath, lookupBits, interpolate, range: tableRange, seed, name, where };
  const { raws, format, setting, symbol } = lookupTable(made, request.tables);
  requireTableRoom(raws.length * format.wordLength, lookupBits, machine, where);
  const emit: LayerPlan["emit"] = (lowering, tensors) => {
    const { emitter } = lowering;
    const stored = tensors.table;
    if (stored === null) throw new InvariantError(`layer "${node.name}" has no table`);
    emitter.setRegister("output", datapath.output);
    if (symbol.interpolated) emitter.setRegister("scale", wordsOf(format));
    emitter.setTable(setting);
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, datapath.input));
    emitVector(lowering, {
      ...plain(lowering.output),
      operation: symbol.interpolated ? "interpolate" : "lookup",
      operands,
      constants: () => loadConstants(lowering, stored),
    });
  };
  return { ...plainPlan(emit), constants: { table: raws }, formats: { table: format }, table: symbol };
}

/** Slopes stand in the scale register's format, one for each channel. */
export function planSlopes(request: PlanRequest<PreluNode>): LayerPlan {
  const { node, datapath, operandBits, machine, where } = request;
  const { scale } = datapath;
  if (scale === undefined) throw new InvariantError(`parametric ReLU "${node.name}" without a register for its slopes`);
  requireVectorRoom(request, operandBits[0] ?? 0, 1);
  const { data } = node.slopes;
  requireRoom({ weightScratchpad: data.length * scale.format.wordLength }, machine, where);
  const raws = allocateRaws(scale.format, data.length);
  for (const [channel, slope] of data.entries()) setRaw(raws, channel, quantizeFloat64(slope, scale).raw);
  const emit: LayerPlan["emit"] = (lowering, tensors) => {
    const stored = tensors.scale;
    if (stored === null) throw new InvariantError(`layer "${node.name}" has no slopes`);
    lowering.emitter.setRegister("output", datapath.output);
    lowering.emitter.setRegister("scale", wordsOf(scale.format));
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, datapath.input));
    const constants = (): LoadedConstants => loadConstants(lowering, stored);
    emitVector(lowering, { ...plain(lowering.output), operation: "slopes", operands, constants, perChannel: true });
  };
  return { ...plainPlan(emit), constants: { scale: raws } };
}

export function planConcatenation(request: PlanRequest): LayerPlan {
  const { datapath, operandBits } = request;
  requireVectorRoom(request, Math.max(...operandBits), 1);
  return plainPlan((lowering) => {
    setOutput(lowering, "none", datapath);
    let channel = 0;
    for (const operand of operandsOf(request, lowering)) {
      const { shape } = operand.tensor;
      const placements = [{ ...WHOLE, channel }];
      emitVector(lowering, { ...plain(lowering.output), operation: "copy", operands: [operand], shape, placements });
      channel += shape[2];
    }
  });
}

/** A copy through an activation, or with zeros around. */
export function planCopy(request: PlanRequest, activation: Activation, padding: Padding): LayerPlan {
  requireVectorRoom(request, request.operandBits[0] ?? 0, smallestVectorTile(padding));
  return plainPlan((lowering) => {
    setOutput(lowering, activation, request.datapath);
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, request.datapath.input));
    emitVector(lowering, { ...plain(lowering.output), operation: "copy", operands, padding });
  });
}

/** A copy of the words that a view names. */
export function planView(request: PlanRequest<SliceNode | TransposeNode>): LayerPlan {
  const { node, datapath, operandBits, inputShapes, where } = request;
  const [inputShape = []] = inputShapes;
  const view = node.op === "slice" ? sliceView(node, inputShape) : transposeView(node, inputShape);
  const stride = view.channelStride === 1 ? view.columnStride : view.channelStride;
  requireColumnStride(stride, where);
  requireVectorRoom(request, operandBits[0] ?? 0, 1);
  return plainPlan((lowering) => {
    setOutput(lowering, "none", datapath);
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, datapath.input, view));
    emitVector(lowering, { ...plain(lowering.output), operation: "copy", operands });
  });
}

/** Every tile is loaded once and stored once for each of the neighbours that it becomes. */
export function planResize(request: PlanRequest<ResizeNode>): LayerPlan {
  const { node, datapath, operandBits, inputShapes, where } = request;
  const [rowStep, columnStep] = node.factors;
  const shape = imageShape(inputShapes[0] ?? []);
  requireColumnStride(columnStep * shape[2], where);
  requireVectorRoom(request, operandBits[0] ?? 0, 1);
  const placements = Array.from(
    { length: rowStep * columnStep },
    (_, index): Placement => ({
      row: Math.floor(index / columnStep),
      column: index % columnStep,
      channel: 0,
      rowStep,
      columnStep,
    }),
  );
  return plainPlan((lowering) => {
    setOutput(lowering, "none", datapath);
    const operands = lowering.inputs.map((tensor) => operandOf(tensor, datapath.input));
    emitVector(lowering, { ...plain(lowering.output), operation: "copy", operands, shape, placements });
  });
}

/** The layer's inputs in its input register where the user gave one, else each in its own format. */
function operandsOf({ options, datapath }: PlanRequest, { inputs }: LayerLowering): readonly VectorOperand[] {
  return inputs.map((tensor) => operandOf(tensor, options.explicitInput ? datapath.input : wordsOf(tensor.format)));
}

function operandOf(
  tensor: StoredTensor,
  input: VectorOperand["input"],
  view: View = wholeView(tensor.shape),
): VectorOperand {
  return { tensor, input, view };
}

function setOutput({ emitter }: LayerLowering, activation: Activation, datapath: PlanRequest["datapath"]): void {
  setActivation(emitter, activation, datapath.accumulator);
  emitter.setRegister("output", datapath.output);
}

function plain(output: StoredTensor): Pick<VectorProblem, "shape" | "padding" | "output" | "placements"> {
  return { shape: output.shape, padding: NO_PADDING, output, placements: [WHOLE] };
}

function requireVectorRoom({ machine, datapath, where }: PlanRequest, inputBits: number, words: number): void {
  const outputBuffer = datapath.output.format.wordLength * words;
  requireRoom({ inputScratchpad: inputBits * words, outputBuffer }, machine, where);
}

function requireColumnStride(stride: number, where: string): void {
  const hint = "use fewer channels, or move the words in two steps";
  const found = fieldLimit("words between two columns", stride, MOST_COLUMN_STRIDE, hint, where);
  if (found.length > 0) throw new DiagnosticError(found);
}

function requireTableRoom(bits: number, lookupBits: number, machine: PlanRequest["machine"], where: string): void {
  const { capacityBits } = machine.weightScratchpad;
  if (bits <= capacityBits) return;
  throw new DiagnosticError([
    {
      code: "SCRATCHPAD",
      where,
      what: `the table of ${bits} bits does not fit weightScratchpad, which has ${capacityBits}`,
      hint: `set lookupBits below ${lookupBits}, or enlarge weightScratchpad.capacityBits in the machine`,
    },
  ]);
}
