/** Layers that scale one or two integers to one: tiles of whole rows, of a part of a row, or of some channels of pixels. */
import { DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import type { RequantizeNode } from "../../graph/graph.ts";
import { NO_PADDING } from "../../graph/shape.ts";
import { tilesAlong } from "../axis.ts";
import { FIELD_LIMITS } from "../field-limits.ts";
import { imageShape } from "../image-shape.ts";
import { emitStore, type LayerLowering, type OutputTile, placedTile, WHOLE, wordsOf } from "../layer-lowering.ts";
import { wholeView } from "../memory/view.ts";
import {
  fieldLimit,
  type LayerPlan,
  type LayerTensors,
  MOST_COLUMN_STRIDE,
  type PlanRequest,
  requireRoom,
} from "../plan-request.ts";
import { loadOperand, operandWords, type VectorOperand } from "../vector/vector-operand.ts";
import { configureRequantization, emitScaledTile, perChannelBits } from "./requantization.ts";

/** Throws `DiagnosticError` where no tile fits the machine. */
export function planRequantize(request: PlanRequest<RequantizeNode>): LayerPlan {
  const { node, machine, datapath, operandBits, constants, where } = request;
  const inputBits = operandBits.reduce((sum, bits) => sum + bits, 0);
  const outputBits = datapath.output.format.wordLength;
  const constantBits = perChannelBits(datapath, node.requantization, operandBits.length);
  requireRoom({ inputScratchpad: inputBits, outputBuffer: outputBits, weightScratchpad: constantBits }, machine, where);
  const shape = imageShape(node.shape);
  const hint = "use fewer channels";
  const found = fieldLimit("words between two columns", shape[2], MOST_COLUMN_STRIDE, hint, where);
  if (found.length > 0) throw new DiagnosticError(found);

  const room = (share: number): number =>
    Math.min(
      Math.floor(Math.floor(machine.inputScratchpad.capacityBits / share) / inputBits),
      Math.floor(Math.floor(machine.outputBuffer.capacityBits / share) / outputBits),
      FIELD_LIMITS.count,
    );
  const elements = room(2) >= 1 ? room(2) : room(1);
  const channels = Math.min(
    shape[2],
    elements,
    FIELD_LIMITS.side,
    Math.floor(machine.weightScratchpad.capacityBits / constantBits),
  );
  const tiles = requantizeTiles(shape, elements, channels);
  const { scale, bias } = constants;
  if (scale === null) throw new InvariantError(`layer "${node.name}" has no multipliers`);
  return {
    macs: 0,
    constants: { scale: scale.raws, ...(bias && { bias: bias.raws }) },
    partials: 0,
    emit: (lowering, tensors) => emitRequantizeLayer(request, lowering, tensors, tiles),
  };
}

/** Tiles of at most `elements` words and `most` channels. */
function requantizeTiles(
  [rows, columns, channels]: readonly [number, number, number],
  elements: number,
  most: number,
): readonly OutputTile[] {
  const pixels = Math.floor(elements / most);
  const wholeRows = columns <= FIELD_LIMITS.side ? Math.min(Math.floor(pixels / columns), rows, FIELD_LIMITS.side) : 0;
  const size =
    wholeRows >= 1 ? { rows: wholeRows, columns } : { rows: 1, columns: Math.min(pixels, columns, FIELD_LIMITS.side) };
  return tilesAlong(channels, most).flatMap((channel) =>
    tilesAlong(rows, size.rows).flatMap((row) =>
      tilesAlong(columns, size.columns).map(
        (column): OutputTile => ({
          row: row.first,
          column: column.first,
          channel: channel.first,
          rows: row.count,
          columns: column.count,
          channels: channel.count,
        }),
      ),
    ),
  );
}

function emitRequantizeLayer(
  { node, options }: PlanRequest<RequantizeNode>,
  lowering: LayerLowering,
  { scale, bias }: LayerTensors,
  tiles: readonly OutputTile[],
): void {
  if (scale === null) throw new InvariantError(`layer "${node.name}" has no multipliers`);
  const { emitter, datapath, memories, output } = lowering;
  const operands = lowering.inputs.map((tensor): VectorOperand => {
    const input = options.explicitInput || lowering.inputs.length === 1 ? datapath.input : wordsOf(tensor.format);
    return { tensor, input, view: wholeView(tensor.shape) };
  });
  const [first, second] = operands;
  if (first === undefined) throw new InvariantError(`layer "${node.name}" has no input`);
  emitter.setRegister("accumulator", datapath.accumulator);
  emitter.setRegister("operandA", wordsOf(first.input.format));
  if (second) emitter.setRegister("operandB", wordsOf(second.input.format));
  configureRequantization(emitter, datapath, node.requantization);
  for (const tile of tiles) {
    const sizes = operands.map((operand) => operandWords(operand, NO_PADDING, tile) * operand.input.format.wordLength);
    const bits = sizes.reduce((sum, size) => sum + size, 0);
    const address = memories.inputScratchpad.allocate("", bits);
    let next = address;
    operands.forEach((operand, index) => {
      loadOperand(emitter, operand, NO_PADDING, tile, next);
      next += sizes[index] ?? 0;
    });
    const { instruction, outputAddress } = emitScaledTile(lowering, { scale, bias }, node.requantization, {
      source: second ? "operands" : "operand",
      address,
      pixels: tile.rows * tile.columns,
      channel: tile.channel,
      channels: tile.channels,
      reads: [{ memory: "inputScratchpad", start: address, end: address + bits }],
    });
    lowering.tiles.push(placedTile(instruction, tile, WHOLE));
    emitStore(emitter, output, tile, outputAddress);
  }
}
