/** y = scale · x + shift with constants, as batch normalizations: they fold into the layers around them. */
import type { Tensor } from "../../../graph/graph.ts";
import { elementCount, formatShape } from "../../../graph/shape.ts";
import { broadcastIndex } from "../../../tensor-graph/arithmetic/broadcast.ts";
import { numbersOf } from "../../../tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../tensor-graph/tensor-graph.ts";
import { nodeError } from "./node-error.ts";
import { addAs, type NetworkValue, type ValueCall, view } from "./value.ts";

/** A number, or a tensor that repeats to the value's shape. */
export type Factor = number | AnyTensor;

/** A value under a shape whose last axis are channels, and constants with a number for each of them. */
interface ChannelConstants {
  readonly input: string;
  readonly channels: number;
  readonly constants: readonly Tensor[];
}

/** The factors may differ along any axes: what lies behind the outermost such axis is taken as channels. `kept`: constants that the caller keeps. */
export function channelConstants(
  call: ValueCall,
  value: NetworkValue,
  factors: readonly Factor[],
  kept: number,
): ChannelConstants {
  const { shape } = value;
  const tail = shape.slice(Math.min(...factors.map((factor) => outermostAxis(call, factor, shape))));
  const inner = elementCount(tail);
  const total = elementCount(shape);
  const own = call.builder.shapeOf(value.name);
  const last = own.at(-1) ?? 1;
  // The network's own last axis where it holds whole periods of the constants.
  const fits = last % inner === 0;
  const channels = fits ? last : inner;
  call.budget.take(call, [kept, channels]);
  const input = view(call, value.name, fits ? own : inner === total ? [total] : [1, total / inner, inner]);
  return { input, channels, constants: factors.map((factor) => spread(factor, tail, channels)) };
}

/** Adds the node, named after the operator or, with a role, as a helper. */
export function scaleAndShift(
  call: ValueCall,
  value: NetworkValue,
  { scale = 1, shift = 0 }: { readonly scale?: Factor; readonly shift?: Factor },
  role?: string,
): NetworkValue {
  const { input, channels, constants } = channelConstants(call, value, [scale, shift], 4);
  const [gamma, beta] = constants as [Tensor, Tensor];
  const filled = (number: number): Tensor => spread(number, [], channels);
  const node = {
    op: "batchNormalization",
    inputs: [input],
    gamma,
    beta,
    mean: filled(0),
    variance: filled(1),
    epsilon: 0,
  } as const;
  return { name: addAs(call, role, node), shape: value.shape };
}

/** One number per channel, where the factor is that; undefined where it differs along other axes. */
export function perChannel(factor: AnyTensor, channels: number): Tensor | undefined {
  const count = elementCount(factor.shape);
  if (count !== 1 && (count !== channels || factor.shape.at(-1) !== channels)) return undefined;
  return spread(factor, [channels], channels);
}

/** The first axis along which the factor has more than one element; the number of axes where there is none. */
function outermostAxis(call: ValueCall, factor: Factor, shape: readonly number[]): number {
  if (typeof factor === "number") return shape.length;
  const missing = shape.length - factor.shape.length;
  const fits = factor.shape.every((size, axis) => size === 1 || size === shape[axis + missing]);
  if (!fits) {
    throw nodeError(
      call,
      "inputs",
      `found a constant ${formatShape(factor.shape)} for a value ${formatShape(shape)}, expected one that repeats to it`,
      "write the operation with values of one shape",
    );
  }
  const axis = factor.shape.findIndex((size) => size !== 1);
  return axis < 0 ? shape.length : axis + missing;
}

/** The factor's elements for the axes `tail`, over and over to `length`. */
function spread(factor: Factor, tail: readonly number[], length: number): Tensor {
  const data = new Float32Array(length);
  if (typeof factor === "number") return { shape: [length], data: data.fill(factor) };
  const numbers = numbersOf(factor);
  const period = elementCount(tail);
  const index = broadcastIndex(factor.shape.slice(Math.max(factor.shape.length - tail.length, 0)), tail);
  for (let at = 0; at < length; at++) data[at] = numbers[index?.[at % period] ?? at % period] ?? 0;
  return { shape: [length], data };
}
