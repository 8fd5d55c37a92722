import { InvariantError } from "../../../../isa/diagnostic.ts";
import type { RoundingBias } from "../../arithmetic/rounding-bias.ts";
import type { WeightTile } from "../contract.ts";
import type { Arena } from "./arena.ts";
import type { PackedSteps } from "./packed-steps.ts";
import { PANEL, RUN_END } from "./tile.ts";

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
  /** By panel and block the largest Σ|w| of a filter; by panel the largest |w|. */
  readonly blockWeights: number;
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
  const largestWeights = arena.array("Uint32Array", panels);
  const pack = (): void => {
    for (let filter = 0; filter < filters; filter++) {
      packFilter(tile, shape, filter, packed, length, signs === 2);
      boundFilter(tile, shape, filter, blockWeights, largestWeights);
    }
  };
  if (tile.constant) pack();
  return {
    weights: addressOf(arena, packed),
    negativeWeights: signs === 1 ? 0 : length * 2,
    blockWeights: addressOf(arena, blockWeights),
    largestWeights: addressOf(arena, largestWeights),
    refresh: tile.constant
      ? () => undefined
      : () => {
          blockWeights.fill(0);
          largestWeights.fill(0);
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

function boundFilter(
  { words, base, pitch }: WeightTile,
  shape: PanelShape,
  filter: number,
  blockWeights: Uint32Array,
  largestWeights: Uint32Array,
): void {
  const { steps, scaleBits } = shape;
  const scale = 2 ** scaleBits;
  const { panel } = panelPlace(shape, filter);
  let largest = largestWeights[panel] as number;
  let index = 0;
  for (const [block, entry] of steps.blocks.entries()) {
    const end = index + (entry & (RUN_END - 1));
    let sum = 0;
    for (; index < end; index++) {
      for (const step of [steps.first[index] as number, steps.second[index] as number]) {
        if (step < 0) continue;
        const weight = Math.abs(Number(words[base + step * pitch + filter])) * scale;
        sum += weight;
        if (weight > largest) largest = weight;
      }
    }
    const place = panel * steps.blocks.length + block;
    blockWeights[place] = Math.max(blockWeights[place] as number, sum);
  }
  largestWeights[panel] = largest;
}

function addressOf(arena: Arena, array: object): number {
  const address = arena.addressOf(array);
  if (address === null) throw new InvariantError("packed weights lie outside the linear memory");
  return address;
}
