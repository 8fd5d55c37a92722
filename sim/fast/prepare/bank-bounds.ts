import type { RawRange } from "../../../isa/numerics/format.ts";

/** Sums of a tile in the accumulator bank, in bits and words. */
export interface BankTile {
  readonly address: number;
  readonly wordLength: number;
  readonly signed: boolean;
  readonly pixels: number;
  readonly filters: number;
  readonly pitch: number;
}

interface Known {
  readonly tile: BankTile;
  readonly bound: RawRange;
}

/**
 * What growth has proved of the sums that lie in the bank, tile by tile. Only matrix and preload instructions and pools
 * write there, so following them in program order is enough.
 */
export class BankBounds {
  private known: Known[] = [];

  /** The proved range of a tile's sums; null where nothing is known. */
  boundOf(tile: BankTile): RawRange | null {
    return this.known.find((entry) => covers(entry.tile, tile))?.bound ?? null;
  }

  /** The tile is overwritten, with sums in `bound`, or with anything. */
  wrote(tile: BankTile, bound: RawRange | null): void {
    this.known = this.known.flatMap((entry) => {
      if (!overlap(entry.tile, tile)) return [entry];
      return besides(entry.tile, tile).map((rest) => ({ tile: rest, bound: entry.bound }));
    });
    if (bound !== null) this.known.push({ tile, bound });
  }
}

/** Part of the same layout: the same words, or some of its filters. */
function covers(outer: BankTile, inner: BankTile): boolean {
  const first = firstFilter(outer, inner);
  return (
    first !== null &&
    outer.signed === inner.signed &&
    inner.pixels <= outer.pixels &&
    first + inner.filters <= outer.filters
  );
}

/** Number in `outer` of the first filter of `inner`, where both have the same words and pixels; else null. */
function firstFilter(outer: BankTile, inner: BankTile): number | null {
  const first = (inner.address - outer.address) / outer.wordLength;
  const aligned = outer.wordLength === inner.wordLength && (outer.pitch === inner.pitch || inner.pixels === 1);
  return aligned && Number.isInteger(first) && first >= 0 && first < outer.filters ? first : null;
}

/** Filters of a tile to the left and right of those that another overwrites; nothing where their layouts differ. */
function besides(tile: BankTile, written: BankTile): BankTile[] {
  const first = firstFilter(tile, written);
  if (first === null || tile.pitch !== written.pitch) return [];
  const end = first + written.filters;
  if (end > tile.pitch) return [];
  const left = { ...tile, filters: first };
  const right = { ...tile, address: tile.address + end * tile.wordLength, filters: tile.filters - end };
  return [left, right].filter(({ filters }) => filters > 0);
}

function overlap(a: BankTile, b: BankTile): boolean {
  return a.address < endOf(b) && b.address < endOf(a);
}

function endOf({ address, wordLength, pixels, filters, pitch }: BankTile): number {
  return address + ((pixels - 1) * pitch + filters) * wordLength;
}
