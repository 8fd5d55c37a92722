/** Emits a convolution or dense layer: tile after tile, each of loads, matrix instructions, requantize and store. */
import { InvariantError } from "../../../isa/diagnostic.ts";
import { tilesAlong } from "../axis.ts";
import { emitStore, type OutputTile, outputRange, placedTile, setActivation, wordsOf } from "../layer-lowering.ts";
import { configureReduction, loadInput, loadWeights, type PerFilterWords, reductionChunks } from "./matrix-operands.ts";
import { type FilterTile, filterTiles, type MatrixLayer, type PixelTile } from "./matrix-tiles.ts";
import { configureRequantization } from "./requantization.ts";

export function emitMatrixLayer(layer: MatrixLayer): void {
  const { problem, tiling } = layer;
  configureDatapath(layer);
  const pixelTiles = tilesAlong(problem.rows.output, tiling.rows).flatMap((row) =>
    tilesAlong(problem.columns.output, tiling.columns).map((column): PixelTile => ({ row, column })),
  );
  for (const tiles of filterTiles(problem, tiling)) {
    if (tiling.outer === "pixels") {
      for (const pixels of pixelTiles) for (const filters of tiles) emitTile(layer, pixels, filters);
    } else {
      for (const filters of tiles) for (const pixels of pixelTiles) emitTile(layer, pixels, filters);
    }
  }
}

function configureDatapath({ lowering, activation, requantization, bias, scale }: MatrixLayer): void {
  const { emitter, datapath } = lowering;
  emitter.setRegister("operandA", wordsOf(datapath.input.format));
  emitter.setRegister("weight", wordsOf(datapath.weight.format));
  emitter.setRegister("product", datapath.product);
  emitter.setRegister("accumulator", datapath.accumulator);
  if (datapath.sum) emitter.setRegister("sum", datapath.sum);
  if (bias) emitter.setRegister("bias", wordsOf(bias.format));
  if (scale) emitter.setRegister("scale", wordsOf(scale.format));
  if (requantization !== null) {
    configureRequantization(emitter, datapath, requantization);
    return;
  }
  emitter.setRegister("output", datapath.output);
  setActivation(emitter, activation, datapath.sum ?? datapath.accumulator);
}

function emitTile(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile): void {
  const { lowering } = layer;
  const perFilter = emitSums(layer, pixels, filters);
  const outputAddress = emitRequantize(layer, pixels, filters, perFilter);
  const tile = { ...memberTile(layer, pixels, filters, 0), channels: filters.groups * filters.filters };
  emitStore(lowering.emitter, lowering.output, tile, outputAddress, layer.placement);
}

/** The tile's sums, in the accumulator bank from 0 on; returns where the words for each filter are. */
function emitSums(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile): PerFilterWords {
  const { problem, tiling } = layer;
  const { emitter, datapath } = layer.lowering;
  const { wordLength: inputBits } = datapath.input.format;
  const { wordLength: weightBits } = datapath.weight.format;
  const { wordLength: accumulatorBits } = datapath.accumulator.format;
  let perFilter: PerFilterWords | undefined;
  reductionChunks(problem, tiling).forEach((chunk, index) => {
    const weights = loadWeights(layer, filters, chunk);
    const input = loadInput(layer, pixels, filters, chunk);
    if (layer.preloads && index === 0) emitPreload(layer, pixels, filters, weights.perFilter);
    if (!layer.preloads || index === 0) perFilter = weights.perFilter;
    emitter.setPixels({
      rowCount: pixels.row.count,
      columnCount: pixels.column.count,
      rowStride: pixels.row.count === 1 ? 0 : problem.rows.stride * input.columns * input.channels,
      columnStride: pixels.column.count === 1 ? 0 : problem.columns.stride * input.channels,
    });
    configureReduction(layer, input);
    for (let member = 0; member < filters.groups; member++) {
      const instruction = emitter.emit(
        {
          opcode: "matrix",
          inputAddress: input.address + member * problem.channelsPerGroup * inputBits,
          weightAddress: weights.weight + member * chunk.count * filters.filters * weightBits,
          accumulatorAddress: member * filters.filters * accumulatorBits,
          columns: filters.filters,
          weightPitch: filters.filters,
          accumulatorPitch: filters.groups * filters.filters,
          reductionStart: chunk.first,
          reductionLength: chunk.count,
          accumulate: index > 0 || layer.preloads,
        },
        { reads: [input.range, weights.range] },
      );
      noteTile(layer, instruction, pixels, filters, member);
    }
  });
  if (perFilter === undefined) throw new InvariantError(`layer "${layer.lowering.name}" has no steps`);
  return perFilter;
}

/** The bias into all accumulators of the tile. */
function emitPreload(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile, perFilter: PerFilterWords): void {
  const tileFilters = filters.groups * filters.filters;
  const instruction = layer.lowering.emitter.emit(
    {
      opcode: "preload",
      biasAddress: perFilter.bias,
      accumulatorAddress: 0,
      pixels: pixels.row.count * pixels.column.count,
      columns: tileFilters,
      accumulatorPitch: tileFilters,
    },
    { reads: [perFilter.range] },
  );
  noteTile(layer, instruction, pixels, filters, 0);
}

/** Returns the address of the tile in the output buffer. */
function emitRequantize(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile, perFilter: PerFilterWords): number {
  const { lowering, requantization, bias, scale } = layer;
  const { emitter, memories, datapath } = lowering;
  const addsBias = bias !== null && !layer.preloads;
  const pixelCount = pixels.row.count * pixels.column.count;
  const tileFilters = filters.groups * filters.filters;
  const outputBits = datapath.output.format.wordLength;
  const outputAddress = memories.outputBuffer.allocate("", pixelCount * tileFilters * outputBits);
  const instruction = emitter.emit(
    {
      opcode: "requantize",
      accumulatorAddress: 0,
      biasAddress: addsBias ? perFilter.bias : 0,
      outputAddress,
      pixels: pixelCount,
      columns: tileFilters,
      accumulatorPitch: tileFilters,
      outputPitch: tileFilters,
      hasBias: addsBias,
      useSum: scale === null && datapath.sum !== undefined,
      hasScale: scale !== null,
      scaleAddress: scale ? perFilter.scale : 0,
      source: "accumulatorBank",
      hasDivisor: requantization !== null && requantization.divisor !== 1,
    },
    {
      reads: addsBias || scale ? [perFilter.range] : [],
      writes: [outputRange(outputAddress, pixelCount * tileFilters, outputBits)],
    },
  );
  noteTile(layer, instruction, pixels, filters, 0);
  return outputAddress;
}

function noteTile(
  layer: MatrixLayer,
  instruction: number,
  pixels: PixelTile,
  filters: FilterTile,
  member: number,
): void {
  layer.lowering.tiles.push(placedTile(instruction, memberTile(layer, pixels, filters, member), layer.placement));
}

/** The part of a tile that one of its groups yields. */
function memberTile({ problem }: MatrixLayer, pixels: PixelTile, filters: FilterTile, member: number): OutputTile {
  return {
    row: pixels.row.first,
    column: pixels.column.first,
    channel: (filters.group + member) * problem.filtersPerGroup + filters.filter,
    rows: pixels.row.count,
    columns: pixels.column.count,
    channels: filters.filters,
  };
}
