/** The result of `macroscope compare` as scripts read it: where computations of the same images part. */
import type { RoundingMode } from "../../isa/numerics/rounding.ts";
import type { EvidenceRegister } from "../../sim/evidence.ts";
import type { ResourceEntry } from "./run-report.ts";

export interface CompareReport {
  readonly schema: "macroscope/compare/1";
  /** What was compared: the first side with each of the others. */
  readonly sides: readonly SideEntry[];
  readonly model: string | null;
  /** Null where no side reads images. */
  readonly data: string | null;
  readonly images: number;
  /** Whether no pair parts anywhere that was looked at. */
  readonly equal: boolean;
  readonly pairs: readonly PairEntry[];
  readonly resources: ResourceEntry;
}

export interface SideEntry {
  /** As the command line named it. */
  readonly label: string;
  readonly kind: "machine" | "dump";
  /** Machine and engine in one line; null for a dump. */
  readonly machine: string | null;
  /** The resolved configuration; null for a dump. */
  readonly configuration: Readonly<Record<string, unknown>> | null;
}

/** The first side (a) beside another one (b). */
export interface PairEntry {
  readonly a: string;
  readonly b: string;
  readonly equal: boolean;
  /** Layers that both have. Up to the first image that parts every word of them was compared, after it only the outputs. */
  readonly layers: readonly string[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** Layers (null: the input) whose formats differ: their values were compared, not their raws. */
  readonly comparedByValue: readonly (string | null)[];
  /** Images whose output words differ; null where the two have no output in common. */
  readonly differentOutputs: number | null;
  /** Images to which the two give different classes; null where there is no class to tell. */
  readonly differentClasses: number | null;
  /** What was compared, layer by layer. */
  readonly coverage: readonly CoverageEntry[];
  readonly first: PartingEntry | null;
}

export interface CoverageEntry {
  /** Null: the input. */
  readonly layer: string | null;
  /** Words compared, of all images. */
  readonly words: number;
  /** Words of the first image, spread over the layer, whose registers were looked into: a's, or b's where only b has any. */
  readonly traced: number;
  /** Ties on the way to those: values of which a register dropped exactly half of its last bit. Null where none were traced. */
  readonly ties: { readonly [Register in EvidenceRegister]?: number } | null;
}

/** A register and the other rounding modes under which all words looked at agree. */
export interface RoundingFit {
  readonly register: EvidenceRegister;
  /** What it does now. */
  readonly rounding: RoundingMode;
  readonly modes: readonly RoundingMode[];
}

/** Whether another rounding of one register would make the layer agree in this image. */
export interface RoundingEntry {
  /** Side whose registers were looked into. */
  readonly side: "a" | "b";
  /** Words of the layer that differ, and how many of them, the first, were computed again. */
  readonly different: number;
  readonly tried: number;
  /** Words that do not differ, spread over the layer, that were computed again as well. */
  readonly triedEqual: number;
  /** None where no other rounding of one register gives all words tried. */
  readonly fits: readonly RoundingFit[];
}

/**
 * Where two computations part: the first image, in it the first layer, in that its first element in the order of its axes, and
 * for that element the first register that holds another value.
 */
export interface PartingEntry {
  readonly image: number;
  /** Null: the network's input, quantized on the host. */
  readonly layer: string | null;
  /** Row, column, channel; of the network's output beside a dump of it the axes of that dump. */
  readonly axes: readonly string[];
  /** Place of the element along each axis. */
  readonly element: readonly number[];
  readonly a: WordEntry;
  readonly b: WordEntry;
  /** Step k of the sum or window position; −2 before and −1 behind the sum; null where no history was at hand. */
  readonly step: number | null;
  readonly register: string;
  /**
   * `value`: the register holds another value. `order`: both add the same products, in another order or grouping, and at this step
   * one of them first rounds or clips a sum. `words`: there is no history of both, only the words.
   */
  readonly reason: "value" | "order" | "words";
  /** What happened, one sentence. */
  readonly explanation: string;
  /** Register by register; only the steps around the parting where there are more than `HISTORY_ROWS`. */
  readonly history: readonly HistoryRow[];
  /** Null where neither side has registers to look into. */
  readonly rounding: RoundingEntry | null;
  /** What differs in this image, layer by layer. */
  readonly layers: readonly LayerDifference[];
}

/** Most rows of a history that a result holds. */
export const HISTORY_ROWS = 4096;

export interface WordEntry {
  readonly raw: bigint;
  /** `16,8`. */
  readonly format: string;
  readonly value: number;
}

export interface HistoryRow {
  readonly step: number;
  readonly register: string;
  /** Null where that side has no such register at that step. */
  readonly a: HistoryWord | null;
  readonly b: HistoryWord | null;
  /** Whether the values differ; sums of different orders are not compared. */
  readonly differs: boolean;
}

export interface HistoryWord extends WordEntry {
  /** The exact value before the quantization; null for a word that was read as it is. */
  readonly exact: number | null;
  /** Rounded raw before the fit; another one than `raw` where the register overflowed. */
  readonly rounded: bigint | null;
  /** Processing element or lane. */
  readonly row: number | null;
  readonly column: number | null;
  readonly instruction: number | null;
}

export interface LayerDifference {
  readonly layer: string | null;
  readonly elements: number;
  readonly different: number;
  /** Largest absolute difference of two values. */
  readonly largest: number;
}
