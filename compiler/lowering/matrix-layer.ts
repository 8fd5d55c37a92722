/** Emits a convolution or dense layer: tile after tile, each of loads, matrix instructions, requantize and store. */
import { tilesAlong } from "./axis.ts";
import type { MemoryRange } from "./emitter.ts";
import { emitStore, outputRange, setActivation, wordsOf } from "./layer-lowering.ts";
import { configureReduction, loadInput, loadWeights, reductionChunks } from "./matrix-operands.ts";
import { type FilterTile, filterTiles, type MatrixLayer, type PixelTile } from "./matrix-tiles.ts";

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

function configureDatapath({ lowering, activation, bias }: MatrixLayer): void {
  const { emitter, datapath } = lowering;
  emitter.setRegister("operandA", wordsOf(datapath.input.format));
  emitter.setRegister("weight", wordsOf(datapath.weight.format));
  emitter.setRegister("product", datapath.product);
  emitter.setRegister("accumulator", datapath.accumulator);
  if (datapath.sum) emitter.setRegister("sum", datapath.sum);
  if (bias) emitter.setRegister("bias", wordsOf(datapath.bias.format));
  emitter.setRegister("output", datapath.output);
  setActivation(emitter, activation, datapath.accumulator);
}

function emitTile(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile): void {
  const biasAddress = emitSums(layer, pixels, filters);
  const outputAddress = emitRequantize(layer, pixels, filters, biasAddress);
  const { lowering, problem } = layer;
  emitStore(
    lowering.emitter,
    lowering.output,
    {
      row: pixels.row.first,
      column: pixels.column.first,
      channel: filters.group * problem.filtersPerGroup + filters.filter,
      rows: pixels.row.count,
      columns: pixels.column.count,
      channels: filters.groups * filters.filters,
    },
    outputAddress,
  );
}

/** The tile's sums, in the accumulator bank from 0 on; returns the address of the bias words. */
function emitSums(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile): number {
  const { problem, tiling } = layer;
  const { emitter, datapath } = layer.lowering;
  const { wordLength: inputBits } = datapath.input.format;
  const { wordLength: weightBits } = datapath.weight.format;
  const { wordLength: accumulatorBits } = datapath.accumulator.format;
  let biasAddress = 0;
  reductionChunks(problem, tiling).forEach((chunk, index) => {
    const weights = loadWeights(layer, filters, chunk);
    const input = loadInput(layer, pixels, filters, chunk);
    biasAddress = weights.bias;
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
          accumulate: index > 0,
        },
        { reads: [input.range, weights.range] },
      );
      noteTile(layer, instruction, pixels, filters, member);
    }
  });
  return biasAddress;
}

/** Returns the address of the tile in the output buffer. */
function emitRequantize(layer: MatrixLayer, pixels: PixelTile, filters: FilterTile, biasAddress: number): number {
  const { lowering, bias } = layer;
  const { emitter, memories, datapath } = lowering;
  const pixelCount = pixels.row.count * pixels.column.count;
  const tileFilters = filters.groups * filters.filters;
  const outputBits = datapath.output.format.wordLength;
  const outputAddress = memories.outputBuffer.allocate("", pixelCount * tileFilters * outputBits);
  const biasRange: MemoryRange = {
    memory: "weightScratchpad",
    start: biasAddress,
    end: biasAddress + tileFilters * datapath.bias.format.wordLength,
  };
  const instruction = emitter.emit(
    {
      opcode: "requantize",
      accumulatorAddress: 0,
      biasAddress: bias ? biasAddress : 0,
      outputAddress,
      pixels: pixelCount,
      columns: tileFilters,
      accumulatorPitch: tileFilters,
      outputPitch: tileFilters,
      hasBias: bias !== null,
      useSum: datapath.sum !== undefined,
      hasScale: false,
      scaleAddress: 0,
    },
    { reads: bias ? [biasRange] : [], writes: [outputRange(outputAddress, pixelCount * tileFilters, outputBits)] },
  );
  noteTile(layer, instruction, pixels, filters, 0);
  return outputAddress;
}

function noteTile(
  { lowering, problem }: MatrixLayer,
  instruction: number,
  pixels: PixelTile,
  filters: FilterTile,
  member: number,
): void {
  lowering.tiles.push({
    instruction,
    row: pixels.row.first,
    column: pixels.column.first,
    channel: (filters.group + member) * problem.filtersPerGroup + filters.filter,
    columns: pixels.column.count,
    channels: filters.filters,
  });
}
