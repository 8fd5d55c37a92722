import type { DramTensor } from "../memory/dram.ts";
import type { WordType } from "../memory/on-chip.ts";

/** Words of the weight scratchpad that one load wrote, from one run of one tensor where they are a plain copy of it. */
interface LoadedRun {
  readonly load: number;
  /** Bits of the scratchpad: first, and one past the last. */
  readonly first: number;
  readonly end: number;
  readonly type: WordType;
  readonly source: { readonly tensor: DramTensor; readonly offset: number } | null;
}

/** Where words of the weight scratchpad come from. */
export interface WeightSource {
  readonly tensor: DramTensor;
  /** Word (k, n) lies at base + k · pitch + n of the tensor. */
  readonly base: number;
  readonly pitch: number;
}

/** One run of a load, as `ResidentWeights` notes it. */
export interface WeightRun {
  /** Bit address in the scratchpad. */
  readonly address: number;
  readonly words: number;
  readonly source: { readonly tensor: DramTensor; readonly offset: number } | null;
}

/**
 * Follows constants through the weight scratchpad while a program is prepared. Where everything that an instruction reads there
 * is a plain copy of a constant tensor, it reads the tensor itself, quantized and resident since compilation; a load
 * that nobody needs any more is not executed (its cycles and its place in the schedule stay).
 */
export class ResidentWeights {
  private runs: LoadedRun[] = [];
  private readonly needed = new Set<number>();

  /** A load writes these runs, one after the other; `covered`: all bits it writes, padding included. */
  loaded(load: number, type: WordType, covered: { first: number; end: number }, runs: readonly WeightRun[]): void {
    this.runs = this.runs.flatMap((run) => without(run, covered.first, covered.end));
    const followed = runs.every(({ source }) => source !== null);
    if (!followed) {
      this.runs.push({ load, ...covered, type, source: null });
      this.needed.add(load);
      return;
    }
    for (const { address, words, source } of runs) {
      this.runs.push({ load, first: address, end: address + words * type.wordLength, type, source });
    }
  }

  /** `rows` rows of `length` words, `pitch` words apart. Null where they are not all one constant's; their loads then stay. */
  find(address: number, type: WordType, rows: number, pitch: number, length: number): WeightSource | null {
    const found = this.lookUp(address, type, rows, pitch, length);
    if (found === null) {
      const end = address + ((rows - 1) * pitch + length) * type.wordLength;
      for (const run of this.runs) if (run.first < end && run.end > address) this.needed.add(run.load);
    }
    return found;
  }

  /** Whether a load of constants into the weight scratchpad must be executed for every image. */
  isNeeded(load: number): boolean {
    return this.needed.has(load);
  }

  private lookUp(address: number, type: WordType, rows: number, pitch: number, length: number): WeightSource | null {
    const rowBits = pitch * type.wordLength;
    const whole = this.sourceOf(address, (rows - 1) * pitch + length, type);
    if (whole !== null) return { tensor: whole.tensor, base: whole.offset, pitch };
    const first = this.sourceOf(address, length, type);
    const second = rows > 1 ? this.sourceOf(address + rowBits, length, type) : first;
    if (first === null || second === null) return null;
    const sourcePitch = second.offset - first.offset;
    for (let row = 0; row < rows; row++) {
      const source = this.sourceOf(address + row * rowBits, length, type);
      if (source?.tensor !== first.tensor || source.offset !== first.offset + row * sourcePitch) return null;
    }
    return { tensor: first.tensor, base: first.offset, pitch: sourcePitch };
  }

  private sourceOf(address: number, words: number, type: WordType): { tensor: DramTensor; offset: number } | null {
    const end = address + words * type.wordLength;
    const run = this.runs.find(({ first, end: runEnd }) => first <= address && end <= runEnd);
    if (!run?.source || run.type.wordLength !== type.wordLength || run.type.signed !== type.signed) return null;
    const offset = (address - run.first) / type.wordLength;
    return Number.isInteger(offset) ? { tensor: run.source.tensor, offset: run.source.offset + offset } : null;
  }
}

/** What is left of a run when the bits first … end − 1 are overwritten; a run that was cut loses its source's middle. */
function without(run: LoadedRun, first: number, end: number): LoadedRun[] {
  if (run.end <= first || run.first >= end) return [run];
  const left: LoadedRun[] = [];
  const { wordLength } = run.type;
  if (run.first < first) {
    const words = Math.floor((first - run.first) / wordLength);
    if (words > 0) left.push({ ...run, end: run.first + words * wordLength });
  }
  if (run.end > end) {
    const skipped = Math.ceil((end - run.first) / wordLength);
    const start = run.first + skipped * wordLength;
    const source = run.source && { ...run.source, offset: run.source.offset + skipped };
    if (start < run.end) left.push({ ...run, first: start, source });
  }
  return left;
}
