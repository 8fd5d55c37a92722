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

/**
 * Adds the node, named after the operator or, with a role, as a helper. The constants may differ along any axes: what lies
 * behind the outermost such axis is taken as channels.
 */
export function scaleAndShift(
  call: ValueCall,
  value: NetworkValue,
  { scale = 1, shift = 0 }: { readonly scale?: Factor; readonly shift?: Factor },
  role?: string,
): NetworkValue {
  const { shape } = value;
  const position = Math.min(outermostAxis(call, scale, shape), outermostAxis(call, shift, shape));
  const tail = shape.slice(position);
  const inner = elementCount(tail);
  const total = elementCount(shape);
  const own = call.builder.shapeOf(value.name);
  const channels = own.at(-1) ?? 1;
  // The network's own last axis where it holds whole periods of the constants.
  const fits = channels % inner === 0;
  const length = fits ? channels : inner;
  call.budget.take(call, [4, length]);
  const node = {
    op: "batchNormalization",
    inputs: [view(call, value.name, fits ? own : inner === total ? [total] : [1, total / inner, inner])],
    gamma: spread(scale, tail, length),
    beta: spread(shift, tail, length),
    mean: spread(0, tail, length),
    variance: spread(1, tail, length),
    epsilon: 0,
  } as const;
  return { name: addAs(call, role, node), shape };
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
