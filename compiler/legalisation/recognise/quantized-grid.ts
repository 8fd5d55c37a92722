/** What a quantizing operator makes of a value: integers q with one scale and zero point, said of the words q − zero point. */
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";
import { flagAttribute } from "../../tensor-graph/node-access.ts";
import { QONNX_DOMAINS, qonnxRange, qonnxRoundingMode } from "../../tensor-graph/operators/qonnx.ts";
import { numbersOf } from "../../tensor-graph/tensor.ts";
import type { AnyTensor, ElementType, TensorNode } from "../../tensor-graph/tensor-graph.ts";

export interface QuantizedGrid {
  /** Chosen here, where the file has none: multipliers are not those of a runtime. */
  readonly isFine?: true;
  /** Of a word: the value is word · scale; positive. */
  readonly scale: number;
  /** The file's integer is word + zeroPoint. */
  readonly zeroPoint: number;
  /** Words. */
  readonly lowest: number;
  readonly highest: number;
  readonly rounding: Exclude<RoundingMode, "stochastic">;
}

/** Ranges of the integers that ONNX quantizes to. */
const RANGES: Partial<Record<ElementType, readonly [least: number, greatest: number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

type Constant = (name: string | undefined) => AnyTensor | undefined;

export function isQuant({ domain, operator }: TensorNode): boolean {
  return (QONNX_DOMAINS as readonly string[]).includes(domain) && (operator === "Quant" || operator === "IntQuant");
}

/** Of QuantizeLinear (`type`: that of its output) and of DequantizeLinear (of its input); undefined where there is no single grid. */
export function linearGrid(node: TensorNode, type: ElementType, constant: Constant): QuantizedGrid | undefined {
  const scale = single(constant(node.inputs[1]));
  const zeroPoint = (node.inputs[2] ?? "") === "" ? 0 : single(constant(node.inputs[2]));
  const range = RANGES[type];
  if (scale === undefined || zeroPoint === undefined || range === undefined) return undefined;
  return gridFrom(scale, zeroPoint, range, "nearest-even");
}

/** Of Quant of QONNX; undefined where there is no single grid, or where it means −1 and 1. */
export function quantGrid(node: TensorNode, constant: Constant): QuantizedGrid | undefined {
  const [scale, zeroPoint, bits] = [1, 2, 3].map((position) => single(constant(node.inputs[position])));
  if (scale === undefined || zeroPoint === undefined || bits === undefined) return undefined;
  const signed = flagAttribute(node, "signed", true);
  if (!Number.isInteger(zeroPoint) || !Number.isInteger(bits) || bits < 1 || bits > 32 || (bits === 1 && signed)) {
    return undefined;
  }
  const rounding = qonnxRoundingMode(node, "ROUND") as QuantizedGrid["rounding"];
  return gridFrom(scale, zeroPoint, qonnxRange(bits, signed, flagAttribute(node, "narrow", true)), rounding);
}

/** Roundings that change places where all signs change. */
const MIRRORED: Partial<Record<RoundingMode, QuantizedGrid["rounding"]>> = {
  down: "up",
  up: "down",
  nearest: "nearest-down",
  "nearest-up": "nearest-down",
  "nearest-down": "nearest-up",
};

/** A negative scale is a positive one with all words mirrored. */
function gridFrom(
  scale: number,
  zeroPoint: number,
  [least, greatest]: readonly [number, number],
  rounding: QuantizedGrid["rounding"],
): QuantizedGrid | undefined {
  const [lowest, highest] = [least - zeroPoint, greatest - zeroPoint];
  if (scale > 0) return { scale, zeroPoint, lowest, highest, rounding };
  if (!(scale < 0)) return undefined;
  const mirrored = rounding === "nearest" ? undefined : (MIRRORED[rounding] ?? rounding);
  return mirrored && { scale: -scale, zeroPoint: -zeroPoint, lowest: -highest, highest: -lowest, rounding: mirrored };
}

/** Whether a fixed-point register is this grid: a scale 2^−F, and the words of a register. */
export function isRegisterGrid({ scale, lowest, highest }: QuantizedGrid): boolean {
  const exponent = Math.log2(scale);
  const isPower = Number.isInteger(exponent) && 2 ** exponent === scale;
  const isWordEnd = highest >= 1 && Number.isInteger(Math.log2(highest + 1));
  return isPower && isWordEnd && (lowest === 0 || lowest === -highest - 1 || lowest === -highest);
}

/** The number that all elements are. */
export function single(tensor: AnyTensor | undefined): number | undefined {
  if (tensor === undefined) return undefined;
  const numbers = numbersOf(tensor);
  const [first] = Array.from(numbers);
  for (let index = 1; index < numbers.length; index++) if (numbers[index] !== first) return undefined;
  return first;
}
