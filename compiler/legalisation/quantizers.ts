/** What quantizing operators say of a register: QuantizeLinear and DequantizeLinear of ONNX, Quant and Trunc of QONNX. */
import type { OverflowMode } from "../../isa/overflow.ts";
import type { RoundingMode } from "../../isa/rounding.ts";
import { integerAttribute, nodeError } from "../tensor-graph/node-access.ts";
import { numbersOf } from "../tensor-graph/tensor.ts";
import type { AnyTensor, AttributeValue, ElementType, TensorNode } from "../tensor-graph/tensor-graph.ts";
import type { PrescribedRegister } from "./value.ts";

/** Rounding modes of QONNX by what they do. */
const QONNX_ROUNDINGS: Readonly<Record<string, RoundingMode>> = {
  ROUND: "nearest-even",
  HALF_EVEN: "nearest-even",
  HALF_UP: "nearest",
  HALF_DOWN: "nearest-zero",
  FLOOR: "down",
  CEIL: "up",
  UP: "away",
  DOWN: "zero",
};

/** Word lengths and signs of the integers that ONNX quantizes to. */
const INTEGERS: Partial<Record<ElementType, { readonly bits: number; readonly signed: boolean }>> = {
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
};

/** Register of integers `type` with one scale and zero point. Throws `DiagnosticError` for those that no format has. */
export function linearRegister(type: ElementType, scale: AnyTensor, zeroPoint: AnyTensor | undefined): PrescribedRegister {
  const integers = INTEGERS[type];
  if (integers === undefined) {
    throw nodeError("output", `found elements of type ${type}, expected integers of 8, 16 or 32 bits`, "quantize to integers");
  }
  const { bits, signed } = integers;
  const zero = zeroPoint === undefined ? 0 : onlyNumber(zeroPoint, "zero_point");
  const half = 2 ** (bits - 1);
  // A zero point in the middle of an unsigned range is a signed one, one at the start of a signed range an unsigned one.
  const isSigned = zero === 0 ? signed : !signed;
  if (zero !== 0 && zero !== (signed ? -half : half)) {
    throw nodeError("input zero_point", `found ${zero}, expected 0 or ${signed ? -half : half}`, "a fixed-point format has no other zero: quantize symmetrically");
  }
  return { format: formatOf(bits, fractionLength(onlyNumber(scale, "scale")), isSigned), rounding: "nearest-even", overflow: "saturate" };
}

/** Register of QONNX's Quant: inputs scale, zero point and bit width; attributes signed, narrow, rounding_mode. */
export function quantRegister(node: TensorNode, scale: AnyTensor, zeroPoint: AnyTensor, bitWidth: AnyTensor): PrescribedRegister {
  const bits = wholeNumber(bitWidth, "bitwidth");
  requireZero(zeroPoint);
  const signed = integerAttribute(node, "signed", 1) !== 0;
  const narrow = integerAttribute(node, "narrow", 0) !== 0;
  if (narrow && !signed) {
    throw nodeError("attribute narrow", "found 1 with signed 0, expected 0", "an unsigned register has all 2^W words");
  }
  const overflow: OverflowMode = narrow ? "saturate-symmetric" : "saturate";
  const fraction = fractionLength(onlyNumber(scale, "scale"));
  return { format: formatOf(bits, fraction, signed), rounding: qonnxRounding(node.attributes["rounding_mode"], "ROUND"), overflow };
}

/** Register of QONNX's Trunc: the value is divided by 2^`dropped` and kept in it. */
export function truncRegister(
  node: TensorNode,
  scale: AnyTensor,
  zeroPoint: AnyTensor,
  inputBits: AnyTensor,
  outputBits: AnyTensor,
): { readonly register: PrescribedRegister; readonly dropped: number } {
  const [from, to] = [wholeNumber(inputBits, "in_bitwidth"), wholeNumber(outputBits, "out_bitwidth")];
  requireZero(zeroPoint);
  const signed = integerAttribute(node, "signed", 1) !== 0;
  const fraction = fractionLength(onlyNumber(scale, "scale"));
  const rounding = qonnxRounding(node.attributes["rounding_mode"], "FLOOR");
  // Nothing is cut: one more bit keeps what rounding up may yield.
  return { register: { format: formatOf(to + 1, fraction, signed), rounding, overflow: "saturate" }, dropped: from - to };
}

function qonnxRounding(value: AttributeValue | undefined, absent: string): RoundingMode {
  const name = typeof value === "string" ? value.toUpperCase() : absent;
  const rounding = QONNX_ROUNDINGS[name];
  if (rounding !== undefined) return rounding;
  throw nodeError("attribute rounding_mode", `found ${name}, expected ${Object.keys(QONNX_ROUNDINGS).join(", ")}`, "export with one of these");
}

function formatOf(bits: number, fraction: number, signed: boolean): string {
  return `${signed ? "" : "u"}${bits},${fraction}`;
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
