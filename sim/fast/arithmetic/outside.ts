import { rawRange } from "../../../isa/numerics/format.ts";
import { fit as fitWord, type OverflowMode } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { registerKeeps } from "./ranges.ts";

/** The word that replaces a rounded value outside the range; `floor` is the value before the rounding decision. */
export type ReplaceOutside = (rounded: number, floor: number) => number;

/**
 * Replacement for integers of at most 2^52. The frequent modes are computed in doubles, the others by isa/numerics/overflow.ts.
 * Doubles are exact here: a word that can overflow has at most 53 bits, so |rounded − min| < 2^53.
 */
export function replaceOutside(register: RegisterSpec): ReplaceOutside {
  const rule = NUMBER_RULES[register.overflow];
  return (register.saturatedBits === 0 && rule?.(register)) || exactly(register);
}

const NUMBER_RULES: { readonly [Mode in OverflowMode]?: (register: RegisterSpec) => ReplaceOutside } = {
  saturate: nearestEnd,
  "saturate-symmetric": nearestEnd,
  trap: nearestEnd,
  "saturate-zero": () => () => 0,
  wrap: wrapAround,
};

function nearestEnd(register: RegisterSpec): ReplaceOutside {
  const kept = registerKeeps(register);
  const [min, max] = [Number(kept.min), Number(kept.max)];
  return (rounded) => (rounded > max ? max : min);
}

function wrapAround({ format }: RegisterSpec): ReplaceOutside {
  const min = Number(rawRange(format).min);
  const modulus = 2 ** format.wordLength;
  return (rounded) => rounded - modulus * Math.floor((rounded - min) / modulus);
}

function exactly({ format, overflow, saturatedBits, dialect }: RegisterSpec): ReplaceOutside {
  const spec = { mode: overflow, saturatedBits };
  return (rounded, floor) => Number(fitWord(BigInt(rounded), format, spec, dialect, BigInt(floor)).raw);
}
