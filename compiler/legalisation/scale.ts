/** y = scale · x + shift with constants, as batch normalizations: they fold into the layers around them. */
import type { Tensor } from "../graph/graph.ts";
import { elementCount, formatShape } from "../graph/shape.ts";
import { broadcastIndex } from "../tensor-graph/arithmetic/broadcast.ts";
import { numbersOf } from "../tensor-graph/tensor.ts";
import type { AnyTensor } from "../tensor-graph/tensor-graph.ts";
import { view } from "./arrange.ts";
import { addHelper, addNamed, legalisationError, type RuleCall } from "./rule.ts";
import { type NetworkValue, storedSizes } from "./value.ts";

/** A number, or a tensor that broadcasts to the value's shape. */
type Factor = number | AnyTensor;

/** A value with channels innermost, and constants with a number for each of them. */
interface ChannelConstants {
  readonly input: string;
  readonly constants: readonly Tensor[];
}

/**
 * The constants may differ along any axes: what lies innermost in memory from the outermost such axis on is taken as channels.
 */
export function channelConstants(call: RuleCall, value: NetworkValue, factors: readonly Factor[]): ChannelConstants {
  const { shape } = value;
  const varying = new Set(factors.flatMap((factor) => varyingAxes(factor, shape)));
  const own = call.builder.shapeOf(value.name);
  const position = value.order.findIndex((axis) => varying.has(axis));
  const sizes = storedSizes(value);
  const inner = position < 0 ? 1 : elementCount(sizes.slice(position));
  const channels = own.at(-1) ?? 1;
  // The network's own last axis where it serves.
  const fits = channels % inner === 0;
  const length = fits ? channels : inner;
  const total = elementCount(shape);
  const input = view(call, value.name, fits ? own : inner === total ? [total] : [1, total / inner, inner]);
  return { input, constants: factors.map((factor) => spread(factor, value, position, length)) };
}

/** Adds the node, named after the operator or, with a role, as a helper. */
export function scaleAndShift(
  call: RuleCall,
  value: NetworkValue,
  { scale = 1, shift = 0 }: { readonly scale?: Factor; readonly shift?: Factor },
  role?: string,
): NetworkValue {
  const { input, constants } = channelConstants(call, value, [scale, shift]);
  const [gamma, beta] = constants as [Tensor, Tensor];
  const length = gamma.data.length;
  const node = {
    op: "batchNormalization",
    inputs: [input],
    gamma,
    beta,
    mean: filled(length, 0),
    variance: filled(length, 1),
    epsilon: 0,
  } as const;
  const name = role === undefined ? addNamed(call, node) : addHelper(call, role, node);
  return { ...value, name };
}

/** Axes of the value along which a constant has more than one element. */
function varyingAxes(factor: Factor, shape: readonly number[]): readonly number[] {
  if (typeof factor === "number") return [];
  const missing = shape.length - factor.shape.length;
  const fits = factor.shape.every((size, axis) => size === 1 || size === shape[axis + missing]);
  if (missing < 0 || !fits) {
    throw legalisationError(
      "inputs",
      `found a constant ${formatShape(factor.shape)} for a value ${formatShape(shape)}, expected one that repeats to it`,
      "write the operation with values of one shape",
    );
  }
  return factor.shape.flatMap((size, axis) => (size === 1 ? [] : [axis + missing]));
}

/** One number per channel: the constant's elements for the axes from `position` on in memory, repeated to `length`. */
function spread(factor: Factor, value: NetworkValue, position: number, length: number): Tensor {
  if (typeof factor === "number") return filled(length, factor);
  const numbers = numbersOf(factor);
  if (position < 0 || numbers.length === 1) return filled(length, numbers[0] ?? 0);
  const { shape, order } = value;
  const axes = order.slice(position);
  // The constant over the inner axes alone, the others at their first position.
  const inner = shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  const index = broadcastIndex(trimmed(factor.shape, shape.length), inner);
  const strides = shape.map((_, axis) => elementCount(inner.slice(axis + 1)));
  const count = elementCount(inner);
  const data = new Float32Array(length);
  for (let place = 0; place < count; place++) {
    let rest = place;
    let offset = 0;
    for (const axis of axes.toReversed()) {
      const size = shape[axis] ?? 1;
      offset += (rest % size) * (strides[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    data[place] = numbers[index === null ? offset : (index[offset] ?? 0)] ?? 0;
  }
  for (let place = count; place < length; place++) data[place] = data[place % count] ?? 0;
  return { shape: [length], data };
}

function trimmed(shape: readonly number[], rank: number): readonly number[] {
  return [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
}

function filled(length: number, value: number): Tensor {
  return { shape: [length], data: new Float32Array(length).fill(value) };
}
