import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { RoundingMode } from "../../isa/numerics/rounding.ts";
import type { DatapathRegister } from "../../isa/program/datapath.ts";
import type { EvidenceRegister } from "../evidence.ts";

/** A register of a history: those of a datapath, and the second operand of a vector instruction. */
export type HistoryRegister = DatapathRegister | "operandB";

/** Another rounding of one register, in the place of the program's own. */
export interface RoundingChange {
  readonly register: EvidenceRegister;
  readonly rounding: RoundingMode;
}

/** What one quantization did: the exact value numerator / denominator · 2^−fractionLength became `rounded`, then the entry's word. */
export interface WriteEntry {
  readonly numerator: bigint;
  /** 1 but for an average formed by a divider. */
  readonly denominator: bigint;
  readonly fractionLength: number;
  /** Raw in the register's format before the fit. */
  readonly rounded: bigint;
  /** The register that was written, with the rounding that applied. */
  readonly spec: RegisterSpec;
  /** Where it happened, as overflow evidence says it (sim/evidence.ts). */
  readonly instruction: number;
  readonly row: number;
  readonly column: number;
}

/** One word that a register held on the way to an output word. */
export interface HistoryEntry {
  readonly register: HistoryRegister;
  /** Step k of the sum, window position of a pool, −2 before a sum, −1 behind and outside sums (sim/evidence.ts). */
  readonly step: number;
  readonly raw: bigint;
  readonly format: FixedPointFormat;
  /** Null for a word that was read as it was, e.g. a weight. */
  readonly write: WriteEntry | null;
}

/**
 * How one word of a layer's output came about: every register that the word depends on inside the layer, in the order in which
 * one goes through them by hand: for each step its input, weight, product and accumulator, then bias and output; a bias that the sum starts from comes first. A step that goes
 * through the accumulator twice (the bank addition of weight- and input-stationary arrays) has two such entries.
 */
export interface ElementHistory {
  readonly entries: readonly HistoryEntry[];
  /** The word. */
  readonly raw: bigint;
  readonly format: FixedPointFormat;
}
