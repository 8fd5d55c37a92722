import { InvariantError } from "../../../isa/diagnostic.ts";
import type { OnChipMemoryName } from "../../../isa/machine.ts";
import { type Words, wordCopier } from "./words.ts";

/** What a word is, apart from its binary point. */
export interface WordType {
  readonly wordLength: number;
  readonly signed: boolean;
}

/** Rows of words within a region: row r holds words r · pitch … r · pitch + length − 1. */
export interface Extent {
  readonly rows: number;
  readonly pitch: number;
  readonly length: number;
}

export type AllocateWords = (type: WordType, length: number) => Words;

/**
 * Words of one memory that share word length, position within a word grid and signedness. A program reads a word only
 * where the last write had the same address and length, so views of different length or grid need not agree.
 */
class View implements WordType {
  readonly wordLength: number;
  readonly signed: boolean;
  /** First word in use, and one past the last. */
  first: number = Number.POSITIVE_INFINITY;
  end = 0;
  words: Words | null = null;
  /** The same words read with the other signedness, where the program does so. */
  twin: View | null = null;

  constructor({ wordLength, signed }: WordType) {
    this.wordLength = wordLength;
    this.signed = signed;
  }
}

/** A place that an instruction reads or writes. Named while a program is prepared, usable once memories are allocated. */
export class Region {
  private readonly view: View;
  private readonly index: number;

  constructor(view: View, index: number) {
    this.view = view;
    this.index = index;
  }

  /** The words of the whole view; the region begins at `start`. */
  get words(): Words {
    if (this.view.words === null) throw new InvariantError("a memory is used before it is allocated");
    return this.view.words;
  }

  get start(): number {
    return this.index - this.view.first;
  }

  get signed(): boolean {
    return this.view.signed;
  }

  /** To be run after each write: hands the bits to readers of the other signedness. Null where there are none. */
  mirror({ rows, pitch, length }: Extent): (() => void) | null {
    const { view } = this;
    const { twin } = view;
    if (twin === null) return null;
    const last = this.index + (rows - 1) * pitch + length;
    if (this.index >= twin.end || last <= twin.first) return null;
    const source = { words: this.words, signed: view.signed };
    const copy = wordCopier(source, { words: twin.words ?? [], signed: twin.signed }, view.wordLength);
    return () => {
      for (let row = 0; row < rows; row++) {
        const index = this.index + row * pitch;
        const first = Math.max(index, twin.first);
        const end = Math.min(index + length, twin.end);
        if (first < end) copy(first - view.first, first - twin.first, end - first);
      }
    };
  }
}

/** The on-chip memories of a program: instructions name their regions, then `allocate` makes the views long enough. */
export class OnChipMemories {
  private readonly views = new Map<string, View>();

  /** `words` words from a bit address on. */
  region(memory: OnChipMemoryName, type: WordType, address: number, words: number): Region {
    const grid = address % type.wordLength;
    const index = (address - grid) / type.wordLength;
    const key = `${memory} ${type.wordLength} ${grid} `;
    let view = this.views.get(key + type.signed);
    if (view === undefined) {
      view = new View(type);
      this.views.set(key + type.signed, view);
      view.twin = this.views.get(key + !type.signed) ?? null;
      if (view.twin !== null) view.twin.twin = view;
    }
    view.first = Math.min(view.first, index);
    view.end = Math.max(view.end, index + words);
    return new Region(view, index);
  }

  /** The region of an extent. */
  extentRegion(memory: OnChipMemoryName, type: WordType, address: number, extent: Extent): Region {
    return this.region(memory, type, address, (extent.rows - 1) * extent.pitch + extent.length);
  }

  allocate(allocate: AllocateWords): void {
    for (const view of this.views.values()) view.words = allocate(view, view.end - view.first);
  }
}
