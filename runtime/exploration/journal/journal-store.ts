/** Outcomes of a search in a journal: one line for each look at a candidate. */
import type { Journal } from "./journal.ts";
import type { OutcomeStore, StoredOutcome } from "./outcome-store.ts";

/** Name and version of the journal of a search. */
export const BITS_JOURNAL = "macroscope/bits-journal/1";

export interface OutcomeEntry {
  readonly key: string;
  readonly outcome: unknown;
}

/** An entry as read from a file, or null where it is none; the outcome itself is checked where it is used. */
export function parseOutcomeEntry(value: unknown): OutcomeEntry | null {
  if (typeof value !== "object" || value === null) return null;
  const { key, outcome } = value as Partial<OutcomeEntry>;
  return typeof key === "string" && typeof outcome === "object" && outcome !== null ? { key, outcome } : null;
}

/** What the journal holds and will hold. */
export class JournalStore implements OutcomeStore {
  readonly #journal: Pick<Journal<OutcomeEntry>, "append">;
  readonly #known: Map<string, unknown>;

  constructor(journal: Pick<Journal<OutcomeEntry>, "append" | "entries">) {
    this.#journal = journal;
    this.#known = new Map(journal.entries.map(({ key, outcome }) => [key, outcome]));
  }

  get(key: string): unknown {
    return this.#known.get(key);
  }

  async put(key: string, outcome: StoredOutcome): Promise<void> {
    await this.#journal.append({ key, outcome });
    this.#known.set(key, outcome);
  }
}
