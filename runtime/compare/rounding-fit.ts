/** Whether words that differ are those of another rounding of one register. */
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import { EVIDENCE_REGISTERS } from "../../sim/evidence.ts";
import type { ElementHistory, RoundingChange } from "../../sim/history/history.ts";
import type { RoundingFit } from "../results/compare-report.ts";
import { dropsBits } from "./coverage.ts";

/** Words of one layer for one image, and how those of the side with registers come about. */
export interface DifferingWords {
  /** Elements that differ, at least one, and some that do not. */
  readonly different: readonly number[];
  readonly equal: readonly number[];
  readonly historyOf: (element: number, change?: RoundingChange) => ElementHistory;
  /** Whether the other side has this word. */
  readonly agrees: (element: number, word: ElementHistory) => boolean;
}

/** Stochastic rounding agrees with nothing but itself. */
const CANDIDATES = (Object.keys(ROUNDING_MODES) as RoundingMode[]).filter((mode) => mode !== "stochastic");

/** Every register of the layer with the other rounding modes under which all these words agree. */
export function roundingFits({ different, equal, historyOf, agrees }: DifferingWords): RoundingFit[] {
  const [first] = different;
  if (first === undefined) return [];
  const { entries } = historyOf(first);
  return EVIDENCE_REGISTERS.flatMap((register): RoundingFit[] => {
    // What is another word with another rounding had bits dropped on the way to it.
    const rounding = entries.find((entry) => entry.register === register && dropsBits(entry))?.write?.spec.rounding;
    if (rounding === undefined) return [];
    const modes = CANDIDATES.filter((mode) => {
      const change = { register, rounding: mode };
      const fits = (element: number): boolean => agrees(element, historyOf(element, change));
      return mode !== rounding && different.every(fits) && equal.every(fits);
    });
    return modes.length === 0 ? [] : [{ register, rounding, modes }];
  });
}
