import { type RawRange, rawRange } from "../../../../isa/numerics/format.ts";
import type { OverflowMode } from "../../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";

/** Fits that the lanes know; others they take only where nothing overflows. */
const FITS: { readonly [Mode in OverflowMode]?: "saturate" | "wrap" } = {
  saturate: "saturate",
  "saturate-symmetric": "saturate",
  trap: "saturate",
  wrap: "wrap",
};

/** Undefined for a register that no lane can fit. */
export function fitOf({ overflow, saturatedBits }: RegisterSpec): "saturate" | "wrap" | undefined {
  return saturatedBits === 0 ? FITS[overflow] : undefined;
}

export function signedRange(wordLength: number): RawRange {
  return rawRange({ wordLength, fractionLength: 0, signed: true });
}
