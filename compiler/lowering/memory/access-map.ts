/** Who last read and wrote which bits of a memory: what an instruction must wait for. */

/** Bits start … end − 1 of a memory. */
export interface BitRange {
  readonly start: number;
  readonly end: number;
}

export type Access = "read" | "write";

/** Index of the latest instruction that read and wrote a range; −1 for none. */
interface Piece extends BitRange {
  readonly read: number;
  readonly write: number;
}

/**
 * Disjoint pieces in ascending order. Reads of one memory all come from one unit and writes from one, in order, so the
 * latest of each says everything.
 */
export class AccessMap {
  #pieces: Piece[] = [];

  /** The latest instruction that accessed any bit of the range so; −1 for none. */
  latest(access: Access, range: BitRange): number {
    let latest = -1;
    for (let index = this.#firstBehind(range.start); index < this.#pieces.length; index++) {
      const piece = this.#pieces[index];
      if (piece === undefined || piece.start >= range.end) break;
      if (piece[access] > latest) latest = piece[access];
    }
    return latest;
  }

  /**
   * Notes an access by an instruction. A write forgets the reads before it: whoever writes next comes after this writer,
   * which has waited for them.
   */
  note(access: Access, range: BitRange, instruction: number): void {
    const first = this.#firstBehind(range.start);
    const replacement: Piece[] = [];
    let position = range.start;
    let index = first;
    for (; index < this.#pieces.length; index++) {
      const piece = this.#pieces[index];
      if (piece === undefined || piece.start >= range.end) break;
      if (piece.start < range.start) replacement.push({ ...piece, end: range.start });
      if (access === "read") {
        const start = Math.max(piece.start, range.start);
        const end = Math.min(piece.end, range.end);
        if (position < start) replacement.push({ start: position, end: start, read: instruction, write: -1 });
        replacement.push({ start, end, read: instruction, write: piece.write });
        position = end;
      }
      if (piece.end > range.end) {
        if (access === "write") replacement.push({ ...range, read: -1, write: instruction });
        position = range.end;
        replacement.push({ ...piece, start: range.end });
      }
    }
    if (position < range.end) {
      const write = access === "write" ? instruction : -1;
      replacement.push({ start: position, end: range.end, read: access === "read" ? instruction : -1, write });
    }
    this.#pieces.splice(first, index - first, ...replacement);
  }

  /** Index of the first piece that ends behind a position. */
  #firstBehind(position: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle]?.end ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
