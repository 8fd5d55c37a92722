/**
 * Layers of integer networks, exact: sums are taken in float32 over parts of the kernel so small that none can reach 2^24,
 * added in float64, and requantized in float64 or, beyond 53 bits, in BigInt. Results beyond 2^24 round to float32 as values do
 * here between all layers.
 */
import type {
  Tensor as Constant,
  Conv2dNode,
  ConvTranspose2dNode,
  DenseNode,
  IntegerRequantization,
  PoolNode,
  RequantizeNode,
} from "../../compiler/graph/graph.ts";
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { roundQuotient } from "../../isa/numerics/rounding.ts";
import type { Tensor, Tensor2D, TensorFlow } from "./backend.ts";
import { convolve, convolveTransposed, spread } from "./convolution.ts";
import type { RuleContext } from "./rule-context.ts";

/** Integers below this are exact in float32, and so are sums that stay below it. */
const FLOAT32_INTEGERS = 2 ** 24;

/** images × rows × columns × channels of integers, padded, to integers. */
export function integerConvolution(
  tf: TensorFlow,
  node: Conv2dNode,
  requantization: IntegerRequantization,
  image: Tensor,
): Tensor {
  const kernel = spread(node.kernel, node.dilations);
  const sums = exactSums(tf, node, kernel, image, (part) =>
    convolve(tf, image, tf.tensor4d(part, sizes(kernel)), node),
  );
  return requantized(tf, sums, requantization);
}

/** images × rows × columns × channels of integers to integers. */
export function integerTransposedConvolution(
  node: ConvTranspose2dNode,
  requantization: IntegerRequantization,
  image: Tensor,
  context: RuleContext,
): Tensor {
  const { tf } = context;
  const { shape } = node.kernel;
  // Each part of the kernel is a constant of its own.
  const made: RuleContext["made"] = (make) => {
    const { shape: sizes, data } = make();
    return tf.tensor(data, [...sizes], "float32");
  };
  const layer = (part: Float32Array): Tensor =>
    convolveTransposed({ ...node, kernel: { shape, data: part } }, image, { ...context, made });
  return requantized(tf, exactSums(tf, node, node.kernel, image, layer), requantization);
}

/** Sums of windows of integers to integers; padding adds nothing. */
export function integerPool(
  tf: TensorFlow,
  node: PoolNode,
  requantization: IntegerRequantization,
  image: Tensor,
): Tensor {
  const values = image.dataSync() as Float32Array;
  largestInteger(values, node.name);
  const [count = 0, rows = 0, columns = 0, channels = 0] = image.shape;
  const [outputRows = 0, outputColumns = 0] = node.shape;
  const sums = new Float64Array(count * outputRows * outputColumns * channels);
  for (let index = 0; index < sums.length; index++) {
    const channel = index % channels;
    const place = Math.floor(index / channels);
    const top = (Math.floor(place / outputColumns) % outputRows) * node.strides[0] - node.padding.top;
    const left = (place % outputColumns) * node.strides[1] - node.padding.left;
    const first = Math.floor(place / (outputColumns * outputRows)) * rows;
    let sum = 0;
    for (let row = Math.max(top, 0); row < Math.min(top + node.kernel[0], rows); row++) {
      for (let column = Math.max(left, 0); column < Math.min(left + node.kernel[1], columns); column++) {
        sum += values[((first + row) * columns + column) * channels + channel] ?? 0;
      }
    }
    sums[index] = sum;
  }
  return requantized(tf, { shape: [count, ...node.shape], values: sums }, requantization);
}

/** One or two values of integers to integers. */
export function requantizeValues(tf: TensorFlow, node: RequantizeNode, inputs: readonly Tensor[]): Tensor {
  const operands = inputs.map((input) => {
    const values = input.dataSync() as Float32Array;
    largestInteger(values, node.name);
    return values;
  });
  const [first = new Float32Array(), second] = operands;
  const { secondMultipliers, requantization } = node;
  const channels = requantization.multipliers.length;
  const addend = (index: number): bigint =>
    second === undefined ? 0n : BigInt(second[index] ?? 0) * BigInt(secondMultipliers?.[index % channels] ?? 0);
  const sums = { shape: [...(inputs[0]?.shape ?? [])], values: Float64Array.from(first) };
  return requantized(tf, sums, requantization, second === undefined ? undefined : addend);
}

/** images × features of integers to integers. */
export function integerDense(
  tf: TensorFlow,
  node: DenseNode,
  requantization: IntegerRequantization,
  features: Tensor,
): Tensor {
  const { kernel } = node;
  const [rows = 0, units = 0] = kernel.shape;
  const product = (part: Float32Array): Tensor =>
    tf.matMul(features as Tensor2D, tf.tensor2d(part, [rows, units]) as Tensor2D);
  return requantized(tf, exactSums(tf, node, kernel, features, product), requantization);
}

interface Sums {
  readonly shape: number[];
  readonly values: Float64Array;
}

/** The layer's sums, filters last: `layer` computes them with a kernel that is zero outside one part of the steps. */
function exactSums(
  tf: TensorFlow,
  { name }: Conv2dNode | ConvTranspose2dNode | DenseNode,
  { shape, data }: Constant,
  input: Tensor,
  layer: (part: Float32Array) => Tensor,
): Sums {
  const largest = largestInteger(input.dataSync() as Float32Array, name);
  const filters = shape.at(-1) ?? 1;
  let sums: Sums | undefined;
  for (const { first, end } of boundedParts(data, filters, FLOAT32_INTEGERS / Math.max(largest, 1))) {
    const part = new Float32Array(data.length);
    part.set(data.subarray(first * filters, end * filters), first * filters);
    const computed = tf.tidy(() => layer(part));
    const values = computed.dataSync() as Float32Array;
    sums ??= { shape: [...computed.shape], values: new Float64Array(values.length) };
    const total = sums.values;
    values.forEach((value, index) => {
      total[index] = (total[index] ?? 0) + value;
    });
    computed.dispose();
  }
  return sums ?? { shape: [], values: new Float64Array(0) };
}

/** Runs of steps in which no filter's magnitudes sum up to `limit` or more; at least one run. */
function boundedParts(kernel: Float32Array, filters: number, limit: number): readonly { first: number; end: number }[] {
  const steps = kernel.length / filters;
  const parts: { first: number; end: number }[] = [];
  const magnitudes = new Float64Array(filters);
  let first = 0;
  for (let step = 0; step < steps; step++) {
    const row = kernel.subarray(step * filters, (step + 1) * filters);
    if (step > first && row.some((weight, filter) => (magnitudes[filter] ?? 0) + Math.abs(weight) >= limit)) {
      parts.push({ first, end: step });
      first = step;
      magnitudes.fill(0);
    }
    row.forEach((weight, filter) => {
      magnitudes[filter] = (magnitudes[filter] ?? 0) + Math.abs(weight);
    });
  }
  return [...parts, { first, end: steps }];
}

function largestInteger(values: Float32Array, layer: string): number {
  let largest = 0;
  for (const value of values) {
    if (!Number.isInteger(value)) {
      throw diagnosticError(
        "INTEGER_INPUT",
        `float reference: layer "${layer}"`,
        `its input holds ${value}, and it computes with integers`,
        "give the network its input as integers: no scaling of pixels to 0 … 1",
      );
    }
    largest = Math.max(largest, Math.abs(value));
  }
  return largest;
}

/** `addend`: what is added to each scaled sum, a second operand's product. */
function requantized(
  tf: TensorFlow,
  { shape, values }: Sums,
  settings: IntegerRequantization,
  addend?: (index: number) => bigint,
): Tensor {
  const { multipliers, offsets, minimum, maximum } = settings;
  const filters = multipliers.length;
  const [lowest, highest] = [minimum ?? Number.NEGATIVE_INFINITY, maximum ?? Number.POSITIVE_INFINITY];
  const result = Float32Array.from(values, (sum, index) => {
    const filter = index % filters;
    const [multiplier, offset] = [multipliers[filter] ?? 0, offsets?.[filter] ?? 0];
    const rounded =
      addend === undefined
        ? requantize(sum, multiplier, offset, settings)
        : quotient(BigInt(sum) * BigInt(multiplier) + BigInt(offset) + addend(index), settings);
    return Math.min(Math.max(rounded, lowest), highest);
  });
  return tf.tensor(result, shape, "float32");
}

/** (sum · multiplier + offset) / (divisor · 2^shift), rounded. */
function requantize(sum: number, multiplier: number, offset: number, settings: IntegerRequantization): number {
  const { shift, divisor, rounding } = settings;
  const exact = Math.abs(sum * multiplier) + Math.abs(offset) <= Number.MAX_SAFE_INTEGER;
  if (exact && rounding === "down" && divisor === 1) return Math.floor((sum * multiplier + offset) / 2 ** shift);
  return quotient(BigInt(sum) * BigInt(multiplier) + BigInt(offset), settings);
}

function quotient(scaled: bigint, { shift, divisor, rounding }: IntegerRequantization): number {
  return Number(roundQuotient(scaled, BigInt(divisor) << BigInt(shift), rounding));
}

function sizes({ shape }: Constant): [number, number, number, number] {
  const [rows = 1, columns = 1, channels = 1, filters = 1] = shape;
  return [rows, columns, channels, filters];
}

/** The same without rounding, in float32: images × … × channels of sums. */
export function unrounded(tf: TensorFlow, sums: Tensor, settings: IntegerRequantization): Tensor {
  const { multipliers, offsets } = settings;
  const scaled = tf.mul(sums, tf.tensor1d(inFloats(multipliers, settings)));
  return cut(tf, offsets === null ? scaled : tf.add(scaled, tf.tensor1d(inFloats(offsets, settings))), settings);
}

/** A requantize node without rounding. */
export function unroundedValues(
  tf: TensorFlow,
  { requantization, secondMultipliers }: RequantizeNode,
  [a, b]: readonly Tensor[],
): Tensor {
  if (a === undefined) throw new InvariantError("a requantize node without input");
  const unbounded = { ...requantization, minimum: null, maximum: null };
  const first = unrounded(tf, a, unbounded);
  if (b === undefined || secondMultipliers === null) return cut(tf, first, requantization);
  return cut(tf, tf.add(first, tf.mul(b, tf.tensor1d(inFloats(secondMultipliers, requantization)))), requantization);
}

function inFloats(integers: Float64Array, { shift, divisor }: IntegerRequantization): Float32Array {
  return Float32Array.from(integers, (integer) => integer / (divisor * 2 ** shift));
}

function cut(tf: TensorFlow, values: Tensor, { minimum, maximum }: IntegerRequantization): Tensor {
  const below = maximum === null ? values : tf.minimum(values, maximum);
  return minimum === null ? below : tf.maximum(below, minimum);
}
