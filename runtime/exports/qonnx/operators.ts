/**
 * Every node of a network as ONNX says it. Images lie channels first there, [1, channels, rows, columns], and rows, columns,
 * channels here; vectors are [1, features].
 */

import type { ElementFunction, ElementFunctionKind } from "../../../compiler/graph/element-function.ts";
import type { Activation, ConvTranspose2dNode, GraphNode, Operator, Padding } from "../../../compiler/graph/graph.ts";
import { QONNX_DOMAINS } from "../../../compiler/tensor-graph/operators/qonnx.ts";
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { AttributeValue, ModelWriter } from "./model-writer.ts";

/** What a node is written with. */
export interface NodeContext {
  readonly writer: ModelWriter;
  /** ONNX names of its operands. */
  readonly inputs: readonly string[];
  readonly inputShapes: readonly (readonly number[])[];
  /** Adds the weights' and the bias' quantizers, where the layer has registers for them. `filterShape`: of a scale for each filter. */
  readonly quantized: (constant: string, register: "weight" | "bias", filterShape?: readonly number[]) => string;
  /** What an average pool divides by, where the user overrules the model. */
  readonly countPadding: boolean | undefined;
}

type NodeOf<Name extends Operator> = Extract<GraphNode, { readonly op: Name }>;
type Writer<Name extends Operator> = (node: NodeOf<Name>, context: NodeContext) => string;

/** Position of rows, columns and channels in ONNX's order. */
const ONNX_AXIS = [2, 3, 1] as const;
const TO_CHANNELS_LAST = [0, 2, 3, 1];
const TO_CHANNELS_FIRST = [0, 3, 1, 2];

/** Shape with the batch in ONNX's order. */
export function onnxShape(shape: readonly number[]): readonly number[] {
  const [rows = 1, columns = 1, channels = 1] = shape;
  return shape.length === 3 ? [1, channels, rows, columns] : [1, ...shape];
}

/** The name of the node's value, before its output register. */
export function writeNode(node: GraphNode, context: NodeContext): string {
  const writer = WRITERS[node.op] as (node: GraphNode, context: NodeContext) => string;
  return writer(node, context);
}

const WRITERS: { readonly [Name in Operator]: Writer<Name> } = {
  conv2d: (node, context) => {
    const [rows = 1, columns = 1, channels = 1, filters = 1] = node.kernel.shape;
    const moved = permuted(node.kernel.data, [rows, columns, channels, filters], [3, 2, 0, 1]);
    const operands = constants(node, context, [filters, channels, rows, columns], moved, [filters, 1, 1, 1]);
    const value = context.writer.add(node.name, {
      operator: "Conv",
      inputs: [context.inputs[0] ?? "", ...operands],
      attributes: {
        ...windowAttributes([rows, columns], node.strides, node.padding),
        dilations: { integers: node.dilations },
        group: { integer: node.groups },
      },
    });
    return activated(value, node.activation, context);
  },
  convTranspose2d: (node, context) => {
    const [rows = 1, columns = 1, , filters = 1] = node.kernel.shape;
    const channels = context.inputShapes[0]?.[2] ?? 1;
    const shape = [channels, filters / node.groups, rows, columns];
    const operands = constants(node, context, shape, transposedKernel(node, channels), [1, filters, 1, 1]);
    const value = context.writer.add(node.name, {
      operator: "ConvTranspose",
      inputs: [context.inputs[0] ?? "", ...operands],
      attributes: {
        ...windowAttributes([rows, columns], node.strides, node.padding),
        dilations: { integers: node.dilations },
        output_padding: { integers: node.outputPadding },
        group: { integer: node.groups },
      },
    });
    return activated(value, node.activation, context);
  },
  dense: (node, context) => {
    const { writer } = context;
    const [features = 1, units = 1] = node.kernel.shape;
    const [image = ""] = context.inputs;
    const isImage = context.inputShapes[0]?.length === 3;
    const ordered = isImage && node.inputOrder === "as stored" ? transposed(writer, image, node.name, "last") : image;
    const vector = isImage ? reshaped(writer, ordered, node.name, [1, features]) : ordered;
    const operands = constants(node, context, [features, units], node.kernel.data, [1, units]);
    const value = writer.add(node.name, { operator: "Gemm", inputs: [vector, ...operands] });
    return activated(value, node.activation, context);
  },
  pool: (node, { writer, inputs, countPadding }) => {
    const attributes = windowAttributes(node.kernel, node.strides, node.padding);
    if (node.kind === "maximum") return writer.add(node.name, { operator: "MaxPool", inputs, attributes });
    const count = { integer: (countPadding ?? node.countPadding) ? 1 : 0 };
    return writer.add(node.name, {
      operator: "AveragePool",
      inputs,
      attributes: { ...attributes, count_include_pad: count },
    });
  },
  activation: (node, context) => activationNode(node.name, context.inputs[0] ?? "", node.activation, context),
  function: (node, { writer, inputs }) => {
    const gate = gateOf(node.function);
    if (gate !== null) return gated(node.name, inputs[0] ?? "", gate, writer);
    const { operator, domain = "", attributes = {}, operands = [] } = functionOperator(node.function);
    const constants = operands.map((operand, index) =>
      Number.isFinite(operand) ? writer.floats(`${node.name}/${index}`, [], Float32Array.of(operand)) : "",
    );
    return writer.add(node.name, { operator, domain, inputs: [...inputs, ...constants], attributes });
  },
  prelu: (node, { writer, inputs }) => {
    const { data } = node.slopes;
    const shape = node.shape.length === 3 ? [data.length, 1, 1] : [data.length];
    const slopes = writer.floats(`${node.name}/slopes`, shape, data);
    return writer.add(node.name, { operator: "PRelu", inputs: [...inputs, slopes] });
  },
  softmax: (node, { writer, inputs }) => {
    const axis = { integer: 1 };
    return writer.add(node.name, { operator: "Softmax", inputs, attributes: { axis } });
  },
  add: (node, context) => {
    const { writer, inputs } = context;
    const operator = inputs.length === 2 ? "Add" : "Sum";
    return activated(writer.add(node.name, { operator, inputs }), node.activation, context);
  },
  subtract: (node, context) =>
    activated(context.writer.add(node.name, { operator: "Sub", inputs: context.inputs }), node.activation, context),
  multiply: (node, context) =>
    activated(context.writer.add(node.name, { operator: "Mul", inputs: context.inputs }), node.activation, context),
  concatenate: (node, { writer, inputs }) => {
    return writer.add(node.name, { operator: "Concat", inputs, attributes: { axis: { integer: 1 } } });
  },
  reshape: (node, { writer, inputs, inputShapes }) => {
    const [image = ""] = inputs;
    const stored = inputShapes[0]?.length === 3 ? transposed(writer, image, node.name, "last") : image;
    const target = [1, ...node.shape];
    if (node.shape.length !== 3) return reshaped(writer, stored, node.name, target, node.name);
    const value = reshaped(writer, stored, node.name, target);
    return transposed(writer, value, node.name, "first", node.name);
  },
  // The register of the layer that is or holds it is written as every layer's.
  quantize: (_node, { inputs }) => inputs[0] ?? "",
  register: (_node, { inputs }) => inputs[0] ?? "",
  slice: (node, { writer, inputs }) => {
    const list = (role: string, values: readonly number[]): string => writer.integers(`${node.name}/${role}`, values);
    const axes = node.shape.length === 3 ? ONNX_AXIS : node.shape.map((_, axis) => axis + 1);
    const operands = [
      list("starts", node.start),
      list("ends", node.stop),
      list("axes", axes),
      list("steps", node.step),
    ];
    return writer.add(node.name, { operator: "Slice", inputs: [...inputs, ...operands] });
  },
  transpose: (node, { writer, inputs }) => {
    const perm = [0, 1, 2, 3].slice(0, node.shape.length + 1);
    if (node.shape.length === 3) {
      for (const axis of [0, 1, 2] as const) {
        perm[ONNX_AXIS[axis]] = ONNX_AXIS[(node.permutation[axis] ?? 0) as 0 | 1 | 2];
      }
    }
    return writer.add(node.name, { operator: "Transpose", inputs, attributes: { perm: { integers: perm } } });
  },
  resize: (node, { writer, inputs }) => {
    const scales = writer.floats(`${node.name}/scales`, [4], Float32Array.of(1, 1, ...node.factors));
    return writer.add(node.name, {
      operator: "Resize",
      inputs: [inputs[0] ?? "", "", scales],
      attributes: {
        mode: { text: "nearest" },
        coordinate_transformation_mode: { text: "asymmetric" },
        nearest_mode: { text: "floor" },
      },
    });
  },
  pad: (node, { writer, inputs }) => {
    const { top, bottom, left, right } = node.padding;
    const pads = writer.integers(`${node.name}/pads`, [0, 0, top, left, 0, 0, bottom, right]);
    return writer.add(node.name, { operator: "Pad", inputs: [inputs[0] ?? "", pads] });
  },
  requantize: never,
  lrn: never,
  batchNormalization: never,
  constant: never,
};

/** The passes leave no such node, and integer networks are refused before. */
function never(node: GraphNode): never {
  throw new InvariantError(`"${node.name}" (${node.op}) is no node of a prepared graph`);
}

function windowAttributes(
  kernel: readonly [number, number],
  strides: readonly number[],
  { top, bottom, left, right }: Padding,
): Readonly<Record<string, AttributeValue>> {
  return {
    kernel_shape: { integers: kernel },
    strides: { integers: strides },
    pads: { integers: [top, left, bottom, right] },
  };
}

/** Weights and bias with their quantizers. */
function constants(
  node: NodeOf<"conv2d" | "dense" | "convTranspose2d">,
  { writer, quantized }: NodeContext,
  shape: readonly number[],
  values: Float32Array,
  filterShape: readonly number[],
): readonly string[] {
  const weight = quantized(writer.floats(`${node.name}/kernel`, shape, values), "weight", filterShape);
  if (node.bias === null) return [weight];
  const { data } = node.bias;
  return [weight, quantized(writer.floats(`${node.name}/offsets`, [data.length], data), "bias")];
}

function activated(value: string, activation: Activation, context: NodeContext): string {
  if (activation === "none") return value;
  return activationNode(context.writer.fresh(`${value}/${activation}`), value, activation, context);
}

function activationNode(
  name: string,
  value: string,
  activation: Exclude<Activation, "none">,
  { writer }: NodeContext,
): string {
  if (activation === "relu") return writer.add(name, { operator: "Relu", inputs: [value] });
  const bounds = [0, 6].map((bound) => writer.floats(`${name}/${bound}`, [], Float32Array.of(bound)));
  return writer.add(name, { operator: "Clip", inputs: [value, ...bounds] });
}

function transposed(
  writer: ModelWriter,
  value: string,
  layer: string,
  channels: "first" | "last",
  name: string = writer.fresh(`${layer}/channels_${channels}`),
): string {
  const integers = channels === "last" ? TO_CHANNELS_LAST : TO_CHANNELS_FIRST;
  return writer.add(name, { operator: "Transpose", inputs: [value], attributes: { perm: { integers } } });
}

function reshaped(
  writer: ModelWriter,
  value: string,
  layer: string,
  shape: readonly number[],
  name: string = writer.fresh(`${layer}/reshape`),
): string {
  return writer.add(name, { operator: "Reshape", inputs: [value, writer.integers(`${name}/shape`, shape)] });
}

/** Axis a of the result is axis order[a] of the four. */
function permuted(data: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const [a = 1, b = 1, c = 1, d = 1] = order.map((axis) => shape[axis] ?? 1);
  const [sa = 0, sb = 0, sc = 0, sd = 0] = order.map((axis) => strides[axis] ?? 0);
  const result = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) result[at++] = data[i * sa + j * sb + k * sc + l * sd] ?? 0;
      }
    }
  }
  return result;
}

/** [channels, filters per group, rows, columns] from [rows, columns, channels per group, filters]. */
function transposedKernel({ kernel, groups }: ConvTranspose2dNode, channels: number): Float32Array {
  const [rows = 1, columns = 1, perGroup = 1, filters = 1] = kernel.shape;
  const filtersPerGroup = filters / groups;
  const result = new Float32Array(kernel.data.length);
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    const group = Math.floor(channel / perGroup);
    for (let filter = 0; filter < filtersPerGroup; filter++) {
      for (let position = 0; position < rows * columns; position++) {
        const from = (position * perGroup + (channel % perGroup)) * filters + group * filtersPerGroup + filter;
        result[at++] = kernel.data[from] ?? 0;
      }
    }
  }
  return result;
}

interface FunctionOperator {
  readonly operator: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Constants behind x; infinite ones are left out. */
  readonly operands?: readonly number[];
}

/** Functions that are x times another one; the operators of their own came after the operator set that is written. */
type GatedKind = "swish" | "mish" | "gelu";

/** Operators one after another, some with a second operand: a constant, or x itself. */
type Gate = readonly (readonly [operator: string, operand?: number | "x"])[];

function gateOf(definition: ElementFunction): Gate | null {
  if (definition.kind === "swish") return [["Mul", definition.slope], ["Sigmoid"]];
  if (definition.kind === "mish") return [["Softplus"], ["Tanh"]];
  if (definition.kind !== "gelu") return null;
  // (1 + tanh y) / 2 is the sigmoid of 2 · y, y = √(2/π) · x · (1 + 0.044715 · x²).
  if (definition.approximate) {
    return [
      ["Mul", "x"],
      ["Mul", 0.044715],
      ["Add", 1],
      ["Mul", "x"],
      ["Mul", 2 * Math.sqrt(2 / Math.PI)],
      ["Sigmoid"],
    ];
  }
  return [["Mul", Math.SQRT1_2], ["Erf"], ["Add", 1], ["Mul", 0.5]];
}

function gated(name: string, x: string, gate: Gate, writer: ModelWriter): string {
  const value = gate.reduce((before, [operator, operand], index) => {
    const step = `${name}/gate${index}`;
    const second =
      typeof operand === "number"
        ? [writer.floats(`${step}/constant`, [], Float32Array.of(operand))]
        : operand
          ? [x]
          : [];
    return writer.add(step, { operator, inputs: [before, ...second] });
  }, x);
  return writer.add(name, { operator: "Mul", inputs: [x, value] });
}

const named = (operator: string) => (): FunctionOperator => ({ operator });

const FUNCTIONS: {
  readonly [Kind in Exclude<ElementFunctionKind, GatedKind>]: (
    of: Extract<ElementFunction, { readonly kind: Kind }>,
  ) => FunctionOperator;
} = {
  clip: ({ minimum, maximum }) => ({ operator: "Clip", operands: [minimum, maximum] }),
  leakyRelu: ({ slope }) => ({ operator: "LeakyRelu", attributes: { alpha: { float: slope } } }),
  // ONNX's Sign makes 0 of 0.
  sign: ({ scale }) => ({ operator: "BipolarQuant", domain: QONNX_DOMAINS[0], operands: [scale] }),
  sigmoid: () => ({ operator: "Sigmoid" }),
  tanh: () => ({ operator: "Tanh" }),
  hardSigmoid: ({ slope, offset }) => ({
    operator: "HardSigmoid",
    attributes: { alpha: { float: slope }, beta: { float: offset } },
  }),
  hardSwish: () => ({ operator: "HardSwish" }),
  abs: () => ({ operator: "Abs" }),
  thresholdedRelu: ({ threshold }) => ({ operator: "ThresholdedRelu", attributes: { alpha: { float: threshold } } }),
  shrink: ({ threshold, bias }) => ({
    operator: "Shrink",
    attributes: { lambd: { float: threshold }, bias: { float: bias } },
  }),
  softplus: () => ({ operator: "Softplus" }),
  softsign: () => ({ operator: "Softsign" }),
  // A width other than 1 is Celu's, whose scale it is too.
  elu: ({ scale, width, gain }) =>
    width !== 1
      ? { operator: "Celu", attributes: { alpha: { float: width } } }
      : { operator: "Selu", attributes: { alpha: { float: scale }, gamma: { float: gain } } },
  exp: named("Exp"),
  log: named("Log"),
  erf: named("Erf"),
  sin: named("Sin"),
  cos: named("Cos"),
  tan: named("Tan"),
  asin: named("Asin"),
  acos: named("Acos"),
  atan: named("Atan"),
  sinh: named("Sinh"),
  cosh: named("Cosh"),
  asinh: named("Asinh"),
  acosh: named("Acosh"),
  atanh: named("Atanh"),
  power: ({ exponent }) => ({ operator: "Pow", operands: [exponent] }),
};

function functionOperator(definition: ElementFunction): FunctionOperator {
  return (
    FUNCTIONS[definition.kind as Exclude<ElementFunctionKind, GatedKind>] as (of: ElementFunction) => FunctionOperator
  )(definition);
}
