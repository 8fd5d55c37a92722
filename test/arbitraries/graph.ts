/**
 * Random small graphs with ugly shapes: rows ≠ columns, strides, dilations, uneven padding, groups, depthwise,
 * branches. A graph is drawn as a list of steps, so that fast-check shrinks it by leaving steps out.
 */
import fc from "fast-check";
import { GraphBuilder, type NewNode } from "../../compiler/graph/builder.ts";
import type { ElementFunction } from "../../compiler/graph/element-function.ts";
import type { Activation, Graph, Padding, Tensor } from "../../compiler/graph/graph.ts";
import { requireStage, type Stage } from "../../compiler/graph/stages.ts";

export interface GraphOptions {
  /** `imported` also draws batch normalization and constants; default `imported`. */
  readonly stage?: Stage;
  /** Most steps; default 8. A step adds one or two nodes. */
  readonly maximumSteps?: number;
  /** Most elements a step's value may grow to; default 600. */
  readonly maximumElements?: number;
  /** Most rows or columns of the input; default 9. */
  readonly maximumSide?: number;
}

export interface GraphWithInput {
  readonly graph: Graph;
  /** Within −1 … 1, row-major. */
  readonly input: Float32Array;
}

const STEP_KINDS = [
  "convolution",
  "depthwise",
  "dense",
  "maximumPool",
  "averagePool",
  "activation",
  "add",
  "concatenate",
  "pad",
  "reshape",
  "subtract",
  "multiply",
  "function",
  "prelu",
  "slice",
  "transpose",
  "resize",
  "transposedConvolution",
  "denseOfImage",
  "lrn",
  "batchNormalization",
  "addConstant",
] as const;

type StepKind = (typeof STEP_KINDS)[number];

const IMPORTED_ONLY: readonly StepKind[] = ["batchNormalization", "addConstant", "lrn"];

const FUNCTIONS: readonly ElementFunction[] = [
  { kind: "clip", minimum: -0.5, maximum: 0.75 },
  { kind: "clip", minimum: 0, maximum: 6 },
  { kind: "clip", minimum: Number.NEGATIVE_INFINITY, maximum: 0.5 },
  { kind: "leakyRelu", slope: 0.125 },
  { kind: "leakyRelu", slope: -0.3 },
  { kind: "sigmoid" },
  { kind: "tanh" },
  { kind: "hardSigmoid", slope: 0.2, offset: 0.5 },
  { kind: "hardSwish" },
  { kind: "power", exponent: 2 },
  { kind: "abs" },
  { kind: "thresholdedRelu", threshold: 0.3 },
  { kind: "softplus" },
  { kind: "elu", scale: 1.6732632423543772, width: 1, gain: 1.0507009873554805 },
  { kind: "swish", slope: 1.5 },
  { kind: "atan" },
];

/** Small numbers that `addStep` turns into settings that fit the value at hand. */
interface Step {
  readonly kind: StepKind;
  /** Which value to read, counted back from the newest. */
  readonly back: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
  readonly size: number;
  readonly groups: number;
  readonly flag: boolean;
  readonly activation: Activation;
  readonly seed: number;
}

const IMAGE_ORDERS: readonly (readonly number[])[] = [
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
  [0, 1, 2],
];

/** Graphs that pass `requireStage` at the given stage, with an input. The output is the last step's value. */
export function graphWithInput(options: GraphOptions = {}): fc.Arbitrary<GraphWithInput> {
  const { stage = "imported", maximumSteps = 8, maximumElements = 600, maximumSide = 9 } = options;
  const kinds = STEP_KINDS.filter((kind) => stage === "imported" || !IMPORTED_ONLY.includes(kind));
  const small = (most: number) => fc.integer({ min: 1, max: most });
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(...kinds),
    back: fc.nat(3).map((back) => (back === 3 ? 2 : 0)),
    kernel: fc.tuple(small(4), small(3)),
    strides: fc.tuple(small(3), small(2)),
    dilations: fc.tuple(small(2), small(3)),
    padding: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(fc.nat(2), fc.nat(3), fc.nat(1), fc.nat(2)) },
      { weight: 2, arbitrary: fc.constant<[number, number, number, number]>([0, 0, 0, 0]) },
    ),
    size: small(5),
    groups: small(4),
    flag: fc.boolean(),
    activation: fc.constantFrom<Activation[]>("none", "relu", "relu6"),
    seed: fc.nat(0xffff),
  });
  const inputShape = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(small(maximumSide), small(maximumSide), small(4)) },
    { weight: 1, arbitrary: fc.tuple(small(12)) },
  );
  return fc
    .record({
      shape: inputShape,
      steps: fc.array(step, { minLength: 1, maxLength: maximumSteps }),
      softmax: fc.boolean(),
      seed: fc.nat(0xffff),
    })
    .map(({ shape, steps, softmax, seed }) => {
      const builder = new GraphBuilder("random", { name: "input", shape }, "random graph");
      const values = ["input"];
      steps.forEach((each, index) => {
        const value = addStep(builder, values, each, `${each.kind}${index + 1}`, maximumElements);
        if (value !== undefined) values.push(value);
      });
      // A graph needs a node; a reshape to the same shape always fits.
      if (values.length === 1) values.push(builder.add({ op: "reshape", name: "same", inputs: ["input"], shape }));
      let output = values.at(-1) ?? "same";
      if (softmax) output = builder.add({ op: "softmax", name: "softmax", inputs: [output] });
      const graph = withoutUnused(builder.finish(output));
      const size = shape.reduce((a, b) => a * b, 1);
      return { graph: requireStage(graph, stage, "random graph"), input: randomFloats(size, seed, -1, 1) };
    });
}

/** Uniform float32 numbers in [low, high), the same for the same seed. */
export function randomFloats(count: number, seed: number, low: number, high: number): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return new Float32Array(count).map(() => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return low + ((high - low) * state) / 2 ** 32;
  });
}

/** Adds the nodes of a step and returns its value; undefined where the step does not fit. */
function addStep(
  builder: GraphBuilder,
  values: readonly string[],
  step: Step,
  name: string,
  maximumElements: number,
): string | undefined {
  const input = values[Math.max(0, values.length - 1 - step.back)] ?? "input";
  const shape = builder.shapeOf(input);
  const [rows = 1, columns = 1] = shape;
  const channels = shape.at(-1) ?? 1;
  const isImage = shape.length === 3;
  const elements = shape.reduce((a, b) => a * b, 1);
  const add = (node: NewNode) => builder.add(node);
  const vector = (length: number, ordinal: number, low: number, high: number): Tensor => ({
    shape: [length],
    data: randomFloats(length, step.seed + ordinal, low, high),
  });
  const kernelTensor = (kernelShape: readonly number[], terms: number): Tensor => ({
    shape: kernelShape,
    data: randomFloats(
      kernelShape.reduce((a, b) => a * b, 1),
      step.seed,
      -2 / Math.sqrt(terms),
      2 / Math.sqrt(terms),
    ),
  });
  const window = fitWindow(step, rows, columns);
  const { top, bottom, left, right } = window.padding;
  const paddedPixels = (rows + top + bottom) * (columns + left + right);
  const bias = (filters: number) => (step.flag ? vector(filters, 1, -1, 1) : null);

  const steps: Readonly<Record<StepKind, () => string | undefined>> = {
    convolution: () => {
      if (!isImage) return undefined;
      const groups = channels % step.groups === 0 ? step.groups : 1;
      const filters = groups * Math.max(1, Math.ceil(step.size / groups));
      const kernelShape = [...window.kernel, channels / groups, filters];
      const terms = window.kernel[0] * window.kernel[1] * (channels / groups);
      if (paddedPixels * filters > maximumElements) return undefined;
      const kernel = kernelTensor(kernelShape, terms);
      const { activation } = step;
      return add({ op: "conv2d", name, inputs: [input], ...window, kernel, bias: bias(filters), groups, activation });
    },
    depthwise: () => {
      if (!isImage) return undefined;
      const filters = channels * (step.flag ? 1 : 2);
      if (paddedPixels * filters > maximumElements) return undefined;
      const kernel = kernelTensor([...window.kernel, 1, filters], window.kernel[0] * window.kernel[1]);
      const { activation } = step;
      const groups = channels;
      return add({ op: "conv2d", name, inputs: [input], ...window, kernel, bias: bias(filters), groups, activation });
    },
    dense: () => {
      if (isImage) return undefined;
      const kernel = kernelTensor([channels, step.size], channels);
      return add({ op: "dense", name, inputs: [input], kernel, bias: bias(step.size), activation: step.activation });
    },
    maximumPool: () => addPool("maximum"),
    averagePool: () => addPool("average"),
    activation: () => {
      const activation = step.activation === "relu6" ? "relu6" : "relu";
      return add({ op: "activation", name, inputs: [input], activation });
    },
    add: () => add({ op: "add", name, inputs: [input, sameShaped()], activation: step.activation }),
    subtract: () => add({ op: "subtract", name, inputs: [input, sameShaped()], activation: step.activation }),
    multiply: () => add({ op: "multiply", name, inputs: [input, sameShaped()], activation: step.activation }),
    function: () => {
      const chosen = FUNCTIONS[(step.seed + step.size) % FUNCTIONS.length] ?? { kind: "tanh" };
      return add({ op: "function", name, inputs: [input], function: chosen });
    },
    prelu: () => {
      const data = randomFloats(channels, step.seed, -1, 2);
      return add({ op: "prelu", name, inputs: [input], slopes: { shape: [channels], data } });
    },
    slice: () => {
      const start = shape.map((size, axis) => (step.padding[axis] ?? 0) % size);
      const stop = shape.map((size, axis) => Math.max((start[axis] ?? 0) + 1, size - (step.kernel[axis % 2] ?? 1) + 1));
      const steps = shape.map((_, axis) => [...step.strides, step.groups][axis] ?? 1);
      return add({ op: "slice", name, inputs: [input], start, stop, step: step.flag ? steps : shape.map(() => 1) });
    },
    transpose: () => {
      const orders = isImage ? IMAGE_ORDERS : [[0]];
      return add({ op: "transpose", name, inputs: [input], permutation: orders[step.seed % orders.length] ?? [0] });
    },
    resize: () => {
      const [rowFactor, columnFactor] = step.strides;
      if (!isImage || elements * rowFactor * columnFactor > maximumElements) return undefined;
      return add({ op: "resize", name, inputs: [input], factors: step.strides });
    },
    transposedConvolution: () => {
      if (!isImage) return undefined;
      const groups = channels % step.groups === 0 ? step.groups : 1;
      const filters = groups * Math.max(1, Math.ceil(step.size / groups));
      const { strides, dilations, kernel: size } = step;
      const side = (axis: 0 | 1, length: number) =>
        (length - 1) * strides[axis] + (size[axis] - 1) * dilations[axis] + 1;
      const outputPadding: readonly [number, number] = step.flag ? [strides[0] - 1, strides[1] - 1] : [0, 0];
      const [outputRows, outputColumns] = [side(0, rows), side(1, columns)];
      if ((outputRows + 2) * (outputColumns + 1) * filters > maximumElements) return undefined;
      const [up, down, before, behind] = step.padding;
      const sides = {
        top: Math.min(up, Math.floor((outputRows - 1) / 2)),
        bottom: Math.min(down, Math.floor((outputRows - 1) / 2)),
        left: Math.min(before, Math.floor((outputColumns - 1) / 2)),
        right: Math.min(behind, Math.floor((outputColumns - 1) / 2)),
      };
      const kernel = kernelTensor([...size, channels / groups, filters], (size[0] * size[1] * channels) / groups);
      const { activation } = step;
      const window = { strides, dilations, padding: sides, outputPadding };
      return add({
        op: "convTranspose2d",
        name,
        inputs: [input],
        ...window,
        kernel,
        bias: bias(filters),
        groups,
        activation,
      });
    },
    denseOfImage: () => {
      if (!isImage) return undefined;
      const kernel = kernelTensor([elements, step.size], elements);
      const inputOrder = "channels-first";
      const { activation } = step;
      return add({ op: "dense", name, inputs: [input], kernel, bias: bias(step.size), inputOrder, activation });
    },
    lrn: () => {
      if (!isImage) return undefined;
      const { size } = step;
      return add({ op: "lrn", name, inputs: [input], alpha: 0.5, beta: 0.75, bias: step.flag ? 1 : 2, size });
    },
    concatenate: () => {
      const around = `${shape.slice(0, -1)}`;
      const others = values.filter(
        (value) =>
          builder.shapeOf(value).length === shape.length && `${builder.shapeOf(value).slice(0, -1)}` === around,
      );
      const other = others[step.groups % others.length] ?? input;
      const width = builder.shapeOf(other).at(-1) ?? 0;
      if (elements + (elements / channels) * width > maximumElements) return undefined;
      return add({ op: "concatenate", name, inputs: step.flag ? [input, other] : [other, input] });
    },
    pad: () => {
      if (!isImage) return undefined;
      if (paddedPixels * channels > maximumElements) return undefined;
      return add({ op: "pad", name, inputs: [input], padding: window.padding });
    },
    reshape: () => {
      const target = isImage ? [elements] : [1, step.size, 1].map((side) => (elements % side === 0 ? side : 1));
      const rest = elements / target.reduce((a, b) => a * b, 1);
      return add({ op: "reshape", name, inputs: [input], shape: isImage ? target : [rest, target[1] ?? 1, 1] });
    },
    batchNormalization: () =>
      add({
        op: "batchNormalization",
        name,
        inputs: [input],
        gamma: vector(channels, 2, -2, 2),
        beta: vector(channels, 3, -1, 1),
        mean: vector(channels, 4, -1, 1),
        variance: vector(channels, 5, 0.1, 2),
        epsilon: 1e-3,
      }),
    addConstant: () => {
      const constant = addConstantValue(builder, step, name, shape);
      return add({ op: "add", name, inputs: [constant, input], activation: step.activation });
    },
  };
  return steps[step.kind]();

  /** A value of the input's shape: another one where there is any. */
  function sameShaped(): string {
    const others = values.filter((value) => `${builder.shapeOf(value)}` === `${shape}`);
    return others[step.groups % others.length] ?? input;
  }

  function addPool(kind: "maximum" | "average"): string | undefined {
    if (!isImage) return undefined;
    const { kernel, strides, padding } = fitWindow({ ...step, dilations: [1, 1] }, rows, columns);
    const inside: Padding = {
      top: Math.min(padding.top, kernel[0] - 1),
      bottom: Math.min(padding.bottom, kernel[0] - 1),
      left: Math.min(padding.left, kernel[1] - 1),
      right: Math.min(padding.right, kernel[1] - 1),
    };
    const fits = rows + inside.top + inside.bottom >= kernel[0] && columns + inside.left + inside.right >= kernel[1];
    const countPadding = kind === "average" && step.flag;
    if (!fits) return undefined;
    return add({ op: "pool", name, inputs: [input], kind, kernel, strides, padding: inside, countPadding });
  }
}

/** A value of the given shape that can be computed from constants alone, in one of six ways. */
function addConstantValue(builder: GraphBuilder, step: Step, name: string, shape: readonly number[]): string {
  const channels = shape.at(-1) ?? 1;
  const [rows = 1] = shape;
  const constant = (suffix: string, part: readonly number[]) => {
    const count = part.reduce((a, b) => a * b, 1);
    // Half of them the same at every pixel, as a bias is.
    const period = step.flag ? (part.at(-1) ?? 1) : count;
    const numbers = randomFloats(period, step.seed + suffix.length, -1, 1);
    const data = new Float32Array(count).map((_, index) => numbers[index % period] ?? 0);
    return builder.add({ op: "constant", name: `${name}/${suffix}`, inputs: [], value: { shape: part, data } });
  };
  const width = Math.floor(channels / 2);
  if (step.size === 1 && width > 0) {
    const around = shape.slice(0, -1);
    const inputs = [constant("a", [...around, width]), constant("bc", [...around, channels - width])];
    return builder.add({ op: "concatenate", name: `${name}/joined`, inputs });
  }
  if (step.size === 2 && shape.length === 3 && rows > 1) {
    const inputs = [constant("a", [rows - 1, ...shape.slice(1)])];
    const padding =
      step.groups > 2 ? { top: 1, bottom: 0, left: 0, right: 0 } : { top: 0, bottom: 1, left: 0, right: 0 };
    return builder.add({ op: "pad", name: `${name}/padded`, inputs, padding });
  }
  if (step.size === 3) {
    const count = shape.reduce((a, b) => a * b, 1);
    return builder.add({ op: "reshape", name: `${name}/shaped`, inputs: [constant("a", [count])], shape });
  }
  if (step.size === 4) {
    const statistic = (ordinal: number, low: number, high: number): Tensor => ({
      shape: [channels],
      data: randomFloats(channels, step.seed + ordinal, low, high),
    });
    return builder.add({
      op: "batchNormalization",
      name: `${name}/normalized`,
      inputs: [constant("a", shape)],
      gamma: statistic(1, -1, 1),
      beta: statistic(2, -1, 1),
      mean: statistic(3, -1, 1),
      variance: statistic(4, 0.1, 2),
      epsilon: 0.01,
    });
  }
  if (step.activation === "none") return constant("a", shape);
  const inputs = [constant("a", shape)];
  return builder.add({ op: "activation", name: `${name}/clipped`, inputs, activation: step.activation });
}

/** The step's window, made small enough to fit the padded image once. */
function fitWindow(step: Pick<Step, "kernel" | "strides" | "dilations" | "padding">, rows: number, columns: number) {
  const padding = sides(step.padding);
  const largest = (kernel: number, dilation: number, length: number) =>
    Math.min(kernel, Math.floor((length - 1) / dilation) + 1);
  const kernel: readonly [number, number] = [
    largest(step.kernel[0], step.dilations[0], rows + padding.top + padding.bottom),
    largest(step.kernel[1], step.dilations[1], columns + padding.left + padding.right),
  ];
  return { kernel, strides: step.strides, dilations: step.dilations, padding };
}

function sides([top, bottom, left, right]: readonly [number, number, number, number]): Padding {
  return { top, bottom, left, right };
}

function withoutUnused(graph: Graph): Graph {
  const used = new Set([graph.output]);
  for (const node of graph.nodes.toReversed()) {
    if (used.has(node.name)) for (const input of node.inputs) used.add(input);
  }
  return { ...graph, nodes: graph.nodes.filter(({ name }) => used.has(name)) };
}
