/** What the parts of a convolution or dense layer's lowering hand each other: the layer, and its tiles. */
import type { Activation, IntegerRequantization } from "../../graph/graph.ts";
import { type Span, tilesAlong } from "../axis.ts";
import type { LayerLowering, Placement, StoredTensor } from "../layer-lowering.ts";
import type { MatrixProblem } from "./matrix-problem.ts";
import type { MatrixTiling } from "./matrix-tiling.ts";

export interface MatrixLayer {
  readonly lowering: LayerLowering;
  readonly problem: MatrixProblem;
  readonly tiling: MatrixTiling;
  /** Tile after tile, each [group][k][filter]; see constants.ts. The problem's begin at word `weightOrigin`. */
  readonly weight: StoredTensor;
  readonly weightOrigin: number;
  /** Multipliers of a requantization. */
  readonly scale: StoredTensor | null;
  readonly bias: StoredTensor | null;
  /** Sums start from the bias. */
  readonly preloads: boolean;
  readonly activation: Activation;
  /** Of an integer layer, which has no activation. */
  readonly requantization: IntegerRequantization | null;
  /** Where the problem's results lie in the layer's output. */
  readonly placement: Placement;
}

/** Output rows and columns of a tile. */
export interface PixelTile {
  readonly row: Span;
  readonly column: Span;
}

/** Filters of a tile: all of several groups, or some of one. */
export interface FilterTile {
  readonly group: number;
  readonly groups: number;
  /** Within a group. */
  readonly filter: number;
  readonly filters: number;
}

/** Filter tiles in groups that share their input channels. */
export function filterTiles(problem: MatrixProblem, tiling: MatrixTiling): readonly (readonly FilterTile[])[] {
  return tilesAlong(problem.groups, tiling.groups).map(({ first: group, count: groups }) =>
    tilesAlong(problem.filtersPerGroup, tiling.filters).map(({ first: filter, count: filters }) => ({
      group,
      groups,
      filter,
      filters,
    })),
  );
}
