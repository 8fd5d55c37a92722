/**
 * The operators: what each computes, how many inputs it takes, which constants it holds and which shape it yields.
 * This table is the definition; shape inference, verifier and printer read it. y is the output, x the input.
 */
import { functionExpects, functionSettings } from "./element-function.ts";
import type { GraphNode, IntegerRequantization, Operator, Padding, Tensor } from "./graph.ts";
import {
  elementCount,
  expectImage,
  expectPadding,
  expectPair,
  expectShape,
  expectValueShape,
  formatShape,
  isSize,
  type Shape,
  sameShape,
  windowCount,
  windowExtent,
} from "./shape.ts";

export type NodeOf<Op extends Operator> = Extract<GraphNode, { readonly op: Op }>;

export interface NamedTensor {
  /** The field of the node: `kernel`, `bias`, … */
  readonly field: string;
  readonly tensor: Tensor;
}

export interface OperatorDefinition<Node extends GraphNode> {
  /** What it computes, in one line. */
  readonly summary: string;
  /** Fewest and most inputs. */
  readonly inputs: readonly [minimum: number, maximum: number];
  /** The constants the node holds. */
  tensors(node: Node): readonly NamedTensor[];
  /**
   * Shape of the output. `inputs` has as many shapes as the node has inputs. `node.shape` is read by `reshape` only,
   * where it is the target. Throws `ShapeMismatch`.
   */
  outputShape(node: Node, inputs: readonly Shape[]): Shape;
}

const noTensors = (): readonly NamedTensor[] => [];

export const OPERATORS: { readonly [Op in Operator]: OperatorDefinition<NodeOf<Op>> } = {
  conv2d: {
    summary:
      "y[r, c, n] = activation(bias[n] + Σ over i, j, k of kernel[i, j, k, n] · x[r·s + i·d − top, c·s + j·d − left, k of n's group])",
    inputs: [1, 1],
    tensors: kernelAndBias,
    outputShape: convolutionShape,
  },
  dense: {
    summary: "y[n] = activation(bias[n] + Σ over k of kernel[k, n] · x[k]), x numbered in the input order",
    inputs: [1, 1],
    tensors: kernelAndBias,
    outputShape: denseShape,
  },
  convTranspose2d: {
    summary:
      "y = activation(bias + the sum of kernel[i, j, k, n] · x[r, c, k of n's group] at every row r·s + i·d − top and column c·s + j·d − left)",
    inputs: [1, 1],
    tensors: kernelAndBias,
    outputShape: transposedConvolutionShape,
  },
  pool: {
    summary: "maximum or mean of a sliding window, per channel; padding never wins, and counts only if told so",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: poolShape,
  },
  requantize: {
    summary: "integers of one or two inputs, scaled, summed, divided and rounded once: clip(round((Σ x · M + B) / D))",
    inputs: [1, 2],
    tensors: noTensors,
    outputShape: requantizeShape,
  },
  batchNormalization: {
    summary: "y = gamma · (x − mean) / √(variance + epsilon) + beta, per channel",
    inputs: [1, 1],
    tensors: ({ gamma, beta, mean, variance }) => [
      { field: "gamma", tensor: gamma },
      { field: "beta", tensor: beta },
      { field: "mean", tensor: mean },
      { field: "variance", tensor: variance },
    ],
    outputShape: batchNormalizationShape,
  },
  activation: {
    summary: "relu: max(x, 0); relu6: min(max(x, 0), 6)",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (_node, inputs) => single(inputs),
  },
  function: {
    summary: "a function of each element: clip, leakyRelu, sigmoid, tanh, exp, power and their kin",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (node, inputs) => {
      const expected = functionExpects(node.function);
      expectShape(expected === undefined, functionSettings(node.function).join(", "), expected ?? "");
      return single(inputs);
    },
  },
  prelu: {
    summary: "x from 0 up, slope · x below, with a slope per channel",
    inputs: [1, 1],
    tensors: ({ slopes }) => [{ field: "slopes", tensor: slopes }],
    outputShape: ({ slopes }, inputs) => {
      const shape = single(inputs);
      const expected = `one for each of ${shape.at(-1)} channels`;
      expectShape(slopes.data.length === shape.at(-1), `${slopes.data.length} slopes`, expected);
      return shape;
    },
  },
  lrn: {
    summary: "y = x / (bias + alpha / size · Σ x²)^beta, the sum over `size` channels around each",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: normalizationShape,
  },
  softmax: {
    summary: "y = exp(x) / Σ exp(x) along the last axis; on the machine only as the last node",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (_node, inputs) => single(inputs),
  },
  reshape: {
    summary: "the same elements in row-major order under another shape",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: reshapeShape,
  },
  quantize: {
    summary: "every element in the register that the model prescribes",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (_node, inputs) => single(inputs),
  },
  register: {
    summary: "the words of a value that a layer beside it keeps in the register that the model prescribes",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (_node, inputs) => single(inputs),
  },
  add: {
    summary: "y = activation(sum of the inputs), all of one shape",
    inputs: [2, Number.POSITIVE_INFINITY],
    tensors: noTensors,
    outputShape: (_node, inputs) => common(inputs),
  },
  subtract: {
    summary: "y = activation(a − b), both of one shape",
    inputs: [2, 2],
    tensors: noTensors,
    outputShape: (_node, inputs) => common(inputs),
  },
  multiply: {
    summary: "y = activation(a · b), both of one shape",
    inputs: [2, 2],
    tensors: noTensors,
    outputShape: (_node, inputs) => common(inputs),
  },
  concatenate: {
    summary: "the inputs' channels one after the other",
    inputs: [2, Number.POSITIVE_INFINITY],
    tensors: noTensors,
    outputShape: concatenateShape,
  },
  slice: {
    summary: "of each axis the positions start, start + step, … below stop",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: sliceShape,
  },
  transpose: {
    summary: "axis a of the output is axis permutation[a] of the input",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (node, inputs) => {
      const shape = single(inputs);
      const { permutation } = node;
      expectShape(
        permutation.length === shape.length && shape.every((_size, axis) => permutation.includes(axis)),
        `permutation ${formatShape(permutation)} of ${formatShape(shape)}`,
        "every axis once",
      );
      return permutation.map((axis) => shape[axis] ?? 0);
    },
  },
  resize: {
    summary: "y[r, c] = x[⌊r / factor of rows⌋, ⌊c / factor of columns⌋]",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (node, inputs) => {
      const [rows, columns, channels] = expectImage(single(inputs));
      expectPair("factors", node.factors);
      return [rows * node.factors[0], columns * node.factors[1], channels];
    },
  },
  pad: {
    summary: "zero rows and columns around an image",
    inputs: [1, 1],
    tensors: noTensors,
    outputShape: (node, inputs) => {
      expectPadding(node.padding);
      const [rows, columns, channels] = expectImage(single(inputs));
      const { top, bottom, left, right } = node.padding;
      return [rows + top + bottom, columns + left + right, channels];
    },
  },
  constant: {
    summary: "a value known at compile time",
    inputs: [0, 0],
    tensors: (node) => [{ field: "value", tensor: node.value }],
    outputShape: (node) => node.value.shape,
  },
};

/** The definition of a node's operator, typed for that node. */
export function definitionOf<Node extends GraphNode>(node: Node): OperatorDefinition<Node> {
  return OPERATORS[node.op] as unknown as OperatorDefinition<Node>;
}

/** Shape of a node's output; throws `ShapeMismatch`. */
export function outputShape(node: GraphNode, inputs: readonly Shape[]): Shape {
  const definition = definitionOf(node);
  const [minimum, maximum] = definition.inputs;
  const expected = minimum === maximum ? `${minimum}` : `at least ${minimum}`;
  expectShape(inputs.length >= minimum && inputs.length <= maximum, `${inputs.length} inputs`, expected);
  const shape = definition.outputShape(node, inputs);
  expectValueShape(shape);
  return shape;
}

function single(inputs: readonly Shape[]): Shape {
  const [shape] = inputs;
  expectShape(shape !== undefined, "no input", "one");
  return shape;
}

/** The shape that all inputs have. */
function common(inputs: readonly Shape[]): Shape {
  const [first = [], ...others] = inputs;
  for (const other of others) {
    expectShape(sameShape(first, other), `inputs ${inputs.map(formatShape).join(" and ")}`, "inputs of one shape");
  }
  return first;
}

function kernelAndBias(node: NodeOf<"conv2d" | "dense" | "convTranspose2d">): readonly NamedTensor[] {
  const kernel = { field: "kernel", tensor: node.kernel };
  return node.bias === null ? [kernel] : [kernel, { field: "bias", tensor: node.bias }];
}

function convolutionShape(node: NodeOf<"conv2d">, inputs: readonly Shape[]): Shape {
  const [rows, columns, channels] = expectImage(single(inputs));
  const { strides, dilations, padding } = node;
  const [kernelRows, kernelColumns, filters] = kernelSizes(node, channels);
  expectRequantization(node, filters);
  return [...slide(rows, columns, [kernelRows, kernelColumns], strides, dilations, padding), filters];
}

function transposedConvolutionShape(node: NodeOf<"convTranspose2d">, inputs: readonly Shape[]): Shape {
  const [rows, columns, channels] = expectImage(single(inputs));
  const { strides, dilations, padding, outputPadding } = node;
  const [kernelRows, kernelColumns, filters] = kernelSizes(node, channels);
  expectRequantization(node, filters);
  expectPair("strides", strides);
  expectPair("dilations", dilations);
  expectPadding(padding);
  expectShape(
    outputPadding.every((size) => isSize(size, 0)),
    `output padding ${formatShape(outputPadding)}`,
    "two whole numbers from 0 up",
  );
  const side = (input: number, kernel: number, axis: 0 | 1, cut: number): number =>
    (input - 1) * strides[axis] + windowExtent(kernel, dilations[axis]) + outputPadding[axis] - cut;
  const outputRows = side(rows, kernelRows, 0, padding.top + padding.bottom);
  const outputColumns = side(columns, kernelColumns, 1, padding.left + padding.right);
  expectShape(
    outputRows >= 1 && outputColumns >= 1,
    `padding that leaves ${outputRows} × ${outputColumns} of the output`,
    "at least one row and column",
  );
  return [outputRows, outputColumns, filters];
}

/** Rows, columns and filters of a convolution's kernel, which fits its groups, the input's channels and the bias. */
function kernelSizes(
  node: NodeOf<"conv2d"> | NodeOf<"convTranspose2d">,
  channels: number,
): readonly [rows: number, columns: number, filters: number] {
  const { kernel, bias, groups } = node;
  const [kernelRows, kernelColumns, channelsPerGroup, filters, ...rest] = kernel.shape;
  expectShape(
    kernelRows !== undefined &&
      kernelColumns !== undefined &&
      channelsPerGroup !== undefined &&
      filters !== undefined &&
      rest.length === 0 &&
      kernel.shape.every((size) => isSize(size)),
    `kernel ${formatShape(kernel.shape)}`,
    "four positive sizes [rows, columns, input channels per group, filters]",
  );
  expectShape(
    isSize(groups) && channels % groups === 0 && filters % groups === 0,
    `${groups} groups`,
    `a divisor of ${channels} input channels and ${filters} filters`,
  );
  expectShape(
    channelsPerGroup * groups === channels,
    `kernel ${formatShape(kernel.shape)} with ${groups} groups over ${channels} input channels`,
    `${channels / groups} input channels per group`,
  );
  expectVector("bias", bias, filters);
  return [kernelRows, kernelColumns, filters];
}

/** An integer network's layer has no bias and no activation beside its requantisation, and a word's range. */
function expectRequantization(node: NodeOf<"conv2d" | "dense" | "convTranspose2d">, filters: number): void {
  const { requantization } = node;
  if (requantization === null) return;
  expectSettings(requantization, filters);
  expectShape(node.kernel.data.every(Number.isInteger), "a kernel with fractions", "integers under a requantization");
  expectShape(
    node.bias === null && node.activation === "none",
    "a requantization beside a bias or an activation",
    "the bias in its offsets, the activation in its range",
  );
}

function expectSettings(requantization: IntegerRequantization, channels: number): void {
  const { multipliers, offsets, shift, divisor, minimum, maximum } = requantization;
  expectIntegers("multipliers", multipliers, channels);
  if (offsets !== null) expectIntegers("offsets", offsets, channels);
  expectShape(Number.isInteger(shift) && shift >= 0 && shift <= 128, `shift ${shift}`, "a whole number from 0 to 128");
  expectShape(
    Number.isSafeInteger(divisor) && divisor >= 1,
    `divisor ${divisor}`,
    "a whole number from 1 up, of at most 53 bits",
  );
  const ends = [minimum, maximum].filter((end) => end !== null);
  const [first = 0, last = first] = ends;
  expectShape(
    ends.every(Number.isSafeInteger) && first <= last,
    `the range ${minimum ?? "−∞"} … ${maximum ?? "∞"}`,
    "integers, the smaller one first",
  );
}

function expectIntegers(field: string, values: Float64Array, channels: number): void {
  expectShape(values.length === channels, `${values.length} ${field}`, `one for each of ${channels} channels`);
  const isWord = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63;
  expectShape(values.every(isWord), `${field} that are no integers of 64 bits`, "integers");
}

function requantizeShape(node: NodeOf<"requantize">, inputs: readonly Shape[]): Shape {
  const shape = common(inputs);
  const { requantization, secondMultipliers } = node;
  const channels = shape.at(-1) ?? 1;
  expectSettings(requantization, channels);
  expectShape(
    (secondMultipliers !== null) === (inputs.length === 2),
    `${inputs.length} inputs and ${secondMultipliers === null ? "no" : "some"} second multipliers`,
    "second multipliers for a second input",
  );
  if (secondMultipliers !== null) expectIntegers("second multipliers", secondMultipliers, channels);
  return shape;
}

function denseShape(node: NodeOf<"dense">, inputs: readonly Shape[]): Shape {
  const shape = single(inputs);
  const [features, units, ...rest] = node.kernel.shape;
  const channelsFirst = node.inputOrder === "channels-first";
  const expected = channelsFirst ? "an image [rows, columns, channels]" : "a vector [features]";
  expectShape(shape.length === (channelsFirst ? 3 : 1), `input ${formatShape(shape)}`, expected);
  expectShape(
    features === elementCount(shape) && units !== undefined && isSize(units) && rest.length === 0,
    `kernel ${formatShape(node.kernel.shape)}`,
    `[${elementCount(shape)}, units]`,
  );
  expectVector("bias", node.bias, units);
  expectRequantization(node, units);
  return [units];
}

function poolShape(node: NodeOf<"pool">, inputs: readonly Shape[]): Shape {
  const [rows, columns, channels] = expectImage(single(inputs));
  const { top, bottom, left, right } = node.padding;
  const [kernelRows, kernelColumns] = node.kernel;
  const size = slide(rows, columns, node.kernel, node.strides, [1, 1], node.padding);
  // Then every window holds at least one element of the image.
  expectShape(
    Math.max(top, bottom) < kernelRows && Math.max(left, right) < kernelColumns,
    `padding top ${top}, bottom ${bottom}, left ${left}, right ${right}`,
    `less than the window's ${kernelRows} rows and ${kernelColumns} columns`,
  );
  if (node.requantization !== null) {
    expectShape(node.kind === "average", "a requantization of maxima", "one of sums");
    expectSettings(node.requantization, channels);
  }
  return [...size, channels];
}

/** Output rows and columns of a sliding window. */
function slide(
  rows: number,
  columns: number,
  kernel: readonly [number, number],
  strides: readonly [number, number],
  dilations: readonly [number, number],
  padding: Padding,
): readonly [number, number] {
  expectPair("window", kernel);
  expectPair("strides", strides);
  expectPair("dilations", dilations);
  expectPadding(padding);
  const { top, bottom, left, right } = padding;
  const outputRows = windowCount({
    input: rows,
    kernel: kernel[0],
    stride: strides[0],
    dilation: dilations[0],
    before: top,
    after: bottom,
  });
  const outputColumns = windowCount({
    input: columns,
    kernel: kernel[1],
    stride: strides[1],
    dilation: dilations[1],
    before: left,
    after: right,
  });
  expectShape(
    outputRows >= 1 && outputColumns >= 1,
    `an image of ${rows} × ${columns} with padding top ${top}, bottom ${bottom}, left ${left}, right ${right}`,
    `at least one window of ${kernel[0]} × ${kernel[1]} with dilations ${dilations[0]} × ${dilations[1]}`,
  );
  return [outputRows, outputColumns];
}

function batchNormalizationShape(node: NodeOf<"batchNormalization">, inputs: readonly Shape[]): Shape {
  const shape = single(inputs);
  const channels = shape.at(-1) ?? 0;
  expectVector("gamma", node.gamma, channels);
  expectVector("beta", node.beta, channels);
  expectVector("mean", node.mean, channels);
  expectVector("variance", node.variance, channels);
  return shape;
}

function normalizationShape(node: NodeOf<"lrn">, inputs: readonly Shape[]): Shape {
  const { alpha, beta, bias, size } = node;
  expectShape(isSize(size), `size ${size}`, "a positive integer");
  expectShape(
    [alpha, beta].every((value) => Number.isFinite(value)) && alpha >= 0 && bias > 0 && Number.isFinite(bias),
    `alpha ${alpha}, beta ${beta}, bias ${bias}`,
    "finite numbers, alpha from 0 up and a bias above 0",
  );
  const shape = single(inputs);
  expectImage(shape);
  return shape;
}

function sliceShape(node: NodeOf<"slice">, inputs: readonly Shape[]): Shape {
  const shape = single(inputs);
  const { start, stop, step } = node;
  expectShape(
    [start, stop, step].every((values) => values.length === shape.length),
    `start ${formatShape(start)}, stop ${formatShape(stop)}, step ${formatShape(step)}`,
    `one number per axis of ${formatShape(shape)}`,
  );
  return shape.map((size, axis) => {
    const [first = -1, end = -1, stride = -1] = [start[axis], stop[axis], step[axis]];
    expectShape(
      isSize(first, 0) && isSize(end) && isSize(stride) && first < end && end <= size,
      `positions ${first} … ${end} by ${stride} of axis ${axis}`,
      `0 ≤ start < stop ≤ ${size} and a step from 1 up`,
    );
    return Math.ceil((end - first) / stride);
  });
}

function expectVector(field: string, tensor: Tensor | null, length: number): void {
  if (tensor === null) return;
  expectShape(sameShape(tensor.shape, [length]), `${field} ${formatShape(tensor.shape)}`, `[${length}]`);
}

function reshapeShape(node: NodeOf<"reshape">, inputs: readonly Shape[]): Shape {
  const shape = single(inputs);
  expectValueShape(node.shape);
  expectShape(
    elementCount(shape) === elementCount(node.shape),
    `${formatShape(shape)} reshaped to ${formatShape(node.shape)}`,
    `${elementCount(shape)} elements`,
  );
  return node.shape;
}

function concatenateShape(_node: NodeOf<"concatenate">, inputs: readonly Shape[]): Shape {
  const [first = [], ...others] = inputs;
  const around = first.slice(0, -1);
  let channels = first.at(-1) ?? 0;
  for (const other of others) {
    expectShape(
      sameShape(around, other.slice(0, -1)),
      `inputs ${inputs.map(formatShape).join(" and ")}`,
      "inputs that differ in the last axis only",
    );
    channels += other.at(-1) ?? 0;
  }
  return [...around, channels];
}
