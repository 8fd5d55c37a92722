/**
 * Constants that meet quantized integers, in the network's units: a tensor of integers q is in the network as (q − zero point) ·
 * unit, and what ONNX computes with q is said with that.
 */
import { fixedPoint } from "../../isa/numerics/format.ts";
import { keptRange } from "../../isa/numerics/overflow.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import { numbersOf } from "../tensor-graph/tensor.ts";
import type { AnyTensor } from "../tensor-graph/tensor-graph.ts";
import { addHelper, legalisationError, type RuleCall } from "./rule.ts";
import { scaleAndShift } from "./scale.ts";
import type { IntegerWords, NetworkValue } from "./value.ts";

/** An integer as a value of the network. */
export function inUnits(words: IntegerWords | undefined, integer: number): number {
  return words === undefined ? integer : (integer - words.zeroPoint) * words.unit;
}

/** The same for a whole constant. */
export function constantInUnits(words: IntegerWords | undefined, constant: AnyTensor): AnyTensor {
  if (words === undefined) return constant;
  const data = Float64Array.from(numbersOf(constant), (integer) => inUnits(words, integer));
  return { type: "float64", shape: constant.shape, data };
}

/** The register in which only the words minimum … maximum (values of the network) are left; undefined where none has that range. */
export function narrowedRegister(words: IntegerWords, minimum: number, maximum: number): RegisterSpec | undefined {
  if (words.register === null) return undefined;
  const { format, overflow, dialect } = words.register;
  const { fractionLength } = format;
  const kept = keptRange(format, overflow, dialect);
  const scale = 2 ** fractionLength;
  const low = Math.max(Math.ceil(minimum * scale), Number(kept.min));
  const high = Math.min(Math.floor(maximum * scale), Number(kept.max));
  for (let bits = 1; bits <= format.wordLength + 1; bits++) {
    const half = 2 ** (bits - 1);
    if (low === 0 && high === 2 * half - 1) return register(fixedPoint(bits, fractionLength, false), "nearest-even");
    if (low === -half && high === half - 1) return register(fixedPoint(bits, fractionLength), "nearest-even");
    if (low === 1 - half && high === half - 1 && bits > 1) {
      return register(fixedPoint(bits, fractionLength), "nearest-even", "saturate-symmetric");
    }
  }
  return undefined;
}

/** From here on the value is in the register: a node of its own, whose words those are. */
export function kept(call: RuleCall, value: NetworkValue, words: IntegerWords, role?: string): NetworkValue {
  if (words.register === null) return { ...value, words };
  const node = { op: "quantize", inputs: [value.name], register: words.register, isLayer: false } as const;
  const name = role === undefined ? call.builder.add({ ...node, name: call.base }) : addHelper(call, role, node);
  return { ...value, name, words };
}

/** The same for a clip at the words that are left. */
export function cut(
  call: RuleCall,
  value: NetworkValue,
  words: IntegerWords & { readonly register: RegisterSpec },
): NetworkValue {
  const { register } = words;
  const node = { op: "quantize", inputs: [value.name], register, isLayer: false, isClip: true } as const;
  return { ...value, name: call.builder.add({ ...node, name: call.base }), words };
}

/**
 * scale · q + shift of integers, which wraps around in their own word as integer arithmetic does: in the network's units
 * scale · v + (scale · zero point + shift − zero point) · unit.
 */
export function affineIntegers(
  call: RuleCall,
  value: NetworkValue & { readonly words: IntegerWords },
  { scale = 1, shift }: { readonly scale?: number; readonly shift?: AnyTensor | undefined },
): NetworkValue {
  const { words } = value;
  const { unit, zeroPoint } = words;
  const constant = (integer: number): number => (scale * zeroPoint + integer - zeroPoint) * unit;
  const added =
    shift === undefined
      ? constant(0)
      : { type: "float64" as const, shape: shift.shape, data: Float64Array.from(numbersOf(shift), constant) };
  if (words.register === null) return scaleAndShift(call, value, { scale, shift: added });
  const computed = scaleAndShift(call, value, { scale, shift: added }, "integers");
  return kept(call, computed, { ...words, register: { ...words.register, overflow: "wrap" } });
}

/** Two tensors of integers that one operation takes must count alike. */
export function requireSameWords(values: readonly NetworkValue[]): IntegerWords | undefined {
  const [first, ...others] = values.map(({ words }) => words);
  const differs = others.some((words) => words?.unit !== first?.unit || words?.zeroPoint !== first?.zeroPoint);
  if (!differs) return first;
  throw legalisationError(
    "inputs",
    "found integers of different scales or zero points, expected one",
    "dequantize them first, and quantize the result",
  );
}
