import { diagnosticError, nearestName } from "../diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS } from "./format.ts";

/** What a register does with a rounded value that its word cannot hold. */
export type OverflowMode =
  | "saturate"
  | "saturate-symmetric"
  | "saturate-zero"
  | "wrap"
  | "wrap-sign-magnitude"
  | "trap";

/** Whose corner cases hold: SystemC's (the default), ap_fixed's or ac_fixed's. */
export type Dialect = "sc" | "ap" | "ac";

/** An overflow mode with its parameter. */
export interface OverflowSpec {
  readonly mode: OverflowMode;
  /** N of `wrap:N` and `wrap-sign-magnitude:N`, 0 to W; 0 for every other mode. */
  readonly saturatedBits: number;
}

/** The three corners in which the libraries differ, by dialect. */
export interface DialectEntry {
  /** Number of the dialect in instruction encodings. */
  readonly code: number;
  readonly library: string;
  /** (a) `saturate-symmetric` into one signed bit can still give −1; in SystemC the result is always 0. */
  readonly oneBitSymmetricKeepsMinusOne: boolean;
  /** (b) The top N bits of an unsigned `wrap:N` that met a negative value are ones; in SystemC zeros. */
  readonly unsignedWrapOfNegativeSetsOnes: boolean;
  /** (c) `wrap-sign-magnitude` looks at the deleted bit of the value before rounding; SystemC after it. */
  readonly deletedBitBeforeRounding: boolean;
}

export const DIALECTS: Readonly<Record<Dialect, DialectEntry>> = {
  sc: {
    code: 0,
    library: "SystemC sc_fixed",
    oneBitSymmetricKeepsMinusOne: false,
    unsignedWrapOfNegativeSetsOnes: false,
    deletedBitBeforeRounding: false,
  },
  ap: {
    code: 1,
    library: "ap_fixed",
    oneBitSymmetricKeepsMinusOne: true,
    unsignedWrapOfNegativeSetsOnes: true,
    deletedBitBeforeRounding: true,
  },
  ac: {
    code: 2,
    library: "ac_fixed",
    oneBitSymmetricKeepsMinusOne: true,
    unsignedWrapOfNegativeSetsOnes: false,
    deletedBitBeforeRounding: false,
  },
};

/** A rounded value outside the range, and what decides its fate. */
interface OutOfRange {
  readonly value: bigint;
  /** The exact value's floor, before the rounding decision. */
  readonly floor: bigint;
  readonly format: FixedPointFormat;
  readonly range: { readonly min: bigint; readonly max: bigint };
  readonly saturatedBits: number;
  readonly dialect: DialectEntry;
}

export interface OverflowModeEntry {
  /** Number of the mode in instruction encodings; the order of the table. */
  readonly code: number;
  /** The word that replaces a value outside the range. */
  readonly replace: (overflow: OutOfRange) => bigint;
  /** What other tools call it, with AP_, SC_ or AC_ before it. */
  readonly names: { readonly ap?: string; readonly sc?: string; readonly ac?: string; readonly matlab?: string };
  /** Whether the mode takes `:N`. */
  readonly takesSaturatedBits: boolean;
  /** Whether a larger value never gives a smaller word. */
  readonly monotone: boolean;
  /** One line for manuals. */
  readonly description: string;
}

/** Every overflow mode, in the order of its code. */
export const OVERFLOW_MODES: Readonly<Record<OverflowMode, OverflowModeEntry>> = {
  saturate: {
    code: 0,
    replace: nearestEnd,
    names: { ap: "SAT", sc: "SAT", ac: "SAT", matlab: "Saturate" },
    takesSaturatedBits: false,
    monotone: true,
    description: "the nearest end of the range",
  },
  "saturate-symmetric": {
    code: 1,
    replace: nearestEnd,
    names: { ap: "SAT_SYM", sc: "SAT_SYM", ac: "SAT_SYM" },
    takesSaturatedBits: false,
    monotone: true,
    description: "the nearest end of ±(2^(W−1)−1); −2^(W−1) does not occur; unsigned as saturate",
  },
  "saturate-zero": {
    code: 2,
    replace: () => 0n,
    names: { ap: "SAT_ZERO", sc: "SAT_ZERO", ac: "SAT_ZERO" },
    takesSaturatedBits: false,
    monotone: false,
    description: "zero",
  },
  wrap: {
    code: 3,
    replace: wrap,
    names: { ap: "WRAP", sc: "WRAP", ac: "WRAP", matlab: "Wrap" },
    takesSaturatedBits: true,
    monotone: false,
    description: "the low W bits; with :N the low W−N bits under N saturated ones",
  },
  "wrap-sign-magnitude": {
    code: 4,
    replace: wrapSignMagnitude,
    names: { ap: "WRAP_SM", sc: "WRAP_SM" },
    takesSaturatedBits: true,
    monotone: false,
    description: "the range mirrored at its ends (signed only); with :N under N saturated bits",
  },
  trap: {
    code: 5,
    replace: nearestEnd,
    names: {},
    takesSaturatedBits: false,
    monotone: false,
    description: "the machine stops with a fault; the word shown is the saturated one",
  },
};

/**
 * Values that `mode` leaves alone: the range of the format, without −2^(W−1) under `saturate-symmetric` (one signed bit:
 * only 0 under sc; −1 and 0 under ap and ac).
 */
export function keptRange(
  format: FixedPointFormat,
  mode: OverflowMode,
  dialect: Dialect,
): { min: bigint; max: bigint } {
  const { wordLength, signed } = format;
  if (!signed) return { min: 0n, max: (1n << BigInt(wordLength)) - 1n };
  const end = 1n << BigInt(wordLength - 1);
  const symmetric =
    mode === "saturate-symmetric" && !(wordLength === 1 && DIALECTS[dialect].oneBitSymmetricKeepsMinusOne);
  return { min: symmetric ? 1n - end : -end, max: end - 1n };
}

/** A fitted word. */
export interface Fitted {
  readonly raw: bigint;
  /** Whether the rounded value lay outside the kept range; then, and only then, raw differs from it. */
  readonly overflowed: boolean;
}

/**
 * The second half of a quantisation: an integer into a word. `floor` is the same value before its rounding decision (by
 * default the rounded value itself); only ap's `wrap-sign-magnitude` looks at it. The spec must have passed
 * `validateRegister`. Under `trap`, `overflowed` tells the engine to stop.
 */
export function fit(
  rounded: bigint,
  format: FixedPointFormat,
  overflow: OverflowSpec,
  dialect: Dialect = "sc",
  floor: bigint = rounded,
): Fitted {
  const { mode, saturatedBits } = overflow;
  const range = keptRange(format, mode, dialect);
  if (rounded >= range.min && rounded <= range.max) return { raw: rounded, overflowed: false };
  const raw = OVERFLOW_MODES[mode].replace({
    value: rounded,
    floor,
    format,
    range,
    saturatedBits,
    dialect: DIALECTS[dialect],
  });
  return { raw, overflowed: true };
}

function nearestEnd({ value, range }: OutOfRange): bigint {
  return value > range.max ? range.max : range.min;
}

function wrap({ value, format, saturatedBits, dialect }: OutOfRange): bigint {
  const { wordLength, signed } = format;
  if (saturatedBits === 0) return signed ? BigInt.asIntN(wordLength, value) : BigInt.asUintN(wordLength, value);
  if (signed) return underSaturatedBits(value, value < 0n, format, saturatedBits);
  const low = BigInt.asUintN(wordLength - saturatedBits, value);
  if (value < 0n && !dialect.unsignedWrapOfNegativeSetsOnes) return low;
  const ones = (1n << BigInt(saturatedBits)) - 1n;
  return (ones << BigInt(wordLength - saturatedBits)) | low;
}

/**
 * Where the bit that N keeps differs from the bit that will stand there, the whole word is inverted first: N = 0
 * compares the first deleted bit with the most significant kept one, N = 1 the sign with that bit, N ≥ 2 the first bit
 * below the sign-and-saturation field's top with the complement of the sign.
 */
function wrapSignMagnitude({ value, floor, format, saturatedBits, dialect }: OutOfRange): bigint {
  const { wordLength } = format;
  if (saturatedBits === 0) {
    const deleted = bit(dialect.deletedBitBeforeRounding ? floor : value, wordLength);
    return BigInt.asIntN(wordLength, deleted === bit(value, wordLength - 1) ? value : ~value);
  }
  const negative = value < 0n;
  const wanted = saturatedBits === 1 ? negative : !negative;
  const mirrored = bit(value, wordLength - saturatedBits) === wanted ? value : ~value;
  return underSaturatedBits(mirrored, negative, format, saturatedBits);
}

/** Sign bit, N − 1 bits of the opposite sign, then the low W − N bits of `value`: N bits saturated, the rest kept. */
function underSaturatedBits(value: bigint, negative: boolean, format: FixedPointFormat, saturatedBits: number): bigint {
  const keptBits = format.wordLength - saturatedBits;
  const low = BigInt.asUintN(keptBits, value);
  const end = 1n << BigInt(saturatedBits - 1);
  return ((negative ? -end : end - 1n) << BigInt(keptBits)) | low;
}

function bit(value: bigint, position: number): boolean {
  return ((value >> BigInt(position)) & 1n) === 1n;
}

/** Reads a mode name, with `:N` (0 ≤ N ≤ 64) after the two wrapping ones; `DiagnosticError` OVERFLOW otherwise. */
export function parseOverflow(text: string, where = "overflow"): OverflowSpec {
  const [name = "", bits, ...rest] = text.split(":");
  const known = Object.keys(OVERFLOW_MODES) as OverflowMode[];
  if (!Object.hasOwn(OVERFLOW_MODES, name)) {
    const bare = name.replace(/^(AP|SC|AC)_/, "");
    const foreign = known.find((mode) => Object.values(OVERFLOW_MODES[mode].names).includes(bare));
    const nearest = nearestName(name, known);
    const hint = foreign
      ? `another tool's name; here it is ${foreign}`
      : `${nearest ? `did you mean ${nearest}? ` : ""}modes: ${known.join(", ")}`;
    throw diagnosticError("OVERFLOW", where, `unknown overflow mode "${name}"`, hint);
  }
  const mode = name as OverflowMode;
  if (bits === undefined) return { mode, saturatedBits: 0 };
  if (!OVERFLOW_MODES[mode].takesSaturatedBits) {
    throw diagnosticError("OVERFLOW", where, `${mode} takes no ":N"`, `write ${mode}, or wrap:N for N saturated bits`);
  }
  const saturatedBits = /^[0-9]{1,3}$/.test(bits) && rest.length === 0 ? Number(bits) : Number.NaN;
  if (!(saturatedBits <= FORMAT_LIMITS.wordLength)) {
    throw diagnosticError(
      "OVERFLOW",
      where,
      `"${text}" has no valid N after the colon`,
      `N is an integer from 0 to W, at most ${FORMAT_LIMITS.wordLength}, e.g. ${mode}:1`,
    );
  }
  return { mode, saturatedBits };
}

/** The inverse of `parseOverflow`; N = 0 is not written. */
export function overflowText(overflow: OverflowSpec): string {
  return overflow.saturatedBits === 0 ? overflow.mode : `${overflow.mode}:${overflow.saturatedBits}`;
}
