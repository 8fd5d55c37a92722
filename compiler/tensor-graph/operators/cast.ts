/** Cast and CastLike. */

import { roundToBfloat16, roundToFloat16 } from "../arithmetic/small-floats.ts";
import { integerAttribute, nodeError, requiredInput } from "../node-access.ts";
import { ONNX_ELEMENT_TYPES, onnxTypeName } from "../onnx-types.ts";
import type { TensorOperator } from "../operator.ts";
import { bigFrom, isBig, isFloat, type TensorOf, zeros } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";

export const CAST_OPERATORS: readonly TensorOperator[] = [
  ...[6, 9, 13, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "Cast",
      since,
      // `saturate` and `round_mode` concern types of 8 bits and fewer that are floats, which are refused anyway.
      attributes: since < 19 ? ["to"] : since < 24 ? ["to", "saturate"] : ["to", "saturate", "round_mode"],
      arity: [1, 1],
      evaluate: (node, inputs) => [cast(requiredInput(inputs, 0, "input"), node)],
    }),
  ),
  ...[15, 19, 21, 23, 24, 25].map(
    (since): TensorOperator => ({
      domain: "",
      name: "CastLike",
      since,
      attributes: since < 19 ? [] : since < 24 ? ["saturate"] : ["saturate", "round_mode"],
      arity: [2, 2],
      evaluate: (_node, inputs) => [
        converted(requiredInput(inputs, 0, "input"), requiredInput(inputs, 1, "target_type").type),
      ],
    }),
  ),
];

function cast(input: AnyTensor, node: TensorNode): AnyTensor {
  const code = integerAttribute(node, "to", 0);
  const type = ONNX_ELEMENT_TYPES.get(code);
  if (type === undefined) {
    throw nodeError("attribute to", `found ${onnxTypeName(code)}, expected another type`, "use a type of 4 to 64 bits");
  }
  if (type.bits === 4) {
    // Wraps, as the wider types do.
    const wide = converted(input, "int64");
    if (!isBig(wide)) return wide;
    const narrow = type.name === "int4" ? BigInt.asIntN : BigInt.asUintN;
    const result = zeros(type.held, input.shape) as TensorOf<"int8" | "uint8">;
    for (let i = 0; i < wide.data.length; i++) result.data[i] = Number(narrow(4, wide.data[i] ?? 0n));
    return result;
  }
  const result = converted(input, type.held);
  if (type.held !== "float32" || type.bits === 32) return result;
  const round = type.name === "float16" ? roundToFloat16 : roundToBfloat16;
  const rounded = zeros("float32", input.shape);
  for (let i = 0; i < rounded.data.length; i++) rounded.data[i] = round(Number(input.data[i]));
  return rounded;
}

/**
 * Floats become integers towards zero, what lies beyond the type's ends becomes its end; integers wrap; anything but 0 is
 * true.
 */
function converted(input: AnyTensor, type: ElementType): AnyTensor {
  if (input.type === type) return input;
  const result: AnyTensor = zeros(type, input.shape);
  const { data: from } = input;
  if (isBig(result)) {
    const to: BigInt64Array | BigUint64Array = result.data;
    const fromFloat = type === "uint64" ? unsignedBigFrom : bigFrom;
    for (let i = 0; i < to.length; i++) {
      const value = from[i] ?? 0;
      to[i] = typeof value === "bigint" ? value : fromFloat(value);
    }
    return result;
  }
  const { data: to } = result;
  if (type === "bool") {
    for (let i = 0; i < to.length; i++) to[i] = Number(from[i]) === 0 ? 0 : 1;
  } else if (isFloat(result)) {
    for (let i = 0; i < to.length; i++) to[i] = Number(from[i]);
  } else if (isBig(input)) {
    for (let i = 0; i < to.length; i++) to[i] = Number(BigInt.asIntN(32, input.data[i] ?? 0n));
  } else if (isFloat(input)) {
    const [least, most] = INTEGER_RANGES[result.type as keyof typeof INTEGER_RANGES];
    for (let i = 0; i < to.length; i++) to[i] = Math.trunc(Math.max(least, Math.min(most, input.data[i] ?? 0)));
  } else {
    for (let i = 0; i < to.length; i++) to[i] = Number(from[i]);
  }
  return result;
}

const INTEGER_RANGES = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
} as const;

function unsignedBigFrom(value: number): bigint {
  if (Number.isNaN(value) || value <= 0) return 0n;
  return value >= 2 ** 64 ? 2n ** 64n - 1n : BigInt(Math.trunc(value));
}
