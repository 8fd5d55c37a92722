/** QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. */
import { sameShape } from "../../graph/shape.ts";
import { roundHalfEven } from "../arithmetic/round-number.ts";
import { flagAttribute, integerAttribute, nodeError, normalAxis, requireType, typedInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { scaleIndex } from "../quantization-scales.ts";
import { FLOAT_TYPES } from "../tensor.ts";
import type { AnyTensor, TensorNode } from "../tensor-graph.ts";
import { float64Of, roundedTensor, since, withOnes } from "./operands.ts";

/** Integer types that hold quantized elements. */
export type QuantizedType = "int8" | "uint8" | "int16" | "uint16";

const RANGES: Readonly<Record<QuantizedType, readonly [least: number, greatest: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

const WORD_TYPES: readonly QuantizedType[] = ["int8", "uint8", "int16", "uint16"];

/** ONNX's numbers of element types, for `output_dtype`. */
const TYPE_NUMBERS: Readonly<Record<number, QuantizedType>> = { 2: "uint8", 3: "int8", 4: "uint16", 5: "int16" };

/** The nearest element of `type` to round(value) + zero point. */
export function quantizeNumber(value: number, zeroPoint: number, type: QuantizedType): number {
  const [least, greatest] = RANGES[type];
  return Math.min(Math.max(roundHalfEven(value) + zeroPoint, least), greatest);
}

interface Scaling {
  readonly scale: Float64Array;
  readonly zeroPoint: Float64Array | null;
  readonly index: Int32Array | null;
}

function scalingOf(
  node: TensorNode,
  x: AnyTensor,
  scale: AnyTensor,
  zeroPoint: AnyTensor | undefined,
  perAxis: boolean,
): Scaling {
  const block = integerAttribute(node, "block_size", 0);
  if (block < 0)
    throw nodeError("attribute block_size", `found ${block}, expected 0 or more`, "export the model again");
  // onnxruntime's quantizer writes a scale [1] beside a zero point [].
  const single = scale.data.length === 1 && block === 0;
  const alike = zeroPoint === undefined || sameShape(zeroPoint.shape, scale.shape);
  if (zeroPoint !== undefined && !alike && !(single && zeroPoint.data.length === 1)) {
    throw nodeError(
      "input zero_point",
      `found shape [${zeroPoint.shape.join(", ")}]`,
      `the scale has [${scale.shape.join(", ")}]`,
    );
  }
  if (!single && !perAxis) {
    throw nodeError(
      "the scale",
      `found ${scale.data.length} elements, expected one before opset 13`,
      "convert the model",
    );
  }
  const axis = single ? 0 : normalAxis(integerAttribute(node, "axis", 1), x.shape.length);
  return {
    scale: requireScale(float64Of(scale)),
    zeroPoint: zeroPoint === undefined ? null : float64Of(zeroPoint),
    index: scaleIndex(x.shape, scale.shape, axis, block),
  };
}

/** Scales by which a division means something. */
export function requireScale(scale: Float64Array): Float64Array {
  const wrong = scale.find((value) => !(Math.abs(value) > 0) || !Number.isFinite(value));
  if (wrong === undefined) return scale;
  throw nodeError("the scale", `found ${wrong}, expected finite numbers other than 0`, "check the model");
}

/** y = clip(round-half-even(x / scale) + zero point); the quotient of float32 elements is a float32. */
function quantizeLinear(node: TensorNode, inputs: OperatorInputs, perAxis: boolean): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "x", [...FLOAT_TYPES, "int32"]);
  const zero = inputs[2];
  if (zero !== undefined) requireType(zero, "y_zero_point", WORD_TYPES);
  const type = (zero?.type as QuantizedType | undefined) ?? statedType(node);
  flagAttribute(node, "saturate", true);
  const { scale, zeroPoint, index } = scalingOf(node, x, typedInput(inputs, 1, "y_scale", FLOAT_TYPES), zero, perAxis);
  const y = float64Of(x);
  for (let element = 0; element < y.length; element++) {
    const at = index?.[element] ?? 0;
    const quotient = (y[element] as number) / (scale[at] as number);
    y[element] = quantizeNumber(x.type === "float32" ? Math.fround(quotient) : quotient, zeroPoint?.[at] ?? 0, type);
  }
  return [roundedTensor(type, x.shape, y)];
}

function statedType(node: TensorNode): QuantizedType {
  const number = integerAttribute(node, "output_dtype", 0);
  const type = number === 0 ? "uint8" : TYPE_NUMBERS[number];
  if (type !== undefined) return type;
  throw nodeError(
    "attribute output_dtype",
    `found type number ${number}, expected ${WORD_TYPES.join(", ")}`,
    "quantize to one of these types",
  );
}

/** y = (x − zero point) · scale */
function dequantizeLinear(node: TensorNode, inputs: OperatorInputs, perAxis: boolean): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "x", [...WORD_TYPES, "int32"]);
  const zero = inputs[2];
  if (zero !== undefined) requireType(zero, "x_zero_point", [x.type]);
  const scaleInput = typedInput(inputs, 1, "x_scale", FLOAT_TYPES);
  const { scale, zeroPoint, index } = scalingOf(node, x, scaleInput, zero, perAxis);
  const y = float64Of(x);
  for (let element = 0; element < y.length; element++) {
    const at = index?.[element] ?? 0;
    y[element] = ((y[element] as number) - (zeroPoint?.[at] ?? 0)) * (scale[at] as number);
  }
  return [roundedTensor(scaleInput.type, x.shape, y)];
}

/**
 * To uint8 with the range of the elements and 0; scale and zero point are outputs too. ONNX does not say what the scale
 * of elements that are all 0 is; onnxruntime's is 1, and so is this one.
 */
function dynamicQuantizeLinear(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "x", ["float32"]);
  let least = 0;
  let greatest = 0;
  for (const value of x.data) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  const scale = Math.fround(Math.fround(greatest - least) / 255) || 1;
  const zeroPoint = quantizeNumber(Math.fround(-least / scale), 0, "uint8");
  const y = Float64Array.from(x.data, (value) => quantizeNumber(Math.fround(value / scale), zeroPoint, "uint8"));
  return [
    roundedTensor("uint8", x.shape, y),
    roundedTensor("float32", [], Float64Array.of(scale)),
    roundedTensor("uint8", [], Float64Array.of(zeroPoint)),
  ];
}

function versions(
  name: string,
  evaluate: typeof quantizeLinear,
  rows: readonly (readonly [opsets: readonly number[], attributes: readonly string[]])[],
): readonly TensorOperator[] {
  return rows.flatMap(([opsets, attributes]) =>
    since(opsets, {
      domain: "",
      name,
      attributes,
      arity: [2, 3],
      evaluate: (node, inputs) => evaluate(node, inputs, attributes.includes("axis")),
      // A scale that the network computes is zeros until it runs.
      infer: (node, inputs) => evaluate(node, withOnes(inputs, [1]), attributes.includes("axis")),
    }),
  );
}

export const QUANTIZE_LINEAR_OPERATORS: readonly TensorOperator[] = [
  ...versions("QuantizeLinear", quantizeLinear, [
    [[10], []],
    [[13], ["axis"]],
    [[19], ["axis", "saturate"]],
    [[21], ["axis", "block_size", "output_dtype", "saturate"]],
    [
      [23, 24, 25],
      ["axis", "block_size", "output_dtype", "precision", "saturate"],
    ],
  ]),
  ...versions("DequantizeLinear", dequantizeLinear, [
    [[10], []],
    [[13, 19], ["axis"]],
    [[21], ["axis", "block_size"]],
    [
      [23, 24, 25],
      ["axis", "block_size", "output_dtype"],
    ],
  ]),
  ...since([11], {
    domain: "",
    name: "DynamicQuantizeLinear",
    attributes: [],
    arity: [1, 1],
    evaluate: dynamicQuantizeLinear,
  }),
];
