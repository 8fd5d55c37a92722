/** From lists of word lengths, fraction lengths and modes to the points of a sweep. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { FORMAT_LIMITS } from "../../../isa/numerics/format.ts";
import type { ImageSpan } from "../../results/evaluation.ts";
import type { SweepPoint } from "../../results/sweep-report.ts";
import { canonicalJson } from "../journal/canonical-json.ts";
import { distinct, type NumberBounds, parseItems, parseNumberItem } from "./number-list.ts";
import type { Subunit } from "./subunits.ts";

/** `half` is ⌊W / 2⌋, `auto` is calibrated for each register, `best` is found for each word length. */
export type FractionChoice = number | "half" | "auto" | "best";

export interface Grid {
  readonly datapaths: readonly string[];
  readonly subunits: readonly Subunit[];
  readonly roundings: readonly string[];
  /** Null: the datapath's own. */
  readonly overflows: readonly (string | null)[];
  readonly wordLengths: readonly number[];
  readonly fractionLengths: readonly FractionChoice[];
  /** Images of every point: the first ones. */
  readonly images: number;
  /** Images on which `best` chooses. */
  readonly search: ImageSpan;
}

/** A point, or points among which the one that answers best gives its fraction length to a last one, which has all images. */
export type GridEntry =
  | { readonly kind: "point"; readonly point: SweepPoint }
  | { readonly kind: "best"; readonly trials: readonly SweepPoint[]; readonly images: number };

export interface ExpandedGrid {
  readonly entries: readonly GridEntry[];
  /** Points left out because their fraction leaves the word no bit for the sign. */
  readonly skipped: number;
}

/** Points of a sweep, at most: more is a slip of the pen. */
const MOST_POINTS = 100_000;

export const WORD_LENGTHS: NumberBounds = { min: 1, max: FORMAT_LIMITS.wordLength };
const FRACTION_LENGTHS: NumberBounds = { min: FORMAT_LIMITS.minFractionLength, max: FORMAT_LIMITS.maxFractionLength };

/** Reads `half`, `auto`, `best`, numbers and ranges, with commas between them. */
export function parseFractionChoices(text: string, where: string): readonly FractionChoice[] {
  return distinct(
    parseItems(text, where).flatMap((item): readonly FractionChoice[] => {
      if (item === "half" || item === "auto" || item === "best") return [item];
      const numbers = parseNumberItem(item, where, FRACTION_LENGTHS);
      if (numbers !== null) return numbers;
      const hint = "write half, auto, best, numbers and ranges such as 0..8";
      throw diagnosticError("OPTION", where, `"${item}" is no fraction length`, hint);
    }),
  );
}

/**
 * Every combination once, datapath by datapath, in the order of the lists, word and fraction length last. A fraction length
 * above W − 1 is left out: it leaves no bit for the sign. `best` tries 0 … W − 1.
 */
export function expandGrid(grid: Grid): ExpandedGrid {
  const { datapaths, subunits, roundings, overflows, wordLengths, fractionLengths } = grid;
  const combinations = [datapaths, subunits, roundings, overflows, wordLengths, fractionLengths]
    .map(({ length }) => length)
    .reduce((product, length) => product * length, 1);
  if (combinations > MOST_POINTS) {
    const what = `${combinations} points, expected at most ${MOST_POINTS}`;
    throw diagnosticError("GRID", "the grid", what, "give shorter lists, or larger steps such as 4..16:4");
  }
  const entries = new Map<string, GridEntry>();
  let skipped = 0;
  const add = (entry: GridEntry): void => void entries.set(canonicalJson(entry), entry);
  for (const datapath of datapaths) {
    for (const { name: subunit, layers } of subunits) {
      for (const rounding of roundings) {
        for (const overflow of overflows) {
          const common = { datapath, rounding, overflow, subunit, layers, images: grid.images };
          for (const wordLength of wordLengths) {
            for (const choice of fractionLengths) {
              const entry = entryFor({ ...common, wordLength }, choice, grid);
              if (entry === null) skipped++;
              else add(entry);
            }
          }
        }
      }
    }
  }
  if (entries.size > 0) return { entries: [...entries.values()], skipped };
  const what = "no fraction length leaves a bit for the sign in any word length";
  throw diagnosticError("GRID", "the grid", what, "give fraction lengths below the word lengths, or half");
}

function entryFor(
  common: Omit<SweepPoint, "fractionLength">,
  choice: FractionChoice,
  { images, search }: Grid,
): GridEntry | null {
  const { wordLength } = common;
  if (choice === "best") {
    const trials = Array.from({ length: wordLength }, (_, fractionLength): SweepPoint => {
      const first = search.first === 0 ? {} : { first: search.first };
      return { ...common, fractionLength, images: search.images, ...first };
    });
    return { kind: "best", trials, images };
  }
  const fractionLength = choice === "half" ? Math.floor(wordLength / 2) : choice;
  if (fractionLength !== "auto" && fractionLength > wordLength - 1) return null;
  return { kind: "point", point: { ...common, fractionLength } };
}

/** Images that a grid runs, all points together. */
export function imagesOf({ entries }: ExpandedGrid): number {
  return entries.reduce(
    (sum, entry) =>
      sum +
      (entry.kind === "point"
        ? entry.point.images
        : entry.images + entry.trials.reduce((part, { images }) => part + images, 0)),
    0,
  );
}
