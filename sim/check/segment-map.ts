/** Adjacent words of one W that share their last writer and their last reader. */
export interface Segment {
  /** First bit and one past the last; a whole number of words. */
  start: number;
  end: number;
  wordLength: number;
  /** Instruction that wrote the words; −1 for what is there before the first instruction. */
  writer: number;
  /** Last instruction that read them since; −1 where none did. */
  reader: number;
}

const CHUNK_SEGMENTS = 256;

/**
 * What each word of one memory holds, as disjoint segments in the order of their addresses. Memory and time go with the
 * number of blocks that a program moves, not with words or capacity. Segments lie in chunks, so that inserting one moves
 * at most a few hundred.
 */
export class SegmentMap {
  readonly #chunks: Segment[][] = [];

  /** Segments that share a bit with [start, end), ascending. */
  overlapping(start: number, end: number): readonly Segment[] {
    const found: Segment[] = [];
    let [chunk, index] = this.#find(start);
    for (let list = this.#chunks[chunk]; list; list = this.#chunks[++chunk], index = 0) {
      for (; index < list.length; index++) {
        const segment = list[index] as Segment;
        if (segment.start >= end) return found;
        found.push(segment);
      }
    }
    return found;
  }

  /** New words over [start, end). Words that they touch in part are lost. `old`: what `overlapping` says of the range. */
  write(
    start: number,
    end: number,
    wordLength: number,
    writer: number,
    old: readonly Segment[] = this.overlapping(start, end),
  ): void {
    const [first, last] = [old[0], old[old.length - 1]];
    if (first && first === last && first.start === start && first.end === end) {
      first.wordLength = wordLength;
      first.writer = writer;
      first.reader = -1;
      return;
    }
    if (first) this.#remove(start, old.length);
    if (first && first.start < start) this.#insertPart(first, first.start, floorTo(start, first));
    this.#insert({ start, end, wordLength, writer, reader: -1 });
    if (last && last.end > end) this.#insertPart(last, ceilTo(end, last), last.end);
  }

  /** Notes the reader of [start, end), which must be whole words of the segments there; `old` as above. */
  read(start: number, end: number, reader: number, old: readonly Segment[] = this.overlapping(start, end)): void {
    const [only] = old;
    if (old.length === 1 && only && (only.reader === reader || (only.start === start && only.end === end))) {
      only.reader = reader;
      return;
    }
    this.#remove(start, old.length);
    for (const segment of old) {
      const [from, to] = [Math.max(start, segment.start), Math.min(end, segment.end)];
      this.#insertPart(segment, segment.start, from);
      this.#insert({ ...segment, start: from, end: to, reader });
      this.#insertPart(segment, to, segment.end);
    }
  }

  #insertPart(segment: Segment, start: number, end: number): void {
    if (start < end) this.#insert({ ...segment, start, end });
  }

  /** Chunk and index of the first segment that ends behind a bit. */
  #find(bit: number): [chunk: number, index: number] {
    const chunk = lowest(this.#chunks.length, (at) => (this.#chunks[at]?.at(-1)?.end ?? 0) > bit);
    const list = this.#chunks[chunk];
    return [chunk, list ? lowest(list.length, (at) => (list[at]?.end ?? 0) > bit) : 0];
  }

  /** Removes `count` segments from the first one that ends behind `start`. */
  #remove(start: number, count: number): void {
    let [chunk, index] = this.#find(start);
    for (let left = count; left > 0; ) {
      const list = this.#chunks[chunk] as Segment[];
      left -= list.splice(index, left).length;
      if (list.length === 0) this.#chunks.splice(chunk, 1);
      else chunk++;
      index = 0;
    }
  }

  /** Adds a segment that overlaps none; joins it to the one before where they differ in nothing. */
  #insert(segment: Segment): void {
    let [chunk, index] = this.#find(segment.start);
    if (chunk === this.#chunks.length) {
      if (chunk === 0) this.#chunks.push([]);
      else chunk--;
      index = this.#chunks[chunk]?.length ?? 0;
    }
    const list = this.#chunks[chunk] as Segment[];
    const before = list[index - 1];
    if (before && joins(before, segment)) before.end = segment.end;
    else list.splice(index, 0, segment);
    if (list.length > CHUNK_SEGMENTS) this.#chunks.splice(chunk + 1, 0, list.splice(CHUNK_SEGMENTS / 2));
  }
}

function joins(a: Segment, b: Segment): boolean {
  return a.end === b.start && a.wordLength === b.wordLength && a.writer === b.writer && a.reader === b.reader;
}

/** The last word border of the segment at or before a bit, and the first at or behind it. */
function floorTo(bit: number, { start, wordLength }: Segment): number {
  return start + Math.floor((bit - start) / wordLength) * wordLength;
}

function ceilTo(bit: number, { start, wordLength }: Segment): number {
  return start + Math.ceil((bit - start) / wordLength) * wordLength;
}

/** The lowest index below `count` that satisfies a condition which, once true, stays true; else `count`. */
function lowest(count: number, condition: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (condition(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
