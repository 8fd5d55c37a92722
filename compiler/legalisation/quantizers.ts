/** What quantizing operators say of a register: QuantizeLinear and DequantizeLinear of ONNX, Quant and Trunc of QONNX. */
import { type FixedPointFormat, fixedPoint } from "../../isa/numerics/format.ts";
import type { OverflowMode } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import { flagAttribute, nodeError } from "../tensor-graph/node-access.ts";
import { qonnxRoundingMode } from "../tensor-graph/operators/qonnx.ts";
import { numbersOf } from "../tensor-graph/tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../tensor-graph/tensor-graph.ts";
import type { IntegerWords } from "./value.ts";

/** Word lengths and signs of the integers that ONNX quantizes to. */
const INTEGERS: Partial<Record<ElementType, { readonly bits: number; readonly signed: boolean }>> = {
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
};

/** Words of integers `type` with one scale and zero point. Throws `DiagnosticError` for those that no format has. */
export function linearWords(type: ElementType, scale: AnyTensor, zeroPoint: AnyTensor | undefined): IntegerWords {
  const found = linearRegister(type, scale, zeroPoint);
  return {
    unit: onlyNumber(scale, "scale"),
    zeroPoint: zeroPoint === undefined ? 0 : onlyNumber(zeroPoint, "zero_point"),
    register: found,
  };
}

/** Register of integers `type` with one scale and zero point. Throws `DiagnosticError` for those that no format has. */
export function linearRegister(type: ElementType, scale: AnyTensor, zeroPoint: AnyTensor | undefined): RegisterSpec {
  const integers = INTEGERS[type];
  if (integers === undefined) {
    throw nodeError(
      "output",
      `found elements of type ${type}, expected integers of 8, 16 or 32 bits`,
      "quantize to integers",
    );
  }
  const { bits, signed } = integers;
  const zero = zeroPoint === undefined ? 0 : onlyNumber(zeroPoint, "zero_point");
  const half = 2 ** (bits - 1);
  // A zero point in the middle of an unsigned range is a signed one, one at the start of a signed range an unsigned one.
  const isSigned = zero === 0 ? signed : !signed;
  if (zero !== 0 && zero !== (signed ? -half : half)) {
    throw nodeError(
      "input zero_point",
      `found ${zero}, expected 0 or ${signed ? -half : half}`,
      "a fixed-point format has no other zero: quantize symmetrically",
    );
  }
  return register(fixedPoint(bits, fractionLength(onlyNumber(scale, "scale")), isSigned), "nearest-even");
}

/** The register whose words are lowest … highest; undefined where none has just that range. */
export function wordFormat(
  lowest: number,
  highest: number,
): { readonly format: FixedPointFormat; readonly overflow: OverflowMode } | undefined {
  const bits = Math.log2(highest + 1);
  if (!Number.isInteger(bits) || bits < 1) return undefined;
  if (lowest === 0) return { format: fixedPoint(bits, 0, false), overflow: "saturate" };
  if (lowest === -highest - 1) return { format: fixedPoint(bits + 1, 0), overflow: "saturate" };
  return lowest === -highest ? { format: fixedPoint(bits + 1, 0), overflow: "saturate-symmetric" } : undefined;
}

/** The shortest words that hold lowest … highest. */
export function shortestFormat(lowest: number, highest: number): FixedPointFormat {
  const magnitude = Math.max(highest, -lowest - 1, 0);
  const bits = Math.max(1, Math.floor(Math.log2(Math.max(magnitude, 1))) + 1);
  return lowest >= 0 ? fixedPoint(bits, 0, false) : fixedPoint(magnitude === 0 ? 1 : bits + 1, 0);
}

/** Register of an input that is integers itself; undefined for types that no register of 32 bits holds. */
export function integerRegister(type: ElementType): RegisterSpec | undefined {
  const integers = INTEGERS[type];
  return integers && register(fixedPoint(integers.bits, 0, integers.signed), "nearest-even");
}

/** Register of QONNX's Quant: inputs scale, zero point and bit width; attributes signed, narrow, rounding_mode. */
export function quantRegister(
  node: TensorNode,
  scale: AnyTensor,
  zeroPoint: AnyTensor,
  bitWidth: AnyTensor,
): RegisterSpec {
  const bits = wholeNumber(bitWidth, "bitwidth");
  const signed = flagAttribute(node, "signed", true);
  if (bits === 1 && signed) {
    throw nodeError(
      "input bitwidth",
      "found 1 with signed 1, which means −1 and 1",
      "a register of one bit holds −1 and 0, or 0 and 1",
    );
  }
  requireZero(zeroPoint);
  const format = fixedPoint(bits, fractionLength(onlyNumber(scale, "scale")), signed);
  return register(format, qonnxRoundingMode(node, "ROUND"), overflowOf(signed, flagAttribute(node, "narrow", true)));
}

/** Register of QONNX's Trunc, and by how many bits the value moves right before it is kept there. */
export interface Truncation {
  readonly register: RegisterSpec;
  readonly dropped: number;
}

/** Version 1: inputs scale, zero point, widths before and after. The result keeps the scale, by which it shrinks. */
export function truncRegister(node: TensorNode, inputs: readonly AnyTensor[]): Truncation {
  const [scale, zeroPoint, inputBits, outputBits] = inputs as [AnyTensor, AnyTensor, AnyTensor, AnyTensor];
  const [from, to] = [wholeNumber(inputBits, "in_bitwidth"), wholeNumber(outputBits, "out_bitwidth")];
  requireZero(zeroPoint);
  // Nothing is cut, and the words may be unsigned: a sign bit more than the width.
  const format = fixedPoint(to + 1, fractionLength(onlyNumber(scale, "scale")));
  return { register: register(format, qonnxRoundingMode(node, "FLOOR")), dropped: from - to };
}

/** Version 2: inputs scale, zero point, width before, scale and width after. The value stays and its grid becomes coarser. */
export function truncToScaleRegister(node: TensorNode, inputs: readonly AnyTensor[]): Truncation {
  const [, zeroPoint, , scale, outputBits] = inputs as [AnyTensor, AnyTensor, AnyTensor, AnyTensor, AnyTensor];
  requireZero(zeroPoint);
  const signed = flagAttribute(node, "signed", true);
  const bits = wholeNumber(outputBits, "out_bitwidth");
  const format = fixedPoint(bits, fractionLength(onlyNumber(scale, "out_scale")), signed);
  const overflow = overflowOf(signed, flagAttribute(node, "narrow", false));
  return { register: register(format, qonnxRoundingMode(node, "FLOOR"), overflow), dropped: 0 };
}

function overflowOf(signed: boolean, narrow: boolean): OverflowMode {
  if (narrow && !signed) {
    throw nodeError("attribute narrow", "found 1 with signed 0, expected 0", "an unsigned register has all 2^W words");
  }
  return narrow ? "saturate-symmetric" : "saturate";
}

/** F of a scale 2^−F. */
function fractionLength(scale: number): number {
  const exponent = Math.log2(scale);
  if (scale > 0 && Number.isInteger(exponent) && 2 ** exponent === scale) return -exponent + 0;
  throw nodeError(
    "input scale",
    `found ${scale}, expected a power of two`,
    "a fixed-point format has a scale of 2^−F: train or export with power-of-two scales",
  );
}

function requireZero(zeroPoint: AnyTensor): void {
  const zero = onlyNumber(zeroPoint, "zeropt");
  if (zero !== 0) throw nodeError("input zeropt", `found ${zero}, expected 0`, "quantize symmetrically");
}

/** Bits of a word: 1 to 64. */
function wholeNumber(tensor: AnyTensor, name: string): number {
  const bits = onlyNumber(tensor, name);
  if (Number.isInteger(bits) && bits >= 1 && bits <= 64) return bits;
  throw nodeError(`input ${name}`, `found ${bits}, expected an integer from 1 to 64`, "a register has that many bits");
}

/** The number that all elements are. */
function onlyNumber(tensor: AnyTensor, name: string): number {
  const numbers = Array.from(numbersOf(tensor));
  const [first, ...others] = numbers;
  if (first !== undefined && others.every((number) => number === first)) return first;
  const shown = numbers.slice(0, 4).join(", ");
  throw nodeError(
    `input ${name}`,
    `found ${numbers.length} different numbers (${shown}${numbers.length > 4 ? ", …" : ""}), expected one`,
    "a layer has one format for all channels: quantize per tensor",
  );
}
