/** Measurements as they are kept, so that a run goes on where the last one stopped and the document follows from data. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { NetworkFacts } from "./network-facts.ts";
import type { Measurement } from "./network-study.ts";
import { projectRoot, type RealNetworkName } from "./real-networks.ts";

/** A measurement, and what it was chosen from. */
export interface NetworkEntry {
  readonly network: RealNetworkName;
  /** Bits of every word, or null for calibrated formats. */
  readonly wordLength: number | null;
  /** First images on which the fraction length was chosen; null where nothing was chosen. */
  readonly searchImages: number | null;
  readonly measurement: Measurement;
}

/** An integer network against the integers its authors give. */
export interface IntegerEntry {
  readonly layer: string;
  readonly words: number;
  readonly equal: number;
}

export interface NetworkResults {
  readonly schema: "macroscope/networks/1";
  /** What computed the float reference. */
  readonly floatBackend: string;
  readonly entries: readonly NetworkEntry[];
  readonly facts: readonly NetworkFacts[];
  /** Layers of Frontnet. */
  readonly frontnet: readonly IntegerEntry[];
  /** SHA-256 of Frontnet's output words; null before it was run. */
  readonly frontnetDigest: string | null;
}

const FILE = resolve(projectRoot(), "test/results/networks.json");

const EMPTY: NetworkResults = {
  schema: "macroscope/networks/1",
  floatBackend: "",
  entries: [],
  facts: [],
  frontnet: [],
  frontnetDigest: null,
};

export function readResults(): NetworkResults {
  return existsSync(FILE) ? { ...EMPTY, ...(JSON.parse(readFileSync(FILE, "utf8")) as NetworkResults) } : EMPTY;
}

/** The old file stays whole until the new one is. */
export function writeResults(results: NetworkResults): void {
  const sorted = { ...results, entries: results.entries.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) };
  writeFileSync(`${FILE}.part`, `${jsonText(sorted)}\n`);
  renameSync(`${FILE}.part`, FILE);
}

/** Lists of numbers on one line, as the formatter has them. */
function jsonText(results: NetworkResults): string {
  return JSON.stringify(results, null, 2).replace(/\[\n([^[\]{}]*)\]/g, (_, items: string) => {
    return `[${items.trim().replace(/\s*\n\s*/g, " ")}]`;
  });
}

/** What makes two measurements rivals for one place. */
export function keyOf({ network, wordLength, measurement }: NetworkEntry): string {
  return [network, measurement.datapath, String(wordLength ?? 0).padStart(2, "0")].join(" ");
}

/** The results with an entry in the place of its rival. */
export function withEntry(results: NetworkResults, entry: NetworkEntry): NetworkResults {
  const others = results.entries.filter((other) => keyOf(other) !== keyOf(entry));
  return { ...results, entries: [...others, entry] };
}

export function findEntry(
  { entries }: Pick<NetworkResults, "entries">,
  network: RealNetworkName,
  datapath: string,
  wordLength: number | null,
): NetworkEntry | undefined {
  return entries.find(
    (entry) => entry.network === network && entry.measurement.datapath === datapath && entry.wordLength === wordLength,
  );
}
