/**
 * Tiling of a matrix layer. A tile is a block of output rows × columns × filters; its sums are formed from reduction
 * chunks. Chosen by enumeration: every sensible size of each kind that fits the memories, the best by `choosePlan`.
 *
 * - `window`: the input block holds all that the tile's pixels read, for every step k. Weights come whole, or in chunks
 *   of k where a tile's weights do not fit.
 * - `slice`: where not even one pixel's window fits, input and weights come chunk by chunk: one kernel position and a
 *   slice of the channels.
 *
 * Filter tiles outside means that weights stay while pixel tiles pass, pixel tiles outside that inputs stay while filter
 * tiles pass. A tile that is still in its scratchpad is not loaded again.
 */
import type { MatrixShape } from "../../../isa/dataflow/definition.ts";
import { laneSteps } from "../../../isa/dataflow/lane-steps.ts";
import { arraySteps, cutMultiple } from "../../../isa/dataflow/table.ts";
import type { Machine } from "../../../isa/machine.ts";
import {
  blockLength,
  candidateSizes,
  positionBlock,
  tileSizes,
  tilesAlong,
  type WindowAxis,
  windowBlock,
} from "../axis.ts";
import { FIELD_LIMITS } from "../field-limits.ts";
import { addTraffic, estimateTraffic, type Traffic, withLongestRuns } from "../memory/transfer.ts";
import { choosePlan, type PlanCost, tileFit } from "../plan-cost.ts";
import { type MatrixProblem, type MatrixWords, reductionSteps, sliceChannels } from "./matrix-problem.ts";

export type InputResidency = "window" | "slice";

export interface MatrixTiling {
  /** Output rows and columns of a pixel tile. */
  readonly rows: number;
  readonly columns: number;
  /** Groups of a tile; where more than one, all their filters. */
  readonly groups: number;
  /** Filters of a tile within one group. */
  readonly filters: number;
  readonly residency: InputResidency;
  /** Steps of a reduction chunk; K where it is not divided. */
  readonly steps: number;
  readonly outer: "filters" | "pixels";
}

/** The four memories' bits that one tile takes. */
export interface TileBits {
  readonly inputScratchpad: number;
  readonly weightScratchpad: number;
  readonly accumulatorBank: number;
  readonly outputBuffer: number;
}

export interface MatrixPlan {
  readonly tiling: MatrixTiling;
  readonly bits: TileBits;
  readonly cost: PlanCost;
}

/** The best tiling; undefined where not even the smallest tile fits. `preloads`: sums start from their bias. */
export function searchMatrixTiling(
  problem: MatrixProblem,
  words: MatrixWords,
  machine: Machine,
  preloads = false,
): MatrixPlan | undefined {
  const search = new MatrixSearch(problem, words, machine, preloads);
  return choosePlan(search.plans("window")) ?? choosePlan(search.plans("slice"));
}

/** What the smallest tile takes of each memory: the least any tiling can do with. */
export function smallestTileBits(problem: MatrixProblem, words: MatrixWords, machine: Machine): TileBits {
  const steps = reductionSteps(problem);
  const smallestChunk = Math.min(cutMultiple(machine), steps);
  const slice = sliceSizes(problem, machine).at(-1);
  const window = blockExtent(problem.rows, 1, "window") * blockExtent(problem.columns, 1, "window");
  const sliceExtent = sliceBlocks(problem);
  const position = blockExtent(problem.rows, 1, sliceExtent) * blockExtent(problem.columns, 1, sliceExtent);
  const inputWords = Math.min(
    window * problem.channelsPerGroup,
    slice === undefined ? Number.POSITIVE_INFINITY : position * sliceChannels(problem, slice),
  );
  return {
    inputScratchpad: inputWords * words.input,
    weightScratchpad: smallestChunk * words.weight + words.perFilter,
    accumulatorBank: words.accumulator,
    outputBuffer: words.output,
  };
}

/** Blocks of one axis for tiles of one size. */
interface AxisTiles {
  readonly size: number;
  readonly tiles: number;
  /** Positions of the largest block. */
  readonly extent: number;
  /** Source positions of all blocks together. */
  readonly loaded: number;
}

/** Tiles of the layer; pixel tiles and filter tiles of one group tile, chunks of one sum. */
interface TileCounts {
  readonly pixel: number;
  readonly filter: number;
  readonly chunk: number;
  /** Different blocks to load, and to store. */
  readonly input: number;
  readonly weight: number;
  readonly output: number;
}

class MatrixSearch {
  readonly #problem: MatrixProblem;
  readonly #words: MatrixWords;
  readonly #machine: Machine;
  readonly #preloads: boolean;
  readonly #steps: number;

  constructor(problem: MatrixProblem, words: MatrixWords, machine: Machine, preloads: boolean) {
    this.#problem = problem;
    this.#words = words;
    this.#machine = machine;
    this.#preloads = preloads;
    this.#steps = reductionSteps(problem);
  }

  plans(residency: InputResidency): readonly MatrixPlan[] {
    const { rows, columns } = this.#problem;
    const blocks = residency === "slice" ? sliceBlocks(this.#problem) : residency;
    const rowTiles = candidateSizes(rows.output).map((size) => axisTiles(rows, size, blocks));
    const columnTiles = candidateSizes(columns.output).map((size) => axisTiles(columns, size, blocks));
    const plans: MatrixPlan[] = [];
    for (const { groups, filters } of this.#filterTiles(residency)) {
      for (const row of rowTiles) {
        for (const column of columnTiles) {
          if (!this.#pixelsFit(row, column, groups * filters)) continue;
          for (const steps of this.#chunkSizes(residency, groups, filters)) {
            for (const outer of ["pixels", "filters"] as const) {
              const tiling = { rows: row.size, columns: column.size, groups, filters, residency, steps, outer };
              const plan = this.#plan(tiling, row, column);
              if (plan) plans.push(plan);
            }
          }
        }
      }
    }
    return plans;
  }

  /** Whole groups, or parts of one. */
  #filterTiles(residency: InputResidency): readonly { groups: number; filters: number }[] {
    const { groups, filtersPerGroup } = this.#problem;
    const { columns } = this.#machine;
    const small = [8, 4, 2, 1].filter((size) => size < Math.min(columns, filtersPerGroup));
    const sizes = [...new Set([...candidateSizes(filtersPerGroup, columns), ...small])];
    const wholeGroups = residency === "window" && groups > 1 ? candidateSizes(groups).filter((size) => size > 1) : [];
    return [
      ...wholeGroups.map((size) => ({ groups: size, filters: filtersPerGroup })),
      ...sizes.map((filters) => ({ groups: 1, filters })),
    ];
  }

  /** Sizes of reduction chunks: all of K, and what fits the weight scratchpad twice and once. */
  #chunkSizes(residency: InputResidency, groups: number, filters: number): readonly number[] {
    if (residency === "slice") return sliceSizes(this.#problem, this.#machine);
    if (groups > 1) return [this.#steps];
    const { capacityBits } = this.#machine.weightScratchpad;
    const bias = filters * this.#words.perFilter;
    const sizes = [capacityBits / 2, capacityBits].map((bits) =>
      wholeChunk(Math.floor((Math.floor(bits) - bias) / (filters * this.#words.weight)), this.#steps, this.#machine),
    );
    return [...new Set([this.#steps, ...sizes])].filter((size) => size > 0);
  }

  #pixelsFit(row: AxisTiles, column: AxisTiles, filters: number): boolean {
    const { accumulatorBank, outputBuffer } = this.#machine;
    const pixels = row.size * column.size;
    return (
      pixels * filters * this.#words.accumulator <= accumulatorBank.capacityBits &&
      pixels * filters * this.#words.output <= outputBuffer.capacityBits &&
      row.size <= FIELD_LIMITS.side &&
      column.size <= FIELD_LIMITS.side &&
      row.extent <= FIELD_LIMITS.side &&
      column.extent <= FIELD_LIMITS.side &&
      pixels <= FIELD_LIMITS.count &&
      filters <= FIELD_LIMITS.side
    );
  }

  #plan(tiling: MatrixTiling, row: AxisTiles, column: AxisTiles): MatrixPlan | undefined {
    const machine = this.#machine;
    const bits = this.#tileBits(tiling, row, column);
    const tiles = this.#tileCounts(tiling, row, column);
    const input = tileFit(bits.inputScratchpad, tiles.input, machine.inputScratchpad.capacityBits);
    const weights = tileFit(bits.weightScratchpad, tiles.weight, machine.weightScratchpad.capacityBits);
    const output = tileFit(bits.outputBuffer, tiles.output, machine.outputBuffer.capacityBits);
    const expressible = tiling.groups * tiling.filters * tiling.steps <= FIELD_LIMITS.count;
    if (!input.fits || !weights.fits || !output.fits || !expressible) return undefined;

    // A tile is loaded again where more tiles pass than its memory holds before it is needed once more.
    const stays = (fit: { overlaps: boolean }, passing: number): boolean => passing <= (fit.overlaps ? 2 : 1);
    const filtersOutside = tiling.outer === "filters";
    const inputStays = tiling.residency === "window" && (!filtersOutside || stays(input, tiles.pixel));
    const weightsStay = stays(weights, filtersOutside ? tiles.chunk : tiles.filter * tiles.chunk);
    const cost: PlanCost = {
      overlapped: input.overlaps && weights.overlaps && output.overlaps,
      load: addTraffic(
        this.#inputTraffic(tiling, row, column, tiles.input * (inputStays ? 1 : tiles.filter)),
        this.#weightTraffic(tiling, tiles, weightsStay ? 1 : tiles.pixel),
      ),
      store: this.#outputTraffic(tiling, tiles.output),
      computeCycles: this.#computeCycles(tiling, tiles.chunk),
    };
    return { tiling, bits, cost };
  }

  #tileBits(tiling: MatrixTiling, row: AxisTiles, column: AxisTiles): TileBits {
    const { input, weight, perFilter, accumulator, output } = this.#words;
    const tileFilters = tiling.groups * tiling.filters;
    const sums = row.size * column.size * tileFilters;
    return {
      inputScratchpad: row.extent * column.extent * this.#blockChannels(tiling) * input,
      weightScratchpad: tileFilters * (tiling.steps * weight + perFilter),
      accumulatorBank: sums * accumulator,
      outputBuffer: sums * output,
    };
  }

  #blockChannels({ residency, groups, steps }: MatrixTiling): number {
    return residency === "window" ? groups * this.#problem.channelsPerGroup : sliceChannels(this.#problem, steps);
  }

  #tileCounts(tiling: MatrixTiling, row: AxisTiles, column: AxisTiles): TileCounts {
    const pixel = row.tiles * column.tiles;
    const group = Math.ceil(this.#problem.groups / tiling.groups);
    const filter = Math.ceil(this.#problem.filtersPerGroup / tiling.filters);
    const chunk = chunkCount(this.#problem, tiling);
    const input = pixel * group * (tiling.residency === "slice" ? chunk : 1);
    return { pixel, filter, chunk, input, weight: group * filter * chunk, output: pixel * group * filter };
  }

  #inputTraffic(tiling: MatrixTiling, row: AxisTiles, column: AxisTiles, transfers: number): Traffic {
    const { rowStride, columnStride } = this.#problem;
    const rows = Math.ceil(row.loaded / row.tiles);
    const columns = Math.ceil(column.loaded / column.tiles);
    const channels = this.#blockChannels(tiling);
    const block = withLongestRuns({ rows, columns, channels, rowStride, columnStride });
    const share = (row.loaded / (row.tiles * rows)) * (column.loaded / (column.tiles * columns));
    const runBits = block.channels * this.#words.source;
    return estimateTraffic(this.#machine.dram, transfers, block.rows * block.columns, runBits, share);
  }

  #weightTraffic(tiling: MatrixTiling, tiles: TileCounts, times: number): Traffic {
    const { groups, filtersPerGroup } = this.#problem;
    const { weight, perFilter } = this.#words;
    const { dram } = this.#machine;
    const tileFilters = tiling.groups * tiling.filters;
    const allWeights = groups * filtersPerGroup * this.#steps;
    const share = allWeights / (tiles.weight * tileFilters * tiling.steps);
    const weights = estimateTraffic(dram, tiles.weight * times, 1, tileFilters * tiling.steps * weight, share);
    if (perFilter === 0) return weights;
    const biasTiles = tiles.weight / tiles.chunk;
    const biasShare = (groups * filtersPerGroup) / (biasTiles * tileFilters);
    return addTraffic(weights, estimateTraffic(dram, biasTiles * times, 1, tileFilters * perFilter, biasShare));
  }

  #outputTraffic({ rows, columns, groups, filters }: MatrixTiling, transfers: number): Traffic {
    const problem = this.#problem;
    const columnStride = problem.groups * problem.filtersPerGroup;
    const rowStride = problem.columns.output * columnStride;
    const block = withLongestRuns({ rows, columns, channels: groups * filters, rowStride, columnStride });
    const share = (problem.rows.output * rowStride) / (transfers * rows * columns * groups * filters);
    const runBits = block.channels * this.#words.output;
    return estimateTraffic(this.#machine.dram, transfers, block.rows * block.columns, runBits, share);
  }

  #computeCycles({ rows, columns, groups, filters, steps, residency }: MatrixTiling, chunks: number): number {
    const problem = this.#problem;
    const machine = this.#machine;
    const onePosition = residency === "slice" && problem.order === "positions";
    const chunkSteps = onePosition ? Math.min(steps, problem.channelsPerGroup) : steps;
    const chunkSizes = chunks === 1 ? [{ count: 1, size: this.#steps }] : tileSizes(this.#steps, chunkSteps);
    let cycles = 0;
    for (const row of tileSizes(problem.rows.output, rows)) {
      for (const column of tileSizes(problem.columns.output, columns)) {
        const pixels = row.size * column.size;
        for (const filter of tileSizes(problem.filtersPerGroup, filters)) {
          const tiles = row.count * column.count * filter.count * problem.groups;
          chunkSizes.forEach((chunk, index) => {
            const shape = { pixels, filters: filter.size, steps: chunk.size };
            const first = index === 0 ? 1 : 0;
            cycles += tiles * first * unstalledCycles(machine, { ...shape, accumulate: this.#preloads });
            cycles += tiles * (chunk.count - first) * unstalledCycles(machine, { ...shape, accumulate: true });
          });
          const laneInstructions = this.#preloads ? 2 : 1;
          cycles += (tiles / groups) * laneInstructions * laneSteps(pixels, filter.size * groups, machine.columns);
        }
      }
    }
    return cycles;
  }
}

/** Reduction chunks of a tile. */
export function chunkCount(problem: MatrixProblem, { residency, steps }: MatrixTiling): number {
  if (residency === "window" || problem.order === "channels") return Math.ceil(reductionSteps(problem) / steps);
  return problem.rows.kernel * problem.columns.kernel * Math.ceil(problem.channelsPerGroup / steps);
}

/** What an input block of a slice covers: one kernel position, or where channels run outermost all of them. */
/** Cycles of a matrix instruction while no port stalls it; enough to compare tilings. */
function unstalledCycles(machine: Machine, shape: MatrixShape): number {
  return arraySteps(machine, shape) + machine.tail;
}

function sliceBlocks({ order }: MatrixProblem): InputResidency {
  return order === "channels" ? "window" : "slice";
}

/**
 * Steps of a slice, largest first. Chunks of several kernel positions must be equal, so that one reduction counter
 * runs through each; and a multiple of what the dataflow may be cut at.
 */
function sliceSizes({ rows, columns, channelsPerGroup, order }: MatrixProblem, machine: Machine): readonly number[] {
  const positions = rows.kernel * columns.kernel;
  const multiple = cutMultiple(machine);
  const sizes = candidateSizes(channelsPerGroup, order === "positions" ? multiple : 1).toSorted((a, b) => b - a);
  if (order === "channels") {
    return sizes
      .map((channels) => channels * positions)
      .filter((steps) => steps % multiple === 0 || steps === channelsPerGroup * positions);
  }
  if (positions === 1) return sizes;
  const divisors = Array.from({ length: channelsPerGroup }, (_, index) => channelsPerGroup - index);
  return divisors.filter((size) => channelsPerGroup % size === 0 && size % multiple === 0);
}

/** The largest chunk of at most `limit` steps that may be cut: K itself, a multiple of R, anything where a sum may be cut anywhere; 0 for none. */
function wholeChunk(limit: number, steps: number, machine: Machine): number {
  if (limit >= steps) return steps;
  const whole = Math.floor(limit / machine.rows) * machine.rows;
  if (whole > 0) return whole;
  return cutMultiple(machine) === 1 ? Math.max(limit, 0) : 0;
}

function axisTiles(axis: WindowAxis, size: number, residency: InputResidency): AxisTiles {
  const tiles = tilesAlong(axis.output, size);
  const loaded = tiles.reduce((sum, { first, count }) => {
    const block = residency === "window" ? windowBlock(axis, first, count) : positionBlock(axis, first, count, 0);
    return sum + block.sourceCount;
  }, 0);
  return { size, tiles: tiles.length, extent: blockExtent(axis, size, residency), loaded };
}

/** Positions of the largest block that `count` outputs can need. */
function blockExtent(axis: WindowAxis, count: number, residency: InputResidency): number {
  if (residency === "window") {
    const lengths = tilesAlong(axis.output, count).map((tile) =>
      blockLength(windowBlock(axis, tile.first, tile.count)),
    );
    return lengths.reduce((most, length) => Math.max(most, length), 0);
  }
  const padded = axis.before > 0 || (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation >= axis.input;
  return (count - 1) * axis.stride + 1 + (padded ? 1 : 0);
}
