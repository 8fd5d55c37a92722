import type { RawRange } from "../../../isa/format.ts";

/** Sums of a matrix tile in the accumulator bank, in bits and words. */
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
 * What growth has proved of the sums that lie in the bank, tile by tile. Only matrix instructions write there, so
 * following them in program order is enough.
 */
export class BankBounds {
  private known: Known[] = [];

  /** The proved range of a tile's sums; null where nothing is known. */
  boundOf(tile: BankTile): RawRange | null {
    return this.known.find((entry) => covers(entry.tile, tile))?.bound ?? null;
  }

  /** The tile is overwritten, with sums in `bound`, or with anything. */
  wrote(tile: BankTile, bound: RawRange | null): void {
    this.known = this.known.filter((entry) => !overlap(entry.tile, tile));
    if (bound !== null) this.known.push({ tile, bound });
  }
}

/** Same place and layout, and no larger. */
function covers(outer: BankTile, inner: BankTile): boolean {
  return (
    outer.address === inner.address &&
    outer.wordLength === inner.wordLength &&
    outer.signed === inner.signed &&
    (outer.pitch === inner.pitch || inner.pixels === 1) &&
    inner.pixels <= outer.pixels &&
    inner.filters <= outer.filters
  );
}

function overlap(a: BankTile, b: BankTile): boolean {
  return a.address < endOf(b) && b.address < endOf(a);
}

function endOf({ address, wordLength, pixels, filters, pitch }: BankTile): number {
  return address + ((pixels - 1) * pitch + filters) * wordLength;
}
