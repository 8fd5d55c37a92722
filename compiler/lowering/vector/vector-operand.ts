/** Loads of the vector unit's operands: a tile's words, dense in the scratchpad whatever view they are read through. */
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { Padding } from "../../graph/graph.ts";
import { type AxisBlock, axisBlock, blockLength } from "../axis.ts";
import type { Emitter } from "../emitter.ts";
import { emitLoad, type OutputTile, type StoredTensor } from "../layer-lowering.ts";
import type { View } from "../memory/view.ts";

/** An operand and the register its words enter on loading. */
export interface VectorOperand {
  readonly tensor: StoredTensor;
  readonly input: RegisterSpec;
  /** Which words of the tensor the result's positions read. */
  readonly view: View;
}

interface OperandBlock {
  readonly rows: AxisBlock;
  readonly columns: AxisBlock;
}

/** Words that the load of a tile takes in the scratchpad. */
export function operandWords({ view }: VectorOperand, padding: Padding, tile: OutputTile): number {
  const { rows, columns } = blockOf(view, padding, tile);
  return blockLength(rows) * blockLength(columns) * tile.channels;
}

/** Emits the loads of a tile to `address` and returns the address of its first word. */
export function loadOperand(
  emitter: Emitter,
  { tensor, input, view }: VectorOperand,
  padding: Padding,
  tile: OutputTile,
  address: number,
): number {
  const block = blockOf(view, padding, tile);
  const request = { tensor, target: "inputScratchpad", input } as const;
  const { wordLength } = input.format;
  if (view.channelStride === 1 || tile.channels === 1) {
    const { rowStride, columnStride } = view;
    const origin = view.offset + tile.channel * view.channelStride;
    emitLoad(emitter, { ...request, ...block, origin, channels: tile.channels, rowStride, columnStride, address });
    return address + (block.rows.skip * blockLength(block.columns) + block.columns.skip) * tile.channels * wordLength;
  }
  // Word by word: a row of the tile is a block of its columns and channels.
  for (let row = 0; row < tile.rows; row++) {
    const words = tile.columns * tile.channels;
    emitLoad(emitter, {
      ...request,
      origin: view.offset + (tile.row + row) * view.rowStride,
      rows: axisBlock(tile.column, tile.columns, tile.column + tile.columns),
      columns: axisBlock(tile.channel, tile.channels, tile.channel + tile.channels),
      channels: 1,
      rowStride: view.columnStride,
      columnStride: view.channelStride,
      address: address + row * words * wordLength,
    });
  }
  return address;
}

/** The tile's source rows and columns; behind a view that is not the whole tensor there is no padding. */
function blockOf(view: View, { top, left, bottom, right }: Padding, tile: OutputTile): OperandBlock {
  const padded = top + left + bottom + right > 0;
  return {
    rows: axisBlock(tile.row - top, tile.rows, padded ? view.rows : tile.row + tile.rows),
    columns: axisBlock(tile.column - left, tile.columns, padded ? view.columns : tile.column + tile.columns),
  };
}
