import { mergeHistograms, type ValueHistogram } from "./value-histogram.ts";

/** Registers that quantize while the machine runs, in the order that ranks two overflows of one cycle and element. */
export const EVIDENCE_REGISTERS = ["input", "product", "accumulator", "sum", "output"] as const;
export type EvidenceRegister = (typeof EVIDENCE_REGISTERS)[number];

/** Step of what comes before the first step of a sum: the bias that it starts from. */
export const BEFORE_SUM = -2;
/** Step of what lies behind a sum or outside of all: bias, output, load, vector. */
export const BEHIND_SUM = -1;

/** One overflow, located. The first of a register is the least by (image, instruction, cycle, row, column), then in drawing order. */
export interface OverflowSite {
  readonly image: number;
  readonly instruction: number;
  /** Cycle of the image in which the register is written. */
  readonly cycle: number;
  /** Processing element or lane; see isa/README.md for the rows and columns of lanes and bank adders. */
  readonly row: number;
  readonly column: number;
  readonly register: EvidenceRegister;
  /** Within the instruction's tile. For load: the position of the word in the block. */
  readonly pixel: number;
  readonly channel: number;
  /** Step k of the sum; window position for pooling; else `BEFORE_SUM` or `BEHIND_SUM`. */
  readonly step: number;
  /** Rounded raw before the fit, and the raw that the register then holds. */
  readonly before: bigint;
  readonly after: bigint;
}

/** Figures that need a look at every value; collected only for images that ask for them. */
export interface RegisterStatistics {
  /** Quantizations seen. */
  readonly count: number;
  /** Least and largest rounded raw before the fit. */
  readonly min: bigint;
  readonly max: bigint;
  /** Nonzero exact values that rounded to zero. */
  readonly flushedToZero: number;
  /** Σ (rounded − exact), as an integer in units of 2^−errorFraction. */
  readonly errorSum: bigint;
  readonly errorFraction: number;
  readonly histogram: ValueHistogram;
  /** Zeros at the low end that all words share which the register held; null where all of them were 0. */
  readonly trailingZeros: number | null;
}

export interface RegisterEvidence {
  readonly overflow: number;
  /** Null where nothing overflowed, or where the run was told that an earlier image has it (`RunOptions.located`). */
  readonly first: OverflowSite | null;
  readonly statistics: RegisterStatistics | null;
}

/** Evidence of one layer; a register that never quantizes is absent. */
export type LayerEvidence = { readonly [Register in EvidenceRegister]?: RegisterEvidence };

/** Orders sites as `OverflowSite` says; ties keep the first. */
export function compareSites(a: OverflowSite, b: OverflowSite): number {
  return (
    a.image - b.image ||
    a.instruction - b.instruction ||
    a.cycle - b.cycle ||
    a.row - b.row ||
    a.column - b.column ||
    EVIDENCE_REGISTERS.indexOf(a.register) - EVIDENCE_REGISTERS.indexOf(b.register)
  );
}

function mergeStatistics(a: RegisterStatistics | null, b: RegisterStatistics | null): RegisterStatistics | null {
  if (a === null || b === null) return a ?? b;
  const errorFraction = Math.max(a.errorFraction, b.errorFraction);
  const aligned = (part: RegisterStatistics): bigint => part.errorSum << BigInt(errorFraction - part.errorFraction);
  return {
    count: a.count + b.count,
    min: a.min < b.min ? a.min : b.min,
    max: a.max > b.max ? a.max : b.max,
    flushedToZero: a.flushedToZero + b.flushedToZero,
    errorSum: aligned(a) + aligned(b),
    errorFraction,
    histogram: mergeHistograms(a.histogram, b.histogram),
    trailingZeros:
      a.trailingZeros === null || b.trailingZeros === null
        ? (a.trailingZeros ?? b.trailingZeros)
        : Math.min(a.trailingZeros, b.trailingZeros),
  };
}

/** Evidence of two disjoint sets of images or instructions; associative, with `{}` per layer as neutral element. */
export function mergeRegisterEvidence(a: RegisterEvidence, b: RegisterEvidence): RegisterEvidence {
  const first =
    a.first === null || b.first === null
      ? (a.first ?? b.first)
      : compareSites(a.first, b.first) <= 0
        ? a.first
        : b.first;
  return { overflow: a.overflow + b.overflow, first, statistics: mergeStatistics(a.statistics, b.statistics) };
}

/** Layer by layer; both lists have one entry per layer of the program. */
export function mergeEvidence(a: readonly LayerEvidence[], b: readonly LayerEvidence[]): LayerEvidence[] {
  return a.map((layer, index) => {
    const other = b[index] ?? {};
    const merged: { [Register in EvidenceRegister]?: RegisterEvidence } = {};
    for (const register of EVIDENCE_REGISTERS) {
      const [left, right] = [layer[register], other[register]];
      const both = left && right ? mergeRegisterEvidence(left, right) : (left ?? right);
      if (both) merged[register] = both;
    }
    return merged;
  });
}
