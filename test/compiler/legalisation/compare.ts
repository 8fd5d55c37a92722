/** A legalised network against the interpreter of the tensor graph. */
import { expect } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { numbersOf, tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";

/** Elements in row-major order of [1, C, ...] with channels last; other tensors as they are. */
export function channelsLastElements(shape: readonly number[], data: readonly number[]): number[] {
  const [, channels = 1, ...spatial] = shape;
  if (shape.length < 3) return [...data];
  const positions = spatial.reduce((product, size) => product * size, 1);
  return Array.from({ length: channels * positions }, (_, index) => {
    const [position, channel] = [Math.floor(index / channels), index % channels];
    return data[channel * positions + position] as number;
  });
}

/** Row-major elements of `shape` with the axes in another order: axis n of the result is axis `permutation[n]`. */
export function transposedElements(
  shape: readonly number[],
  permutation: readonly number[],
  data: readonly number[],
): number[] {
  const stride = (axis: number): number => shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  let offsets = [0];
  for (const axis of permutation) {
    offsets = offsets.flatMap((offset) =>
      Array.from({ length: shape[axis] ?? 1 }, (_, index) => offset + index * stride(axis)),
    );
  }
  return offsets.map((offset) => data[offset] ?? Number.NaN);
}

/** Elements of one image in the order of the model file as the network stores them. */
export function storedElements({ input: { declared } }: Graph, data: readonly number[]): number[] {
  return declared === undefined ? [...data] : transposedElements(declared.shape, declared.order, data);
}

/** Elements of the tensor graph's one output for elements of its input in its own order. */
export function interpreted(graph: TensorGraph, data: readonly number[]): ArrayLike<number> {
  const [input] = graph.inputs;
  const shape = (input?.shape ?? []) as readonly number[];
  const result = interpret(graph, new Map([[input?.name ?? "", tensorFrom("float32", shape, data)]]));
  const [output] = result.values();
  return output === undefined ? [] : numbersOf(output);
}

/** Fails unless the network yields `expected`, as near as float32 along the way allows. */
export function expectNetwork(
  network: Graph,
  input: readonly number[],
  expected: ArrayLike<number>,
  tolerance = 1e-4,
): void {
  const { data } = evaluateGraph(network, input);
  expect(data.length, printGraph(network)).toBe(expected.length);
  const scale = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-3);
  const worst = data.reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (expected[index] ?? Number.NaN))),
    0,
  );
  if (!(worst <= tolerance * scale)) {
    expect.fail(
      `differs by ${worst} of ${scale}\n${printGraph(network)}\n${data.slice(0, 20).join(" ")}\n${Array.from(expected).slice(0, 20).join(" ")}`,
    );
  }
}
