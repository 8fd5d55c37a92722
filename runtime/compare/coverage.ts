/** What a comparison covered: words, and the ties that registers met on the way to some of them. */
import { EVIDENCE_REGISTERS, type EvidenceRegister } from "../../sim/evidence.ts";
import type { ElementHistory, HistoryEntry } from "../../sim/history/history.ts";
import type { CoverageEntry } from "../results/compare-report.ts";
import { spread, traceable } from "./traced-words.ts";

/** Covered words of one layer; null: the input. */
export class LayerCoverage {
  readonly #layer: string | null;
  #words = 0;
  #traced = 0;
  #ties: Partial<Record<EvidenceRegister, number>> | null = null;

  constructor(layer: string | null) {
    this.#layer = layer;
  }

  /** Words that were compared. */
  compared(words: number): void {
    this.#words += words;
  }

  /** Counts ties behind words spread over one image of the layer; `historyOf` is null where no side has registers to look into. */
  trace(elements: number, historyOf: (element: number) => ElementHistory | null): void {
    const first = historyOf(0);
    if (first === null) return;
    const places = spread(elements, traceable(first));
    const ties: Partial<Record<EvidenceRegister, number>> = {};
    for (const element of places) {
      for (const entry of historyOf(element)?.entries ?? []) {
        const register = EVIDENCE_REGISTERS.find((name) => name === entry.register);
        if (register === undefined || !dropsBits(entry)) continue;
        ties[register] = (ties[register] ?? 0) + (isTie(entry) ? 1 : 0);
      }
    }
    this.#traced = places.length;
    this.#ties = ties;
  }

  entry(): CoverageEntry {
    return { layer: this.#layer, words: this.#words, traced: this.#traced, ties: this.#ties };
  }
}

/** Whether a value was written whose last bit may lie below the register's. */
export function dropsBits({ write, format }: HistoryEntry): boolean {
  return write !== null && (write.denominator !== 1n || write.fractionLength > format.fractionLength);
}

/** Whether what is dropped is exactly half of the register's last bit: twice the value in units of that bit is odd. */
function isTie({ write, format }: HistoryEntry): boolean {
  if (write === null) return false;
  const shift = format.fractionLength - write.fractionLength + 1;
  const twice = write.numerator << BigInt(Math.max(shift, 0));
  const divisor = write.denominator << BigInt(Math.max(-shift, 0));
  return twice % divisor === 0n && ((twice / divisor) & 1n) === 1n;
}
