import type { MatrixProblem, WeightTile } from "./contract.ts";

/** Filters that a plain kernel sums side by side, so that one input word serves them all. */
export const PANEL = 4;

/** Array type of a lane. */
export type LaneArray = Int32Array | Float64Array;
type AllocateLane<Words extends LaneArray> = (length: number) => Words;

/**
 * Weights in the order in which the plain kernels read them: for each group of four filters, step after step, four
 * words; missing filters are zero. Words carry the factor 2^scaleBits.
 */
export interface WeightPanels<Words extends LaneArray> {
  readonly words: Words;
  /** To be called before each run; packs a tile that changes. */
  readonly refresh: () => void;
}

const packed = new WeakMap<WeightTile, Map<string, LaneArray>>();

/** Packs a tile: one that never changes once for all kernels of a lane, any other anew in every `refresh`. */
export function weightPanels<Words extends LaneArray>(
  problem: MatrixProblem,
  tile: WeightTile,
  scaleBits: number,
  allocate: AllocateLane<Words>,
): WeightPanels<Words> {
  const { filters, steps } = problem;
  if (!tile.constant) {
    const words = allocate(panelLength(filters, steps));
    return { words, refresh: () => pack(tile, filters, steps, scaleBits, words) };
  }
  const known = packed.get(tile) ?? new Map<string, LaneArray>();
  packed.set(tile, known);
  const key = `${allocate(0).constructor.name} ${filters} ${steps} ${scaleBits}`;
  let words = known.get(key) as Words | undefined;
  if (words === undefined) {
    words = allocate(panelLength(filters, steps));
    pack(tile, filters, steps, scaleBits, words);
    known.set(key, words);
  }
  return { words, refresh: () => undefined };
}

function panelLength(filters: number, steps: number): number {
  return Math.ceil(filters / PANEL) * steps * PANEL;
}

function pack(tile: WeightTile, filters: number, steps: number, scaleBits: number, target: LaneArray): void {
  const { words, base, pitch } = tile;
  const scale = 2 ** scaleBits;
  for (let filter = 0; filter < filters; filter++) {
    let index = Math.floor(filter / PANEL) * steps * PANEL + (filter % PANEL);
    for (let step = 0; step < steps; step++, index += PANEL) {
      target[index] = Number(words[base + step * pitch + filter]) * scale;
    }
  }
}
