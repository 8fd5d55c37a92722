/** Where the tiles of a memory lie: two halves in turn for tiles that fit twice, from 0 on for larger ones. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import type { BitRange } from "./access-map.ts";

interface ResidentTile extends BitRange {
  readonly key: string;
}

/**
 * One memory through the whole program: the turn goes on from layer to layer, so that a layer's first tile can be loaded
 * while the last one of the layer before is still in use.
 */
export class PingPongBuffer {
  readonly #capacityBits: number;
  #upperHalf = false;
  #resident: ResidentTile[] = [];

  constructor(capacityBits: number) {
    this.#capacityBits = capacityBits;
  }

  /** Address of a tile that is still there; undefined where it is not. */
  find(key: string): number | undefined {
    return this.#resident.find((tile) => tile.key === key)?.start;
  }

  /** Address for a new tile; what lay there is gone. */
  allocate(key: string, bits: number): number {
    if (bits > this.#capacityBits) {
      throw new InvariantError(`tile "${key}" takes ${bits} bits of a memory of ${this.#capacityBits}`);
    }
    const half = Math.floor(this.#capacityBits / 2);
    const start = bits <= half && this.#upperHalf ? half : 0;
    this.#upperHalf = start === 0;
    const end = start + bits;
    this.#resident = this.#resident.filter((tile) => tile.end <= start || tile.start >= end);
    this.#resident.push({ key, start, end });
    return start;
  }
}
