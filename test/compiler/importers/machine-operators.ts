/**
 * Which operators of ONNX run on the machine: found out by compiling and running the smallest networks with each, so that
 * the importer's README promises what a run keeps.
 */

import { elementCount } from "../../../compiler/graph/shape.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { OPERATORS, qualifiedName } from "../../../compiler/tensor-graph/operators/table.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, ElementType } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import {
  compiled,
  float,
  integers,
  model,
  scalar,
  type WrittenNode,
  wordsOnMachine,
} from "../legalisation/small-models.ts";

/** A network around the operator, which is its node `op`. */
interface Network {
  /** Shape of the input `x`; [1, 2, 4, 4] where nothing is said. */
  readonly shape?: readonly number[];
  readonly type?: ElementType;
  readonly constants?: Readonly<Record<string, AnyTensor>>;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly opset?: number;
  readonly before?: readonly WrittenNode[];
  readonly after?: readonly WrittenNode[];
}

interface Trial extends Network {
  /** Forms in which the operator might be used; those that are refused are conditions. */
  readonly forms?: Readonly<Record<string, Network>>;
}

const some = (...shape: readonly number[]): AnyTensor =>
  float(
    shape,
    Array.from({ length: elementCount(shape) }, (_, index) => ((index * 7) % 11) / 8 - 0.5),
  );

const bytes = (type: ElementType, ...shape: readonly number[]): AnyTensor =>
  tensorFrom(
    type,
    shape,
    Array.from({ length: elementCount(shape) }, (_, index) => (index * 7) % 11),
  );

const VECTOR = [1, 8];
/** Closing operators stand behind a layer. */
const scores: Network = { shape: VECTOR, before: [{ name: "fc", operator: "Relu", inputs: ["x"] }], inputs: ["fc'"] };
const positive: WrittenNode = { name: "positive", operator: "Sigmoid", inputs: ["x"] };

/** With a constant, and with a second computed value. */
const binary: Trial = {
  constants: { c: some(1, 2, 1, 1) },
  inputs: ["x", "c"],
  forms: { "two computed values": { before: [positive], inputs: ["x", "positive'"] } },
};

const weights = (...shape: readonly number[]): Trial => ({
  constants: { w: some(...shape) },
  inputs: ["x", "w"],
});

const reduction: Trial = { attributes: { axes: [2, 3], keepdims: 1 } };

const quantizer: Trial = {
  constants: { s: scalar(0.25), z: scalar(0), b: scalar(4) },
  inputs: ["x", "s", "z", "b"],
};

const sequence = (gates: number): Trial => ({
  shape: [3, 1, 4],
  constants: { w: some(1, gates * 2, 4), r: some(1, gates * 2, 2) },
  inputs: ["x", "w", "r"],
  attributes: { hidden_size: 2 },
});

const quantize: WrittenNode = { name: "quantize", operator: "QuantizeLinear", inputs: ["x", "s", "z"] };
const dequantize: WrittenNode = { name: "dequantize", operator: "DequantizeLinear", inputs: ["op'", "s", "z"] };
const scales = { s: scalar(0.125), z: scalar(0, "int8"), t: scalar(0.25) };

const TRIALS: Readonly<Record<string, Trial>> = {
  Conv: {
    ...weights(3, 2, 2, 2),
    forms: {
      "three spatial axes": { shape: [1, 2, 3, 3, 3], constants: { w: some(3, 2, 2, 2, 2) }, inputs: ["x", "w"] },
    },
  },
  ConvTranspose: weights(2, 3, 2, 2),
  Gemm: { shape: VECTOR, ...weights(8, 3) },
  MatMul: {
    shape: VECTOR,
    ...weights(8, 3),
    forms: {
      "two computed values": {
        shape: [1, 3],
        before: [{ name: "t", operator: "Transpose", inputs: ["x"] }],
        inputs: ["x", "t'"],
      },
    },
  },
  BatchNormalization: {
    constants: { g: some(2), b: some(2), m: some(2), v: float([2], [0.5, 0.75]) },
    inputs: ["x", "g", "b", "m", "v"],
  },
  LRN: { attributes: { size: 3, alpha: 0.5, beta: 0.75, bias: 1 } },
  LayerNormalization: { constants: { s: some(4) }, inputs: ["x", "s"] },
  InstanceNormalization: { constants: { s: some(2), b: some(2) }, inputs: ["x", "s", "b"] },
  GroupNormalization: {
    constants: { s: some(2), b: some(2) },
    inputs: ["x", "s", "b"],
    attributes: { num_groups: 1 },
    opset: 21,
  },
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: { ...binary, forms: { "two computed values": { before: [positive], inputs: ["x", "positive'"] } } },
  Sum: binary,
  Mean: binary,
  Max: { ...binary, constants: { c: scalar(0.5) } },
  Min: { ...binary, constants: { c: scalar(0.5) } },
  Pow: {
    constants: { c: scalar(3) },
    inputs: ["x", "c"],
    forms: { "a computed exponent": { before: [positive], inputs: ["positive'", "x"] } },
  },
  Mod: { ...binary, attributes: { fmod: 1 } },
  Clip: { constants: { a: scalar(-0.5), b: scalar(0.75) }, inputs: ["x", "a", "b"] },
  PRelu: {
    constants: { s: some(2, 1, 1) },
    inputs: ["x", "s"],
    forms: { "a computed slope": { before: [positive], inputs: ["x", "positive'"] } },
  },
  Log: { before: [positive], inputs: ["positive'"] },
  Acosh: { before: [{ name: "p", operator: "Exp", inputs: ["x"] }], inputs: ["p'"] },
  Sqrt: { before: [positive], inputs: ["positive'"] },
  Reciprocal: { before: [positive], inputs: ["positive'"] },
  Softmax: scores,
  LogSoftmax: scores,
  ArgMax: { ...scores, attributes: { axis: 1 } },
  ArgMin: { ...scores, attributes: { axis: 1 } },
  TopK: { ...scores, constants: { k: integers([3]) }, inputs: ["fc'", "k"], outputs: ["op'", "places"] },
  MaxPool: {
    attributes: { kernel_shape: [2, 2] },
    forms: { dilations: { attributes: { kernel_shape: [2, 2], dilations: [2, 2] } } },
  },
  AveragePool: { attributes: { kernel_shape: [2, 2] } },
  LpPool: { attributes: { kernel_shape: [2, 2] } },
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceSum: { constants: { a: integers([2, 3]) }, inputs: ["x", "a"] },
  ReduceProd: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceLogSum: reduction,
  ReduceLogSumExp: reduction,
  ReduceSumSquare: reduction,
  Concat: { before: [positive], inputs: ["x", "positive'"], attributes: { axis: 1 } },
  Pad: {
    constants: { p: integers([0, 0, 1, 1, 0, 0, 1, 1]) },
    inputs: ["x", "p"],
    forms: {
      "other modes than constant": {
        constants: { p: integers([0, 0, 1, 1, 0, 0, 1, 1]) },
        inputs: ["x", "p"],
        attributes: { mode: "reflect" },
      },
    },
  },
  Slice: { constants: { a: integers([1]), b: integers([3]), c: integers([2]) }, inputs: ["x", "a", "b", "c"] },
  Split: { constants: { n: integers([2, 2]) }, inputs: ["x", "n"], outputs: ["op'", "rest"], attributes: { axis: 2 } },
  Gather: {
    constants: { i: integers([1, 0]) },
    inputs: ["x", "i"],
    attributes: { axis: 1 },
    forms: {
      "computed indices": {
        before: [{ name: "i", operator: "Cast", inputs: ["x"], attributes: { to: 7 } }],
        inputs: ["x", "i'"],
        attributes: { axis: 1 },
      },
    },
  },
  Resize: {
    constants: { f: float([4], [1, 1, 2, 2]) },
    inputs: ["x", "", "f"],
    attributes: { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
    forms: {
      "linear and cubic interpolation": {
        constants: { f: float([4], [1, 1, 2, 2]) },
        inputs: ["x", "", "f"],
        attributes: { mode: "linear" },
      },
    },
  },
  Upsample: { constants: { f: float([4], [1, 1, 2, 2]) }, inputs: ["x", "f"], opset: 9 },
  Reshape: { constants: { s: integers([1, 4, 8]) }, inputs: ["x", "s"] },
  Flatten: {},
  Squeeze: { shape: [1, 1, 4, 4], constants: { a: integers([1]) }, inputs: ["x", "a"] },
  Unsqueeze: { shape: VECTOR, constants: { a: integers([1]) }, inputs: ["x", "a"] },
  Transpose: { attributes: { perm: [0, 2, 3, 1] } },
  DepthToSpace: { shape: [1, 4, 3, 3], attributes: { blocksize: 2 } },
  SpaceToDepth: { attributes: { blocksize: 2 } },
  Expand: { shape: [1, 2, 1, 1], constants: { s: integers([1, 2, 3, 3]) }, inputs: ["x", "s"] },
  Tile: { constants: { r: integers([1, 1, 2, 1]) }, inputs: ["x", "r"] },
  Where: { constants: { c: tensorFrom("bool", [1, 2, 1, 1], [1, 0]), o: some(1) }, inputs: ["c", "x", "o"] },
  Cast: { attributes: { to: 1 }, forms: { "to integers": { attributes: { to: 7 } } } },
  CastLike: { constants: { l: some(1) }, inputs: ["x", "l"] },
  QuantizeLinear: {
    constants: scales,
    inputs: ["x", "s", "z"],
    after: [dequantize],
  },
  DequantizeLinear: { constants: scales, before: [quantize], inputs: ["quantize'", "s", "z"] },
  DynamicQuantizeLinear: {
    outputs: ["op'", "scale", "zero"],
    after: [{ name: "d", operator: "DequantizeLinear", inputs: ["op'", "scale", "zero"] }],
  },
  QLinearConv: {
    constants: { ...scales, w: bytes("int8", 3, 2, 2, 2) },
    before: [quantize],
    inputs: ["quantize'", "s", "z", "w", "s", "z", "t", "z"],
    after: [dequantize],
  },
  QLinearMatMul: {
    shape: VECTOR,
    constants: { ...scales, w: bytes("int8", 8, 3) },
    before: [quantize],
    inputs: ["quantize'", "s", "z", "w", "s", "z", "t", "z"],
    after: [dequantize],
  },
  ConvInteger: {
    constants: { ...scales, w: bytes("int8", 3, 2, 2, 2), f: scalar(0.015625) },
    before: [quantize],
    inputs: ["quantize'", "w"],
    after: [
      { name: "cast", operator: "Cast", inputs: ["op'"], attributes: { to: 1 } },
      { name: "scaled", operator: "Mul", inputs: ["cast'", "f"] },
    ],
  },
  MatMulInteger: {
    shape: VECTOR,
    constants: { ...scales, w: bytes("int8", 8, 3), f: scalar(0.015625) },
    before: [quantize],
    inputs: ["quantize'", "w"],
    after: [
      { name: "cast", operator: "Cast", inputs: ["op'"], attributes: { to: 1 } },
      { name: "scaled", operator: "Mul", inputs: ["cast'", "f"] },
    ],
  },
  LSTM: sequence(4),
  GRU: sequence(3),
  RNN: sequence(1),
};

/** Trials of QONNX's operators, under every domain that carries them. */
const QONNX_TRIALS: Readonly<Record<string, Trial>> = {
  Quant: quantizer,
  IntQuant: quantizer,
  BipolarQuant: { constants: { s: scalar(0.5) }, inputs: ["x", "s"] },
  Trunc: {
    constants: { s: scalar(0.25), z: scalar(0), a: scalar(8), b: scalar(4) },
    inputs: ["x", "s", "z", "a", "b"],
  },
};

/** `yes`, with the forms that are refused; `closing, on the host`; or `–`: only where it computes constants. */
export function machinePlace(name: string): string {
  const { forms = {}, ...network } = trialOf(name);
  const follower = (operator: string): WrittenNode => ({ name: "last", operator, inputs: [lastOf(network)] });
  const runsWithin = runs(name, { ...network, after: [...(network.after ?? []), follower("Relu")] });
  if (!runsWithin) return runs(name, network) ? "closing, on the host" : "–";
  const refused = Object.entries(forms).flatMap(([form, changes]) =>
    runs(name, { ...network, ...changes }) ? [] : [form],
  );
  return refused.length === 0 ? "yes" : `yes; not ${refused.join(", ")}`;
}

/** Whether a trial of its own is written for the operator. */
export function isTried(name: string): boolean {
  return Object.hasOwn(TRIALS, name) || name.includes(".");
}

function trialOf(name: string): Trial {
  const own = Object.hasOwn(TRIALS, name) ? TRIALS[name] : QONNX_TRIALS[name.slice(name.lastIndexOf(".") + 1)];
  if (own !== undefined) return own;
  const operator = OPERATORS.find(({ domain, name: bare }) => qualifiedName(domain, bare) === name);
  return (operator?.arity?.[0] ?? 1) >= 2 ? binary : {};
}

function lastOf({ after = [] }: Network): string {
  return `${after.at(-1)?.name ?? "op"}'`;
}

/** Whether the network is compiled and runs. An error that is no diagnostic is a mistake of the trial. */
function runs(name: string, network: Network): boolean {
  const { shape = [1, 2, 4, 4], constants = {}, before = [], after = [], inputs = ["x"], outputs, ...rest } = network;
  const { attributes = {}, opset = 17 } = rest;
  const domain = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
  const operator = name.slice(name.lastIndexOf(".") + 1);
  const oldest = Math.min(
    ...OPERATORS.flatMap((known) => (known.domain === domain && known.name === operator ? [known.since] : [])),
  );
  const version = domain === "" ? Math.max(opset, oldest) : oldest;
  const node: WrittenNode = {
    name: "op",
    operator,
    domain,
    opset: version,
    inputs,
    attributes,
    ...(outputs && { outputs }),
  };
  const nodes = [...before, node, ...after];
  const graph = model(shape, constants, nodes, after.length === 0 ? ["op'"] : undefined);
  try {
    const compilation = compiled(legalise(graph, { where: "trial" }), { default: { format: "16,8" } });
    const image = Array.from({ length: elementCount(shape) }, (_, index) => ((index * 5) % 13) / 8 - 0.75);
    return wordsOnMachine(compilation, image).size > 0;
  } catch (error) {
    if (error instanceof DiagnosticError) return false;
    throw error;
  }
}
