import { wordAt } from "../../memory/words.ts";
import type { WeightTile } from "../contract.ts";
import type { Arena } from "./arena.ts";
import type { PackedSteps } from "./packed-steps.ts";
import { PANEL, RUN_END } from "./tile.ts";

/** Packed weights of eight bytes, and what growth needs of them. All are addresses. */
export interface WidePanels {
  readonly weights: number;
  /** Doubles: by panel and block the largest Σ|w| of a filter, by panel the largest |w|; with the factor 2^−s. */
  readonly blockWeights: number;
  readonly largestWeights: number;
  /** To be called before each run; packs a tile that changes. */
  readonly refresh: () => void;
}

export interface WidePanelShape {
  readonly view: "Float64Array" | "BigInt64Array";
  readonly filters: number;
  readonly steps: PackedSteps;
  /** Power of two that a packed weight carries. */
  readonly scaleBits: number;
  /** The same in bounds. */
  readonly boundBits: number;
}

export function packWidePanels(arena: Arena, tile: WeightTile, shape: WidePanelShape): WidePanels {
  const { filters, steps, view, scaleBits, boundBits } = shape;
  const panels = Math.ceil(filters / PANEL);
  const packed = arena.array(view, panels * steps.first.length * PANEL);
  const blockWeights = arena.array("Float64Array", panels * steps.blocks.length);
  const largestWeights = arena.array("Float64Array", panels);
  const { words, base, pitch } = tile;
  const boundScale = 2 ** boundBits;
  const scale = 2 ** scaleBits;

  const packFilter = (filter: number): void => {
    const panel = Math.floor(filter / PANEL);
    let index = 0;
    for (const [block, entry] of steps.blocks.entries()) {
      const end = index + (entry & (RUN_END - 1));
      let sum = 0;
      for (; index < end; index++) {
        const place = base + (steps.first[index] as number) * pitch + filter;
        const target = (panel * steps.first.length + index) * PANEL + (filter % PANEL);
        const weight = Number(words[place]);
        if (packed instanceof Float64Array) packed[target] = weight * scale;
        else packed[target] = wordAt(words, place) << BigInt(scaleBits);
        const bound = Math.abs(weight) * boundScale;
        sum += bound;
        largestWeights[panel] = Math.max(largestWeights[panel] as number, bound);
      }
      const place = panel * steps.blocks.length + block;
      blockWeights[place] = Math.max(blockWeights[place] as number, sum);
    }
  };
  const pack = (): void => {
    for (let filter = 0; filter < filters; filter++) packFilter(filter);
  };
  if (tile.constant) pack();
  return {
    weights: arena.addressOf(packed) ?? 0,
    blockWeights: arena.addressOf(blockWeights) ?? 0,
    largestWeights: arena.addressOf(largestWeights) ?? 0,
    refresh: tile.constant
      ? () => undefined
      : () => {
          blockWeights.fill(0);
          largestWeights.fill(0);
          pack();
        },
  };
}
