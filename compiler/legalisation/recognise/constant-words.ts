/** Constants that the model quantized, apart: whole numbers, and the scale of each. */
import { broadcastIndex } from "../../tensor-graph/arithmetic/broadcast.ts";
import { runNode } from "../../tensor-graph/evaluation/evaluate-node.ts";
import { integerAttribute, normalAxis } from "../../tensor-graph/node-access.ts";
import { QONNX_DOMAINS } from "../../tensor-graph/operators/qonnx.ts";
import { findOperator } from "../../tensor-graph/operators/table.ts";
import { scaleIndex } from "../../tensor-graph/quantization-scales.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph, TensorNode } from "../../tensor-graph/tensor-graph.ts";

/** value = integer · scale, element by element. */
export interface ConstantWords {
  readonly shape: readonly number[];
  readonly integers: Float64Array;
  readonly scales: Float64Array;
}

/** Moves elements and leaves them as they are. */
const MOVING: ReadonlySet<string> = new Set(["Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"]);

/** By value name, for constants behind DequantizeLinear, Quant and BipolarQuant, wherever their elements have been moved since. */
export function constantWords(
  graph: TensorGraph,
  constants: ReadonlyMap<string, AnyTensor>,
  where: string,
): ReadonlyMap<string, ConstantWords> {
  const found = new Map<string, ConstantWords>();
  for (const node of graph.nodes) {
    const [output = ""] = node.outputs;
    const value = constants.get(output);
    if (value === undefined) continue;
    const inputs = node.inputs.map((name) => constants.get(name));
    const words =
      node.domain === "" && node.operator === "DequantizeLinear"
        ? dequantized(node, inputs)
        : (QONNX_DOMAINS as readonly string[]).includes(node.domain) && node.operator !== "Trunc"
          ? quantized(value, inputs)
          : node.domain === "" && MOVING.has(node.operator)
            ? moved(node, inputs, found.get(node.inputs[0] ?? ""), where)
            : undefined;
    if (words !== undefined) found.set(output, words);
  }
  return found;
}

function dequantized(
  node: TensorNode,
  [x, scale, zeroPoint]: readonly (AnyTensor | undefined)[],
): ConstantWords | undefined {
  if (x === undefined || scale === undefined) return undefined;
  const block = integerAttribute(node, "block_size", 0);
  const isSingle = scale.data.length === 1 && block === 0;
  const axis = isSingle ? 0 : normalAxis(integerAttribute(node, "axis", 1), x.shape.length);
  const index = scaleIndex(x.shape, scale.shape, axis, block);
  const [values, factors] = [numbersOf(x), numbersOf(scale)];
  const zeros = zeroPoint === undefined ? [0] : numbersOf(zeroPoint);
  const at = (numbers: ArrayLike<number>, element: number): number =>
    numbers[numbers.length === 1 ? 0 : (index?.[element] ?? 0)] ?? 0;
  return {
    shape: x.shape,
    integers: Float64Array.from(values, (value, element) => value - at(zeros, element)),
    scales: Float64Array.from(values, (_value, element) => at(factors, element)),
  };
}

function quantized(value: AnyTensor, [, scale]: readonly (AnyTensor | undefined)[]): ConstantWords | undefined {
  if (scale === undefined) return undefined;
  const index = broadcastIndex(scale.shape, value.shape);
  const [values, factors] = [numbersOf(value), numbersOf(scale)];
  const scales = Float64Array.from(values, (_value, element) =>
    Number(factors[factors.length === 1 ? 0 : index === null ? element : (index[element] ?? 0)]),
  );
  const integers = Float64Array.from(values, (number, element) => Math.round(number / (scales[element] ?? 1)) + 0);
  return { shape: value.shape, integers, scales };
}

function moved(
  node: TensorNode,
  [, ...others]: readonly (AnyTensor | undefined)[],
  words: ConstantWords | undefined,
  where: string,
): ConstantWords | undefined {
  if (words === undefined) return undefined;
  const move = (data: Float64Array): AnyTensor | undefined =>
    runNode(node, findOperator(node, where), [{ type: "float64", shape: words.shape, data }, ...others], where)[0];
  const [integers, scales] = [move(words.integers), move(words.scales)];
  if (integers === undefined || scales === undefined) return undefined;
  return {
    shape: integers.shape,
    integers: Float64Array.from(numbersOf(integers)),
    scales: Float64Array.from(numbersOf(scales)),
  };
}
