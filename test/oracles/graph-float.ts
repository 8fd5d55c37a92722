/**
 * What a graph means, in float64 and nested loops: slow and obvious. An independent definition for tests; of the
 * compiler it imports the types only.
 */

import type { Graph, GraphNode, IntegerRequantization } from "../../compiler/graph/graph.ts";
import { quantizeFloat64 } from "../../isa/numerics/quantize.ts";

/** Elements in row-major order. */
export interface FloatValue {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The output of the graph for one input, given in row-major order. */
export function evaluateGraph(graph: Graph, input: ArrayLike<number>): FloatValue {
  return known(evaluateAllValues(graph, input), graph.output);
}

/** Every value of the graph by name, the input included. */
export function evaluateAllValues(graph: Graph, input: ArrayLike<number>): Map<string, FloatValue> {
  const values = new Map<string, FloatValue>();
  values.set(graph.input.name, { shape: graph.input.shape, data: Array.from(input) });
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => known(values, name));
    values.set(node.name, evaluateNode(node, inputs));
  }
  return values;
}

function known(values: Map<string, FloatValue>, name: string): FloatValue {
  const value = values.get(name);
  if (value === undefined) throw new Error(`no value "${name}"`);
  return value;
}

function evaluateNode(node: GraphNode, inputs: readonly FloatValue[]): FloatValue {
  const x = inputs[0] ?? { shape: [], data: [] };
  switch (node.op) {
    case "constant":
      return { shape: node.value.shape, data: Array.from(node.value.data) };
    case "reshape":
      return { shape: node.shape, data: x.data };
    case "quantize":
    case "register": {
      const { fractionLength } = node.register.format;
      const word = (value: number): number => Number(quantizeFloat64(value, node.register).raw) * 2 ** -fractionLength;
      return { shape: x.shape, data: x.data.map(word) };
    }
    case "activation":
      return { shape: x.shape, data: x.data.map((element) => activate(node.activation, element)) };
    case "softmax":
      return softmax(x);
    case "add": {
      const data = x.data.map((_, index) => {
        let sum = 0;
        for (const input of inputs) sum += input.data[index] as number;
        return activate(node.activation, sum);
      });
      return { shape: x.shape, data };
    }
    case "subtract":
    case "multiply": {
      const other = inputs[1] as FloatValue;
      const data = x.data.map((a, index) => {
        const b = other.data[index] as number;
        return activate(node.activation, node.op === "subtract" ? a - b : a * b);
      });
      return { shape: x.shape, data };
    }
    case "function":
      return { shape: x.shape, data: x.data.map((element) => elementFunction(node.function, element)) };
    case "prelu": {
      const slopes = node.slopes.data;
      const data = x.data.map((value, index) => (value < 0 ? value * (slopes[index % slopes.length] ?? 0) : value));
      return { shape: x.shape, data };
    }
    case "lrn":
      return normalizeLocally(node, x);
    case "slice": {
      const picked = x.shape.map((_, axis) => {
        const positions: number[] = [];
        const end = node.stop[axis] as number;
        for (let at = node.start[axis] as number; at < end; at += node.step[axis] as number) positions.push(at);
        return positions;
      });
      return gather(
        x,
        picked.map(({ length }) => length),
        (position) => position.map((at, axis) => picked[axis]?.[at] as number),
      );
    }
    case "transpose": {
      const shape = node.permutation.map((axis) => x.shape[axis] as number);
      return gather(x, shape, (position) => {
        const source: number[] = [];
        for (const [axis, from] of node.permutation.entries()) source[from] = position[axis] as number;
        return source;
      });
    }
    case "resize": {
      const [rows, columns, channels] = x.shape as [number, number, number];
      const [rowFactor, columnFactor] = node.factors;
      return gather(x, [rows * rowFactor, columns * columnFactor, channels], ([r = 0, c = 0, k = 0]) => [
        Math.floor(r / rowFactor),
        Math.floor(c / columnFactor),
        k,
      ]);
    }
    case "convTranspose2d":
      return convolveTransposed(node, x);
    case "requantize": {
      const channels = x.shape[x.shape.length - 1] as number;
      const data = x.data.map((a, index) => {
        const b = inputs[1]?.data[index] ?? 0;
        const second = BigInt(b) * BigInt(node.secondMultipliers?.[index % channels] ?? 0);
        return requantize(node.requantization, a, index % channels, second);
      });
      return { shape: x.shape, data };
    }
    case "concatenate":
      return concatenate(inputs);
    case "batchNormalization": {
      const channels = x.shape[x.shape.length - 1] as number;
      const data = x.data.map((element, index) => {
        const c = index % channels;
        const gamma = node.gamma.data[c] as number;
        const beta = node.beta.data[c] as number;
        const mean = node.mean.data[c] as number;
        const variance = node.variance.data[c] as number;
        return (gamma * (element - mean)) / Math.sqrt(variance + node.epsilon) + beta;
      });
      return { shape: x.shape, data };
    }
    case "dense": {
      const [features, units] = node.kernel.shape as [number, number];
      const ordered = node.inputOrder === "channels-first" ? channelsFirst(x) : x.data;
      const data: number[] = [];
      for (let n = 0; n < units; n++) {
        let sum = node.bias === null ? 0 : (node.bias.data[n] as number);
        for (let k = 0; k < features; k++) sum += (node.kernel.data[k * units + n] as number) * (ordered[k] as number);
        data.push(node.requantization ? requantize(node.requantization, sum, n) : activate(node.activation, sum));
      }
      return { shape: [units], data };
    }
    case "conv2d":
      return convolve(node, x);
    case "pool":
      return pool(node, x);
    case "pad": {
      const [rows, columns, channels] = x.shape as [number, number, number];
      const { top, bottom, left, right } = node.padding;
      const data: number[] = [];
      for (let r = -top; r < rows + bottom; r++) {
        for (let c = -left; c < columns + right; c++) {
          for (let k = 0; k < channels; k++) data.push(pixel(x, r, c, k) ?? 0);
        }
      }
      return { shape: [rows + top + bottom, columns + left + right, channels], data };
    }
  }
}

/** An element of an image; undefined outside. */
function pixel(image: FloatValue, row: number, column: number, channel: number): number | undefined {
  const [rows, columns, channels] = image.shape as [number, number, number];
  if (row < 0 || row >= rows || column < 0 || column >= columns) return undefined;
  return image.data[(row * columns + column) * channels + channel];
}

function convolve(node: Extract<GraphNode, { op: "conv2d" }>, x: FloatValue): FloatValue {
  const [kernelRows, kernelColumns, depth, filters] = node.kernel.shape as [number, number, number, number];
  const [rows, columns] = x.shape as [number, number, number];
  const { top, bottom, left, right } = node.padding;
  const [strideRows, strideColumns] = node.strides;
  const [dilationRows, dilationColumns] = node.dilations;
  const data: number[] = [];
  let outputRows = 0;
  let outputColumns = 0;
  // Every position at which the whole dilated kernel lies within the padded image.
  for (let r = -top; r + (kernelRows - 1) * dilationRows < rows + bottom; r += strideRows) {
    outputRows++;
    outputColumns = 0;
    for (let c = -left; c + (kernelColumns - 1) * dilationColumns < columns + right; c += strideColumns) {
      outputColumns++;
      for (let n = 0; n < filters; n++) {
        const group = Math.floor((n * node.groups) / filters);
        let sum = node.bias === null ? 0 : (node.bias.data[n] as number);
        for (let i = 0; i < kernelRows; i++) {
          for (let j = 0; j < kernelColumns; j++) {
            for (let k = 0; k < depth; k++) {
              const weight = node.kernel.data[((i * kernelColumns + j) * depth + k) * filters + n] as number;
              sum += weight * (pixel(x, r + i * dilationRows, c + j * dilationColumns, group * depth + k) ?? 0);
            }
          }
        }
        data.push(node.requantization ? requantize(node.requantization, sum, n) : activate(node.activation, sum));
      }
    }
  }
  return { shape: [outputRows, outputColumns, filters], data };
}

function pool(node: Extract<GraphNode, { op: "pool" }>, x: FloatValue): FloatValue {
  const [kernelRows, kernelColumns] = node.kernel;
  const [rows, columns, channels] = x.shape as [number, number, number];
  const { top, bottom, left, right } = node.padding;
  const data: number[] = [];
  let outputRows = 0;
  let outputColumns = 0;
  for (let r = -top; r + kernelRows <= rows + bottom; r += node.strides[0]) {
    outputRows++;
    outputColumns = 0;
    for (let c = -left; c + kernelColumns <= columns + right; c += node.strides[1]) {
      outputColumns++;
      for (let k = 0; k < channels; k++) {
        const inside: number[] = [];
        for (let i = 0; i < kernelRows; i++) {
          for (let j = 0; j < kernelColumns; j++) {
            const element = pixel(x, r + i, c + j, k);
            if (element !== undefined) inside.push(element);
          }
        }
        const count = node.countPadding ? kernelRows * kernelColumns : inside.length;
        const sum = inside.reduce((a, b) => a + b, 0);
        if (node.requantization) data.push(requantize(node.requantization, sum, k));
        else data.push(node.kind === "maximum" ? Math.max(...inside) : sum / count);
      }
    }
  }
  return { shape: [outputRows, outputColumns, channels], data };
}

/** Every input pixel scattered onto the full output, of which the padding is cut off. */
function convolveTransposed(node: Extract<GraphNode, { op: "convTranspose2d" }>, x: FloatValue): FloatValue {
  const [kernelRows, kernelColumns, depth, filters] = node.kernel.shape as [number, number, number, number];
  const [rows, columns] = x.shape as [number, number, number];
  const { top, bottom, left, right } = node.padding;
  const [strideRows, strideColumns] = node.strides;
  const [dilationRows, dilationColumns] = node.dilations;
  const fullRows = (rows - 1) * strideRows + (kernelRows - 1) * dilationRows + 1 + node.outputPadding[0];
  const fullColumns = (columns - 1) * strideColumns + (kernelColumns - 1) * dilationColumns + 1 + node.outputPadding[1];
  const full = new Float64Array(fullRows * fullColumns * filters);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      for (let i = 0; i < kernelRows; i++) {
        for (let j = 0; j < kernelColumns; j++) {
          for (let k = 0; k < depth; k++) {
            for (let n = 0; n < filters; n++) {
              const group = Math.floor((n * node.groups) / filters);
              const weight = node.kernel.data[((i * kernelColumns + j) * depth + k) * filters + n] as number;
              const target =
                (r * strideRows + i * dilationRows) * fullColumns + c * strideColumns + j * dilationColumns;
              const before = full[target * filters + n] as number;
              full[target * filters + n] = before + weight * (pixel(x, r, c, group * depth + k) as number);
            }
          }
        }
      }
    }
  }
  const shape = [fullRows - top - bottom, fullColumns - left - right, filters];
  const whole = { shape: [fullRows, fullColumns, filters], data: Array.from(full) };
  return gather(
    whole,
    shape,
    ([r = 0, c = 0, n = 0]) => [r + top, c + left, n],
    (value, [, , n = 0]) =>
      node.requantization
        ? requantize(node.requantization, value, n)
        : activate(node.activation, value + (node.bias === null ? 0 : (node.bias.data[n] as number))),
  );
}

function normalizeLocally({ alpha, beta, bias, size }: Extract<GraphNode, { op: "lrn" }>, x: FloatValue): FloatValue {
  const channels = x.shape[2] as number;
  const data = x.data.map((element, index) => {
    const channel = index % channels;
    let squares = 0;
    for (let other = 0; other < channels; other++) {
      const before = channel - other;
      const near = before >= 0 ? before <= Math.floor((size - 1) / 2) : -before <= Math.ceil((size - 1) / 2);
      if (near) squares += (x.data[index - before] as number) ** 2;
    }
    return element / (bias + (alpha / size) * squares) ** beta;
  });
  return { shape: x.shape, data };
}

function elementFunction(definition: Extract<GraphNode, { op: "function" }>["function"], x: number): number {
  if (definition.kind === "sign") return x >= 0 ? definition.scale : -definition.scale;
  if (definition.kind === "clip") return x < definition.minimum ? definition.minimum : Math.min(x, definition.maximum);
  if (definition.kind === "leakyRelu") return x < 0 ? x * definition.slope : x;
  if (definition.kind === "sigmoid") return (1 + Math.tanh(x / 2)) / 2;
  if (definition.kind === "tanh") return 1 - 2 / (Math.exp(2 * x) + 1);
  if (definition.kind === "exp") return Math.E ** x;
  if (definition.kind === "abs") return x < 0 ? -x : x;
  if (definition.kind === "thresholdedRelu") return x <= definition.threshold ? 0 : x;
  if (definition.kind === "softplus") return x > 30 ? x : Math.log(1 + Math.exp(x));
  if (definition.kind === "elu") {
    const { scale, width, gain } = definition;
    return x >= 0 ? gain * x : gain * scale * (Math.exp(x / width) - 1);
  }
  if (definition.kind === "swish") return x / (1 + Math.exp(-definition.slope * x));
  if (definition.kind === "shrink") {
    const beyond = Math.abs(x) > definition.threshold;
    return beyond ? x - Math.sign(x) * definition.bias : 0;
  }
  if (definition.kind === "softsign") return Math.sign(x) * (1 - 1 / (1 + Math.abs(x)));
  if (definition.kind === "mish") {
    // tanh(ln y) = (y² − 1) / (y² + 1) with y = 1 + e^x.
    const square = (1 + Math.exp(x)) ** 2;
    return x > 30 ? x : (x * (square - 1)) / (square + 1);
  }
  if (definition.kind === "gelu" && definition.approximate) {
    return x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  }
  if (definition.kind === "gelu") return (x * (1 + errorFunction(x / Math.SQRT2))) / 2;
  if (definition.kind === "erf") return errorFunction(x);
  if (definition.kind === "sinh") return (Math.exp(x) - Math.exp(-x)) / 2;
  if (definition.kind === "cosh") return (Math.exp(x) + Math.exp(-x)) / 2;
  if (definition.kind === "tan") return Math.sin(x) / Math.cos(x);
  if (definition.kind === "asinh") return Math.sign(x) * Math.log(Math.abs(x) + Math.sqrt(x * x + 1));
  if (definition.kind === "acosh") return Math.log(x + Math.sqrt(x * x - 1));
  if (definition.kind === "atanh") return Math.log((1 + x) / (1 - x)) / 2;
  if (
    definition.kind === "log" ||
    definition.kind === "sin" ||
    definition.kind === "cos" ||
    definition.kind === "asin" ||
    definition.kind === "acos" ||
    definition.kind === "atan"
  ) {
    return Math[definition.kind](x);
  }
  if (definition.kind === "hardSwish") return x <= -3 ? 0 : x >= 3 ? x : (x * (x + 3)) / 6;
  if (definition.kind === "power") {
    if (Number.isInteger(definition.exponent)) return x ** definition.exponent;
    return x <= 0 ? 0 ** definition.exponent : Math.exp(Math.log(x) * definition.exponent);
  }
  if (definition.kind !== "hardSigmoid") throw new Error(`no oracle for ${definition.kind}`);
  const line = definition.slope * x + definition.offset;
  return line < 0 ? 0 : line > 1 ? 1 : line;
}

/** 2/√π · ∫ e^(−t²) dt by Simpson's rule. */
function errorFunction(x: number): number {
  const steps = 2000;
  const width = x / steps;
  let sum = 1 + Math.exp(-x * x);
  for (let step = 1; step < steps; step++) sum += (step % 2 === 1 ? 4 : 2) * Math.exp(-((step * width) ** 2));
  return (2 / Math.sqrt(Math.PI)) * (width / 3) * sum;
}

/** clip(round((sum · M + B + second) / (divisor · 2^shift))), by cases on the distance from the quotient's floor. */
function requantize(settings: IntegerRequantization, sum: number, filter: number, second = 0n): number {
  const { multipliers, offsets, shift, divisor, rounding, minimum, maximum } = settings;
  const scaled = BigInt(sum) * BigInt(multipliers[filter] as number) + BigInt(offsets?.[filter] ?? 0) + second;
  const denominator = BigInt(divisor) << BigInt(shift);
  const quotient = Number(rounded(scaled, denominator, rounding));
  return Math.min(Math.max(quotient, minimum ?? Number.NEGATIVE_INFINITY), maximum ?? Number.POSITIVE_INFINITY);
}

function rounded(numerator: bigint, denominator: bigint, mode: IntegerRequantization["rounding"]): bigint {
  const floor = (numerator - (((numerator % denominator) + denominator) % denominator)) / denominator;
  const twice = 2n * (numerator - floor * denominator);
  if (twice === 0n) return floor;
  const tie = twice === denominator;
  const nearer = twice > denominator ? floor + 1n : floor;
  const odd = floor % 2n !== 0n;
  switch (mode) {
    case "down":
      return floor;
    case "up":
      return floor + 1n;
    case "zero":
      return floor < 0n ? floor + 1n : floor;
    case "away":
      return floor < 0n ? floor : floor + 1n;
    case "nearest":
      return tie ? (floor < 0n ? floor : floor + 1n) : nearer;
    case "nearest-up":
      return tie ? floor + 1n : nearer;
    case "nearest-down":
      return tie ? floor : nearer;
    case "nearest-zero":
      return tie ? (floor < 0n ? floor + 1n : floor) : nearer;
    case "nearest-even":
      return tie ? (odd ? floor + 1n : floor) : nearer;
    case "nearest-odd":
      return tie ? (odd ? floor : floor + 1n) : nearer;
    case "odd":
      return odd ? floor : floor + 1n;
  }
}

function channelsFirst({ shape, data }: FloatValue): readonly number[] {
  const channels = shape[2] as number;
  return Array.from({ length: channels }, (_, k) => data.filter((_element, index) => index % channels === k)).flat();
}

/** Every position of `shape` with the element of `x` that `from` names. */
function gather(
  x: FloatValue,
  shape: readonly number[],
  from: (position: readonly number[]) => readonly number[],
  finish: (value: number, position: readonly number[]) => number = (value) => value,
): FloatValue {
  const positions = shape.reduce<readonly (readonly number[])[]>(
    (all, size) => all.flatMap((position) => Array.from({ length: size }, (_, at) => [...position, at])),
    [[]],
  );
  const data = positions.map((position) => {
    const source = from(position);
    const offset = x.shape.reduce((sum, size, axis) => sum * size + (source[axis] as number), 0);
    return finish(x.data[offset] as number, position);
  });
  return { shape, data };
}

function concatenate(inputs: readonly FloatValue[]): FloatValue {
  const positions = (value: FloatValue) => value.data.length / (value.shape[value.shape.length - 1] as number);
  const data: number[] = [];
  for (let position = 0; position < positions(inputs[0] as FloatValue); position++) {
    for (const input of inputs) {
      const channels = input.shape[input.shape.length - 1] as number;
      for (let k = 0; k < channels; k++) data.push(input.data[position * channels + k] as number);
    }
  }
  const around = (inputs[0] as FloatValue).shape.slice(0, -1);
  return { shape: [...around, inputs.reduce((sum, { shape }) => sum + (shape[shape.length - 1] as number), 0)], data };
}

function softmax(x: FloatValue): FloatValue {
  const channels = x.shape[x.shape.length - 1] as number;
  const data: number[] = [];
  for (let start = 0; start < x.data.length; start += channels) {
    const logits = x.data.slice(start, start + channels);
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const total = exponentials.reduce((a, b) => a + b, 0);
    data.push(...exponentials.map((exponential) => exponential / total));
  }
  return { shape: x.shape, data };
}

function activate(activation: "none" | "relu" | "relu6", x: number): number {
  if (activation === "none") return x;
  if (activation === "relu") return x > 0 ? x : 0;
  return x < 0 ? 0 : x > 6 ? 6 : x;
}
