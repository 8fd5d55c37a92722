import { InvariantError } from "../../../../isa/diagnostic.ts";
import type { RoundingBias } from "../../../../isa/numerics/rounding-bias.ts";
import type { WeightTile } from "../contract.ts";
import type { Arena } from "./arena.ts";
import type { PackedSteps } from "./packed-steps.ts";
import { BLOCK_PARTS, PANEL, PART, RUN_END } from "./tile.ts";

/**
 * What a panel holds for one step, in sixteen words of sixteen bits.
 * - dot: eight pairs (weight, weight of the second half).
 * - pairs: eight pairs (weight, bias).
 * - biases: eight weights, then their biases.
 */
export type PanelLayout = "dot" | "pairs" | "biases";

const STEP_WORDS = 2 * PANEL;

/** Where weight and second word of filter i of a panel stand. */
const PLACES: Readonly<Record<PanelLayout, (filter: number) => readonly [number, number]>> = {
  dot: (filter) => [2 * filter, 2 * filter + 1],
  pairs: (filter) => [2 * filter, 2 * filter + 1],
  biases: (filter) => [filter, PANEL + filter],
};

export interface PanelShape {
  readonly layout: PanelLayout;
  readonly filters: number;
  readonly steps: PackedSteps;
  /** Factor 2^bits that the weights carry. */
  readonly scaleBits: number;
  readonly bias: RoundingBias;
  /** Filters after which a new panel begins: C where panels must not cross a fold, else all. */
  readonly foldFilters: number;
}

/** Packed weights of a tile, and what growth needs of them. All are addresses. */
export interface Panels {
  /** Panel by panel, step by step. */
  readonly weights: number;
  /** Bytes to the same panels with the biases for negative input words; 0 where they would be equal. */
  readonly negativeWeights: number;
  /** The largest Σ|w| of a filter by panel and block, and by panel, block and part of it; by panel the largest |w|. */
  readonly blockWeights: number;
  readonly partWeights: number;
  readonly largestWeights: number;
  /** To be called before each run; packs a tile that changes. */
  readonly refresh: () => void;
}

/** Panel of a filter, and its lane in it. */
function panelPlace({ foldFilters }: PanelShape, filter: number): { readonly panel: number; readonly lane: number } {
  const inFold = filter % foldFilters;
  const panel = Math.floor(filter / foldFilters) * Math.ceil(foldFilters / PANEL) + Math.floor(inFold / PANEL);
  return { panel, lane: inFold % PANEL };
}

export function packPanels(arena: Arena, tile: WeightTile, shape: PanelShape): Panels {
  const { filters, steps, bias, layout } = shape;
  const panels = panelPlace(shape, filters - 1).panel + 1;
  const length = panels * steps.first.length * STEP_WORDS;
  const signs = layout === "dot" || bias.negative === 0 ? 1 : 2;
  const packed = arena.array("Int16Array", signs * length);
  const blockWeights = arena.array("Uint32Array", panels * steps.blocks.length);
  const partWeights = arena.array("Uint32Array", panels * steps.blocks.length * BLOCK_PARTS);
  const largestWeights = arena.array("Uint32Array", panels);
  const bounds: Bounds = { blockWeights, partWeights, largestWeights };
  const pack = (): void => {
    for (let filter = 0; filter < filters; filter++) {
      packFilter(tile, shape, filter, packed, length, signs === 2);
      boundFilter(tile, shape, filter, bounds);
    }
  };
  if (tile.constant) pack();
  return {
    weights: addressOf(arena, packed),
    negativeWeights: signs === 1 ? 0 : length * 2,
    blockWeights: addressOf(arena, blockWeights),
    partWeights: addressOf(arena, partWeights),
    largestWeights: addressOf(arena, largestWeights),
    refresh: tile.constant
      ? () => undefined
      : () => {
          for (const bound of Object.values(bounds)) bound.fill(0);
          pack();
        },
  };
}

function packFilter(
  { words, base, pitch }: WeightTile,
  shape: PanelShape,
  filter: number,
  packed: Int16Array,
  negatives: number,
  bySign: boolean,
): void {
  const { layout, steps, scaleBits, bias } = shape;
  const scale = 2 ** scaleBits;
  const { panel, lane } = panelPlace(shape, filter);
  const [place, secondPlace] = PLACES[layout](lane);
  let step = panel * steps.first.length * STEP_WORDS;
  for (let index = 0; index < steps.first.length; index++, step += STEP_WORDS) {
    const weight = Number(words[base + (steps.first[index] as number) * pitch + filter]) * scale;
    packed[step + place] = weight;
    if (layout === "dot") {
      const second = steps.second[index] as number;
      packed[step + secondPlace] = second < 0 ? 0 : Number(words[base + second * pitch + filter]) * scale;
      continue;
    }
    if (bias.odd !== 0) continue;
    // A product of 0 may have either bias: both are below 2^s and vanish.
    packed[step + secondPlace] = bias.base + (weight < 0 ? bias.negative : 0);
    if (!bySign) continue;
    packed[negatives + step + place] = weight;
    packed[negatives + step + secondPlace] = bias.base + (weight > 0 ? bias.negative : 0);
  }
}

interface Bounds {
  readonly blockWeights: Uint32Array;
  readonly partWeights: Uint32Array;
  readonly largestWeights: Uint32Array;
}

function boundFilter({ words, base, pitch }: WeightTile, shape: PanelShape, filter: number, bounds: Bounds): void {
  const { blockWeights, partWeights, largestWeights } = bounds;
  const { steps, scaleBits } = shape;
  const scale = 2 ** scaleBits;
  const { panel } = panelPlace(shape, filter);
  let largest = largestWeights[panel] as number;
  let first = 0;
  for (const [block, entry] of steps.blocks.entries()) {
    const count = entry & (RUN_END - 1);
    const place = panel * steps.blocks.length + block;
    let blockSum = 0;
    for (let part = 0; part * PART < count; part++) {
      let partSum = 0;
      for (let index = part * PART; index < Math.min(count, (part + 1) * PART); index++) {
        for (const step of [steps.first[first + index] as number, steps.second[first + index] as number]) {
          if (step < 0) continue;
          const weight = Math.abs(Number(words[base + step * pitch + filter])) * scale;
          partSum += weight;
          if (weight > largest) largest = weight;
        }
      }
      const partPlace = place * BLOCK_PARTS + part;
      partWeights[partPlace] = Math.max(partWeights[partPlace] as number, partSum);
      blockSum += partSum;
    }
    blockWeights[place] = Math.max(blockWeights[place] as number, blockSum);
    first += count;
  }
  largestWeights[panel] = largest;
}

function addressOf(arena: Arena, array: object): number {
  const address = arena.addressOf(array);
  if (address === null) throw new InvariantError("packed weights lie outside the linear memory");
  return address;
}
