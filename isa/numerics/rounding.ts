import { diagnosticError, InvariantError, nearestName } from "../diagnostic.ts";
import type { RandomWordSource } from "./random.ts";

/** How dropped bits decide the last kept bit. Ties and halves are explained row by row in `ROUNDING_MODES`. */
export type RoundingMode =
  | "down"
  | "up"
  | "zero"
  | "away"
  | "nearest"
  | "nearest-up"
  | "nearest-down"
  | "nearest-zero"
  | "nearest-even"
  | "nearest-odd"
  | "odd"
  | "stochastic";

/**
 * Whether the floor is incremented. guard: first dropped bit; sticky: OR of the other dropped bits; negative: sign of
 * the exact value; lowest: last bit of the floor.
 */
export type RoundingIncrement = (guard: boolean, sticky: boolean, negative: boolean, lowest: boolean) => boolean;

/** What other tools call a mode. A name may be missing (the tool lacks the mode) or double (QONNX). */
export interface RoundingModeNames {
  /** Equation of the paper of TensorQuant (Loroch et al., 2017). */
  readonly paper?: string;
  /** ap_fixed, with AP_ before it. */
  readonly ap?: string;
  /** SystemC sc_fixed, with SC_ before it. */
  readonly sc?: string;
  /** ac_fixed, with AC_ before it. */
  readonly ac?: string;
  /** MATLAB `fimath` RoundingMethod. */
  readonly matlab?: string;
  readonly qonnx?: readonly string[];
  /** RISC-V vector fixed-point rounding mode, vxrm. */
  readonly riscv?: string;
}

export interface RoundingModeEntry {
  /** Number of the mode in instruction encodings; the order of the table. */
  readonly code: number;
  /** Absent for `stochastic`, where dropped bits + random word decide. */
  readonly increment: RoundingIncrement | undefined;
  readonly names: RoundingModeNames;
  /** One line for manuals. */
  readonly description: string;
}

/** Every rounding mode, in the order of its code. */
export const ROUNDING_MODES: Readonly<Record<RoundingMode, RoundingModeEntry>> = {
  down: {
    code: 0,
    increment: () => false,
    names: { paper: "Eq. 4", ap: "TRN", sc: "TRN", ac: "TRN", matlab: "Floor", qonnx: ["FLOOR"], riscv: "rdn" },
    description: "toward −∞: dropped bits are cut off",
  },
  up: {
    code: 1,
    increment: (guard, sticky) => guard || sticky,
    names: { matlab: "Ceiling", qonnx: ["CEIL"] },
    description: "toward +∞",
  },
  zero: {
    code: 2,
    increment: (guard, sticky, negative) => negative && (guard || sticky),
    names: { paper: "Eq. 3", ap: "TRN_ZERO", sc: "TRN_ZERO", ac: "TRN_ZERO", matlab: "Zero", qonnx: ["DOWN"] },
    description: "toward zero",
  },
  away: {
    code: 3,
    increment: (guard, sticky, negative) => !negative && (guard || sticky),
    names: { qonnx: ["UP"] },
    description: "away from zero",
  },
  nearest: {
    code: 4,
    increment: (guard, sticky, negative) => guard && (sticky || !negative),
    names: { paper: "Eq. 2", ap: "RND_INF", sc: "RND_INF", ac: "RND_INF", matlab: "Round", qonnx: ["HALF_UP"] },
    description: "to nearest, ties away from zero",
  },
  "nearest-up": {
    code: 5,
    increment: (guard) => guard,
    names: { ap: "RND", sc: "RND", ac: "RND", matlab: "Nearest", riscv: "rnu" },
    description: "to nearest, ties toward +∞",
  },
  "nearest-down": {
    code: 6,
    increment: (guard, sticky) => guard && sticky,
    names: { ap: "RND_MIN_INF", sc: "RND_MIN_INF", ac: "RND_MIN_INF" },
    description: "to nearest, ties toward −∞",
  },
  "nearest-zero": {
    code: 7,
    increment: (guard, sticky, negative) => guard && (sticky || negative),
    names: { ap: "RND_ZERO", sc: "RND_ZERO", ac: "RND_ZERO", qonnx: ["HALF_DOWN"] },
    description: "to nearest, ties toward zero",
  },
  "nearest-even": {
    code: 8,
    increment: (guard, sticky, _negative, lowest) => guard && (sticky || lowest),
    names: {
      ap: "RND_CONV",
      sc: "RND_CONV",
      ac: "RND_CONV",
      matlab: "Convergent",
      qonnx: ["ROUND", "HALF_EVEN"],
      riscv: "rne",
    },
    description: "to nearest, ties to the even neighbour",
  },
  "nearest-odd": {
    code: 9,
    increment: (guard, sticky, _negative, lowest) => guard && (sticky || !lowest),
    names: { ac: "RND_CONV_ODD" },
    description: "to nearest, ties to the odd neighbour",
  },
  odd: {
    code: 10,
    increment: (guard, sticky, _negative, lowest) => !lowest && (guard || sticky),
    names: { riscv: "rod" },
    description: "to the odd neighbour unless exact (jamming)",
  },
  stochastic: {
    code: 11,
    increment: undefined,
    names: { paper: "Eq. 5" },
    description: "up with the probability of the dropped fraction",
  },
};

/** What a rounding decision can depend on. */
interface Dropped {
  readonly guard: boolean;
  readonly sticky: boolean;
  readonly negative: boolean;
  readonly lowest: boolean;
  /** ⌊2^32 · dropped fraction⌋, asked for by `stochastic` only. */
  readonly fraction32: () => bigint;
}

/** The one place where a rounding decision is made. */
function increments(mode: RoundingMode, dropped: Dropped, random: RandomWordSource | undefined): boolean {
  const { increment } = ROUNDING_MODES[mode];
  if (increment) return increment(dropped.guard, dropped.sticky, dropped.negative, dropped.lowest);
  if (!random) throw new InvariantError("stochastic rounding without a source of random words");
  return (dropped.fraction32() + BigInt(random.next())) >> 32n !== 0n;
}

/**
 * raw · 2^−droppedBits as an integer. droppedBits ≤ 0 is an exact left shift by −droppedBits; more dropped bits than the
 * raw has sign-extend it. `stochastic` draws one word exactly where droppedBits > 0 and computes
 * ⌊(raw + u) / 2^s⌋ with u the top s bits of the word (s > 32: only the top 32 dropped bits take part).
 */
export function round(raw: bigint, droppedBits: number, mode: RoundingMode, random?: RandomWordSource): bigint {
  if (droppedBits <= 0) return raw << BigInt(-droppedBits);
  const floor = raw >> BigInt(droppedBits);
  const up = increments(
    mode,
    {
      guard: ((raw >> BigInt(droppedBits - 1)) & 1n) === 1n,
      sticky: BigInt.asUintN(droppedBits - 1, raw) !== 0n,
      negative: raw < 0n,
      lowest: (floor & 1n) === 1n,
      fraction32: () =>
        BigInt.asUintN(32, droppedBits > 32 ? raw >> BigInt(droppedBits - 32) : raw << BigInt(32 - droppedBits)),
    },
    random,
  );
  return up ? floor + 1n : floor;
}

/**
 * numerator / denominator as an integer, denominator > 0: guard and sticky come from the remainder. `stochastic` always
 * draws one word, added to the first 32 bits of the fraction; for a denominator 2^s it agrees with `round`.
 */
export function roundQuotient(
  numerator: bigint,
  denominator: bigint,
  mode: RoundingMode,
  random?: RandomWordSource,
): bigint {
  if (denominator <= 0n) throw new InvariantError(`a quotient needs a denominator > 0, found ${denominator}`);
  const truncated = numerator / denominator;
  const floor = truncated * denominator > numerator ? truncated - 1n : truncated;
  const remainder = numerator - floor * denominator;
  const up = increments(
    mode,
    {
      guard: 2n * remainder >= denominator,
      sticky: remainder !== 0n && 2n * remainder !== denominator,
      negative: numerator < 0n,
      lowest: (floor & 1n) === 1n,
      fraction32: () => (remainder << 32n) / denominator,
    },
    random,
  );
  return up ? floor + 1n : floor;
}

/** Reads one of our own mode names. Another tool's name is refused, with ours in the hint; `DiagnosticError` ROUNDING. */
export function parseRoundingMode(text: string, where = "rounding"): RoundingMode {
  if (Object.hasOwn(ROUNDING_MODES, text)) return text as RoundingMode;
  const known = Object.keys(ROUNDING_MODES) as RoundingMode[];
  const foreign = known.filter((mode) => hasName(ROUNDING_MODES[mode].names, text));
  const nearest = nearestName(text, known);
  const hint =
    foreign.length > 0
      ? `another tool's name; here it is ${foreign.join(" or ")}`
      : `${nearest ? `did you mean ${nearest}? ` : ""}modes: ${known.join(", ")}`;
  throw diagnosticError("ROUNDING", where, `unknown rounding mode "${text}"`, hint);
}

function hasName(names: RoundingModeNames, text: string): boolean {
  const bare = text.replace(/^(AP|SC|AC)_/, "");
  return Object.values(names).flat().includes(bare);
}
