import { rawToFloat64 } from "../../isa/numerics/format.ts";
import { BEHIND_SUM } from "../../sim/evidence.ts";
import type { ElementHistory, HistoryEntry } from "../../sim/history/history.ts";
import { HISTORY_ROWS, type HistoryRow, type HistoryWord, type PartingEntry } from "../results/compare-report.ts";
import { equalValues, wordEntry } from "./words.ts";

/** Where two histories of one element part. */
export type HistoryParting = Pick<PartingEntry, "step" | "register" | "reason" | "explanation" | "history">;

interface PairedEntry {
  readonly step: number;
  readonly register: string;
  readonly a: HistoryEntry | null;
  readonly b: HistoryEntry | null;
  /** False for the sums of two different orders: their values have no reason to be equal. */
  readonly comparable: boolean;
}

/**
 * The first register in which two histories differ. Where both go through the same registers at the same steps, that is the first
 * entry with another value. Where they add in another order or grouping, sums cannot be laid side by side: inputs, weights and
 * products are compared step by step, and if all of them agree the two part where one of them first rounds or clips a sum.
 */
export function partingOf(a: ElementHistory, b: ElementHistory): HistoryParting {
  const sameOrder = sameSequence(stepsOf(a), stepsOf(b));
  const rows = pairedEntries(a.entries, b.entries).map((row) => ({ ...row, comparable: sameOrder || !isSum(row) }));
  const inSums = rows.filter(({ step }) => step !== BEHIND_SUM);
  const value = inSums.find(differs);
  if (value !== undefined) return parting(rows, value, "value");
  const sum = sameOrder ? undefined : rows.find((row) => isSum(row) && (isLossy(row.a) || isLossy(row.b)));
  if (sum !== undefined) return parting(rows, sum, "order");
  const behind = rows.filter(({ step }) => step === BEHIND_SUM);
  // A register that only one side has parts them where it loses something.
  const row = behind.find((each) => differs(each) || (isAlone(each) && isLossy(each.a ?? each.b)));
  return parting(rows, row ?? OUTPUT_ALONE, "value");
}

/** Where only the words themselves differ, as of a maximum over equal words in other formats. */
const OUTPUT_ALONE: PairedEntry = { step: BEHIND_SUM, register: "output", a: null, b: null, comparable: true };

function stepsOf({ entries }: ElementHistory): readonly HistoryEntry[] {
  return entries.filter(({ step }) => step !== BEHIND_SUM);
}

function isAlone({ a, b }: PairedEntry): boolean {
  return (a === null) !== (b === null);
}

/** A history alone, beside words that came from somewhere else. */
export function historyBesideWords(history: ElementHistory, ownSide: "a" | "b"): HistoryParting {
  const rows = history.entries.map((entry): PairedEntry => {
    const pair = { step: entry.step, register: entry.register, a: null, b: null, comparable: false };
    return { ...pair, [ownSide]: entry };
  });
  return {
    step: null,
    register: "output",
    reason: "words",
    explanation: `only side ${ownSide} has registers to look into; its history is given`,
    history: windowOf(rows, rows.length - 1).map(historyRow),
  };
}

function parting(rows: readonly PairedEntry[], row: PairedEntry, reason: "value" | "order"): HistoryParting {
  return {
    step: row.step,
    register: row.register,
    reason,
    explanation: explanationOf(row, reason),
    history: windowOf(rows, rows.indexOf(row)).map(historyRow),
  };
}

function isSum({ register, step }: Pick<PairedEntry, "register" | "step">): boolean {
  return register === "accumulator" && step !== BEHIND_SUM;
}

/** By step, from before the sum to what lies behind it (−1); entries of one step and register in their own order. */
function pairedEntries(a: readonly HistoryEntry[], b: readonly HistoryEntry[]): Omit<PairedEntry, "comparable">[] {
  const rows = new Map<string, { step: number; register: string; a: HistoryEntry | null; b: HistoryEntry | null }>();
  for (const [side, entries] of [["a", a] as const, ["b", b] as const]) {
    const seen = new Map<string, number>();
    for (const entry of entries) {
      const kind = `${entry.step} ${entry.register}`;
      const occurrence = seen.get(kind) ?? 0;
      seen.set(kind, occurrence + 1);
      const key = `${kind} ${occurrence}`;
      const row = rows.get(key) ?? { step: entry.step, register: entry.register, a: null, b: null };
      row[side] = entry;
      rows.set(key, row);
    }
  }
  const place = (step: number): number => (step === BEHIND_SUM ? Number.POSITIVE_INFINITY : step);
  // Equal steps keep the order in which the first side, then the second, went through them.
  return [...rows.values()].sort((left, right) =>
    left.step === right.step ? 0 : place(left.step) - place(right.step),
  );
}

function sameSequence(a: readonly HistoryEntry[], b: readonly HistoryEntry[]): boolean {
  return (
    a.length === b.length && a.every(({ register, step }, at) => b[at]?.register === register && b[at]?.step === step)
  );
}

function differs({ a, b, comparable }: PairedEntry): boolean {
  if (a === null || b === null || !comparable) return false;
  return !equalValues(a.raw, a.format.fractionLength, b.raw, b.format.fractionLength);
}

/** Whether the register holds another value than the exact one that was written. */
function isLossy(entry: HistoryEntry | null): boolean {
  if (entry === null || entry.write === null) return false;
  const { numerator, denominator, fractionLength } = entry.write;
  return !equalValues(entry.raw * denominator, entry.format.fractionLength, numerator, fractionLength);
}

function explanationOf({ a, b, register }: PairedEntry, reason: "value" | "order"): string {
  if (reason === "order") {
    const who = isLossy(a) && isLossy(b) ? "both sides lose" : isLossy(a) ? "side a loses" : "side b loses";
    const how = [lossText(a), lossText(b)].filter((text) => text !== "").join("; ");
    return `the products agree and are added in another order or grouping: here ${who} something of a sum first (${how})`;
  }
  if (a === null || b === null)
    return `only side ${a === null ? "b" : "a"} has this ${register} register, and it loses something`;
  if (a.write === null || b.write === null) return `the ${register} words differ before anything is computed`;
  const sameExact = equalValues(
    a.write.numerator * b.write.denominator,
    a.write.fractionLength,
    b.write.numerator * a.write.denominator,
    b.write.fractionLength,
  );
  const losses = [a, b].map(lossText);
  const [lossA, lossB] = losses.map((text) => (text === "" ? "keeps it" : text));
  return sameExact
    ? `the same exact value is written: a ${lossA}, b ${lossB}`
    : `different exact values are written: a ${lossA}, b ${lossB}`;
}

function lossText(entry: HistoryEntry | null): string {
  if (entry === null || !isLossy(entry) || entry.write === null) return "";
  const clipped = entry.write.rounded !== entry.raw;
  return clipped ? `cannot hold raw ${entry.write.rounded} and has ${entry.raw}` : `rounds to raw ${entry.raw}`;
}

/** Steps shown on each side of a parting in a history that is too long to show whole. */
const WINDOW_STEPS = 8;

function windowOf(rows: readonly PairedEntry[], at: number): readonly PairedEntry[] {
  if (rows.length <= HISTORY_ROWS) return rows;
  const steps = [...new Set(rows.map(({ step }) => step))];
  const middle = steps.indexOf(rows[at]?.step ?? -1);
  const shown = new Set(steps.slice(Math.max(0, middle - WINDOW_STEPS), middle + WINDOW_STEPS + 1));
  return rows.filter(({ step }) => step < 0 || shown.has(step)).slice(0, HISTORY_ROWS);
}

function historyRow(row: PairedEntry): HistoryRow {
  const { step, register, a, b } = row;
  return { step, register, a: historyWord(a), b: historyWord(b), differs: differs(row) };
}

function historyWord(entry: HistoryEntry | null): HistoryWord | null {
  if (entry === null) return null;
  const { write } = entry;
  return {
    ...wordEntry(entry.raw, entry.format),
    exact: write && rawToFloat64(write.numerator, write.fractionLength) / Number(write.denominator),
    rounded: write?.rounded ?? null,
    row: write?.row ?? null,
    column: write?.column ?? null,
    instruction: write?.instruction ?? null,
  };
}
