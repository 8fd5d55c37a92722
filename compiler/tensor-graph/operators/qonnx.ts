/**
 * Quant, BipolarQuant and Trunc of QONNX, by what its executor computes: the quotient by the scale, the clip before the
 * rounding, float32 after every step. Rounding modes by what they really do, see `isa/numerics/rounding.ts`.
 */

import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";
import { broadcastIndex, requireUnidirectional } from "../arithmetic/broadcast.ts";
import { type NumberRounding, numberRounding, roundHalfEven } from "../arithmetic/round-number.ts";
import { flagAttribute, nodeError, typedInput } from "../node-access.ts";
import type { OperatorInputs, TensorOperator } from "../operator.ts";
import { FLOAT_TYPES, NUMBER_TYPES, numbersOf } from "../tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph.ts";
import { roundedTensor, withOnes } from "./operands.ts";
import { requireScale } from "./quantize-linear.ts";

/** Domains under which files carry the operators. */
export const QONNX_DOMAINS = ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general"] as const;

/** The mode that QONNX calls `rounding_mode`, of upper or lower case; `absent` where the node has none. */
export function qonnxRoundingMode(node: TensorNode, absent: string): RoundingMode {
  const value = node.attributes.rounding_mode ?? absent;
  for (const [mode, { names }] of Object.entries(ROUNDING_MODES)) {
    if (typeof value === "string" && names.qonnx?.includes(value.toUpperCase()) === true) return mode as RoundingMode;
  }
  const known = Object.values(ROUNDING_MODES).flatMap(({ names }) => names.qonnx ?? []);
  throw nodeError(
    "attribute rounding_mode",
    `found "${String(value)}", expected ${known.join(", ")}`,
    "name one of them",
  );
}

/** The integers of a quantizer: least and greatest. An unsigned narrow range lacks its last integer. */
export function qonnxRange(bitWidth: number, signed: boolean, narrow: boolean): readonly [number, number] {
  if (signed) return [-(2 ** (bitWidth - 1)) + (narrow ? 1 : 0), 2 ** (bitWidth - 1) - 1];
  return [0, 2 ** bitWidth - (narrow ? 2 : 1)];
}

/** One element of an input per element of x. */
interface Spread {
  readonly values: ArrayLike<number>;
  readonly index: Int32Array | null;
}

function spread(
  x: AnyTensor,
  inputs: OperatorInputs,
  position: number,
  name: string,
  types: readonly ElementType[],
): Spread {
  const input = typedInput(inputs, position, name, types);
  requireUnidirectional(input.shape, x.shape, `input ${name}`);
  return { values: numbersOf(input), index: broadcastIndex(input.shape, x.shape) };
}

function scaleSpread(x: AnyTensor, inputs: OperatorInputs, position: number, name: string): Spread {
  const scale = spread(x, inputs, position, name, FLOAT_TYPES);
  requireScale(Float64Array.from(scale.values));
  return scale;
}

/** Bit widths are whole numbers, though files hold them as floats. */
function widthSpread(x: AnyTensor, inputs: OperatorInputs, position: number, name: string): Spread {
  const width = spread(x, inputs, position, name, NUMBER_TYPES);
  for (const value of Array.from(width.values)) {
    if (Number.isInteger(value) && value >= 1 && value <= 64) continue;
    throw nodeError(`input ${name}`, `found ${value}, expected whole bits from 1 to 64`, "give an integer");
  }
  return width;
}

/** y = (round(clip(x / scale + zero point)) − zero point) · scale; one signed bit is −1 or 1. */
function quant(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const scale = scaleSpread(x, inputs, 1, "scale");
  const zero = spread(x, inputs, 2, "zeropt", NUMBER_TYPES);
  const width = widthSpread(x, inputs, 3, "bitwidth");
  const signed = flagAttribute(node, "signed", true);
  const narrow = flagAttribute(node, "narrow", true);
  const round = numberRounding(qonnxRoundingMode(node, "ROUND"));
  const step = x.type === "float32" ? Math.fround : identity;
  return perElement(x, (value, at) => {
    const factor = elementFor(scale, at);
    const offset = elementFor(zero, at);
    const bits = elementFor(width, at);
    const exact = step(step(value / factor) + offset);
    const [least, greatest] = qonnxRange(bits, signed, narrow);
    const integer = bits === 1 && signed ? (exact >= 0 ? 1 : -1) : round(Math.min(Math.max(exact, least), greatest));
    return step(integer - offset) * factor;
  });
}

/** y = scale where x ≥ 0, else −scale */
function bipolarQuant(_node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const scale = scaleSpread(x, inputs, 1, "scale");
  return perElement(x, (value, at) => (value >= 0 ? elementFor(scale, at) : -elementFor(scale, at)));
}

/**
 * Version 1: the integer x / scale + zero point loses its low bits, as many as the input's width exceeds the output's; the
 * result is scaled by the input's scale, by which it shrinks.
 */
function trunc(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const scale = scaleSpread(x, inputs, 1, "scale");
  const zero = spread(x, inputs, 2, "zeropt", NUMBER_TYPES);
  const from = widthSpread(x, inputs, 3, "in_bitwidth");
  const to = widthSpread(x, inputs, 4, "out_bitwidth");
  const round = numberRounding(qonnxRoundingMode(node, "FLOOR"));
  const step = x.type === "float32" ? Math.fround : identity;
  return perElement(x, (value, at) => {
    const factor = elementFor(scale, at);
    const offset = elementFor(zero, at);
    const integer = roundHalfEven(step(step(value / factor) + offset));
    return step(round(integer / 2 ** (elementFor(from, at) - elementFor(to, at))) - offset) * factor;
  });
}

/** Version 2: the low bits that go are those between the two scales; the result is clipped and has the output's scale. */
function truncToScale(node: TensorNode, inputs: OperatorInputs): readonly AnyTensor[] {
  const x = typedInput(inputs, 0, "X", FLOAT_TYPES);
  const scale = scaleSpread(x, inputs, 1, "scale");
  const zero = spread(x, inputs, 2, "zeropt", NUMBER_TYPES);
  widthSpread(x, inputs, 3, "in_bitwidth");
  const outputScale = scaleSpread(x, inputs, 4, "out_scale");
  const width = widthSpread(x, inputs, 5, "out_bitwidth");
  const signed = flagAttribute(node, "signed", true);
  const narrow = flagAttribute(node, "narrow", false);
  const round: NumberRounding = numberRounding(qonnxRoundingMode(node, "FLOOR"));
  const step = x.type === "float32" ? Math.fround : identity;
  return perElement(x, (value, at) => {
    const factor = elementFor(outputScale, at);
    const offset = elementFor(zero, at);
    const ratio = factor / elementFor(scale, at);
    if (!(ratio > 0))
      throw nodeError("input out_scale", `found ${factor}, of another sign than scale`, "check the model");
    const shrink = 2 ** roundHalfEven(Math.log2(ratio));
    const exact = roundHalfEven(step(step(value / elementFor(scale, at)) + offset)) / shrink;
    const [least, greatest] = qonnxRange(elementFor(width, at), signed, narrow);
    return step(round(Math.min(Math.max(exact, least), greatest)) - offset / shrink) * factor;
  });
}

function perElement(x: AnyTensor, compute: (value: number, at: number) => number): readonly AnyTensor[] {
  const values = numbersOf(x);
  const y = new Float64Array(values.length);
  for (let at = 0; at < y.length; at++) y[at] = compute(values[at] as number, at);
  return [roundedTensor(x.type, x.shape, y)];
}

function elementFor({ values, index }: Spread, at: number): number {
  return values[index === null ? (values.length === 1 ? 0 : at) : (index[at] as number)] as number;
}

function identity(value: number): number {
  return value;
}

const QUANT_ATTRIBUTES = ["narrow", "rounding_mode", "signed"] as const;

/** `positive`: inputs that must not be zeros, as they are before the network runs. */
function operators(
  name: string,
  opset: number,
  attributes: readonly string[],
  arity: number,
  evaluate: typeof quant,
  positive: readonly number[],
): readonly TensorOperator[] {
  return QONNX_DOMAINS.map((domain) => ({
    domain,
    name,
    since: opset,
    attributes,
    arity: [arity, arity],
    evaluate,
    infer: (node, inputs) => evaluate(node, withOnes(inputs, positive)),
  }));
}

export const QONNX_OPERATORS: readonly TensorOperator[] = [
  ...operators("Quant", 1, QUANT_ATTRIBUTES, 4, quant, [1, 3]),
  ...operators("IntQuant", 1, QUANT_ATTRIBUTES, 4, quant, [1, 3]),
  ...operators("BipolarQuant", 1, [], 2, bipolarQuant, [1]),
  ...operators("Trunc", 1, ["rounding_mode"], 5, trunc, [1, 3, 4]),
  ...operators("Trunc", 2, QUANT_ATTRIBUTES, 6, truncToScale, [1, 3, 4, 5]),
];
