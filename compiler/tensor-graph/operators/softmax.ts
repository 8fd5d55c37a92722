/** Softmax and LogSoftmax. */
import { elementCount } from "../../graph/shape.ts";
import { integerAttribute, normalAxis, typedInput } from "../node-access.ts";
import type { TensorOperator } from "../operator.ts";
import { FLOAT_TYPES } from "../tensor.ts";
import { float64Of, roundedTensor, since } from "./operands.ts";

/**
 * Over `count` elements `stride` apart for every line; `outer` × `stride` lines. The maximum is taken off first, which changes
 * nothing but the range of exp.
 */
function softmaxLines(x: Float64Array, count: number, stride: number, logarithm: boolean): void {
  for (let block = 0; block < x.length; block += count * stride) {
    for (let line = block; line < block + stride; line++) {
      const end = line + count * stride;
      let maximum = Number.NEGATIVE_INFINITY;
      for (let index = line; index < end; index += stride) maximum = Math.max(maximum, x[index] as number);
      let sum = 0;
      for (let index = line; index < end; index += stride) sum += Math.exp((x[index] as number) - maximum);
      const shift = maximum + Math.log(sum);
      for (let index = line; index < end; index += stride) {
        const value = x[index] as number;
        x[index] = logarithm ? value - shift : Math.exp(value - maximum) / sum;
      }
    }
  }
}

/** `flatten`: as before opset 13, all axes from `axis` on are one. */
function softmax(name: string, opsets: readonly number[], flatten: boolean): readonly TensorOperator[] {
  return since(opsets, {
    domain: "",
    name,
    attributes: ["axis"],
    arity: [1, 1],
    evaluate(node, inputs) {
      const x = typedInput(inputs, 0, "input", FLOAT_TYPES);
      const rank = x.shape.length;
      const stated = integerAttribute(node, "axis", flatten ? 1 : -1);
      // Axis = rank is the matrix of one column.
      const axis = flatten && stated === rank ? rank : normalAxis(stated, rank);
      const data = float64Of(x);
      const count = flatten ? elementCount(x.shape.slice(axis)) : (x.shape[axis] ?? 1);
      const stride = flatten ? 1 : elementCount(x.shape.slice(axis + 1));
      if (data.length > 0) softmaxLines(data, count, stride, name === "LogSoftmax");
      return [roundedTensor(x.type, x.shape, data)];
    },
  });
}

export const SOFTMAX_OPERATORS: readonly TensorOperator[] = [
  ...softmax("Softmax", [1, 11], true),
  ...softmax("Softmax", [13], false),
  ...softmax("LogSoftmax", [1, 11], true),
  ...softmax("LogSoftmax", [13], false),
];
