/** What every layer of an integer network ends in: the settings of a requantize instruction, and tiles that it alone finishes. */

import type { RequantizeSource } from "../../../isa/instructions/requantize.ts";
import type { DatapathSpec } from "../../../isa/program/datapath.ts";
import type { IntegerRequantization } from "../../graph/graph.ts";
import { clipBeforeOutput } from "../../quantization/integer-output.ts";
import type { Emitter, MemoryRange } from "../emitter.ts";
import { emitRunLoad, type LayerLowering, outputRange, type StoredTensor, wordsOf } from "../layer-lowering.ts";

/** Sets output register, clip and divisor. */
export function configureRequantization(
  emitter: Emitter,
  { output }: DatapathSpec,
  requantization: IntegerRequantization,
): void {
  emitter.setRegister("output", output);
  const clip = clipBeforeOutput(requantization, output.format);
  emitter.setActivation({ activation: clip === null ? "none" : "clip", ...(clip ?? NO_ENDS), fractionLength: 0n });
  if (requantization.divisor !== 1) emitter.setDivisor({ divisor: requantization.divisor });
}

const NO_ENDS = { lowest: 0n, highest: 0n } as const;

/** Words for each channel beside the data, in bits. */
export function perChannelBits(
  { scale, bias }: DatapathSpec,
  requantization: IntegerRequantization,
  operands: number,
): number {
  const biasBits = requantization.offsets === null ? 0 : bias.format.wordLength;
  return biasBits + operands * (scale?.format.wordLength ?? 0);
}

/** Sums or operands that lie dense at `address`, all channels of a pixel together. */
export interface ScaledTile {
  readonly source: RequantizeSource;
  readonly address: number;
  readonly pixels: number;
  readonly channel: number;
  readonly channels: number;
  /** Operand words in the input scratchpad; nothing for sums. */
  readonly reads: readonly MemoryRange[];
}

/** Loads the tile's multipliers and offsets and emits its requantize instruction; returns that and where its words go. */
export function emitScaledTile(
  lowering: LayerLowering,
  constants: { readonly scale: StoredTensor; readonly bias: StoredTensor | null },
  { divisor }: IntegerRequantization,
  tile: ScaledTile,
): { readonly instruction: number; readonly outputAddress: number } {
  const { emitter, memories, datapath } = lowering;
  const words = loadConstants(lowering, constants, tile);
  const outputBits = datapath.output.format.wordLength;
  const outputWords = tile.pixels * tile.channels;
  const outputAddress = memories.outputBuffer.allocate("", outputWords * outputBits);
  const instruction = emitter.emit(
    {
      opcode: "requantize",
      accumulatorAddress: tile.address,
      biasAddress: constants.bias === null ? 0 : words.range.start,
      outputAddress,
      pixels: tile.pixels,
      columns: tile.channels,
      accumulatorPitch: tile.channels,
      outputPitch: tile.channels,
      hasBias: constants.bias !== null,
      useSum: false,
      hasScale: true,
      scaleAddress: words.scaleAddress,
      source: tile.source,
      hasDivisor: divisor !== 1,
    },
    {
      reads: [words.range, ...tile.reads],
      writes: [outputRange(outputAddress, outputWords, outputBits)],
    },
  );
  return { instruction, outputAddress };
}

/** The channels' offsets, then their multipliers, then those of a second operand; loaded unless they are still there. */
function loadConstants(
  { emitter, memories, name, output }: LayerLowering,
  { scale, bias }: { readonly scale: StoredTensor; readonly bias: StoredTensor | null },
  { source, channel, channels }: ScaledTile,
): { readonly scaleAddress: number; readonly range: MemoryRange } {
  const operands = source === "operands" ? 2 : 1;
  const scaleBits = scale.format.wordLength;
  const biasBits = channels * (bias?.format.wordLength ?? 0);
  const bits = biasBits + operands * channels * scaleBits;
  const key = `${name} scale ${channel} ${channels}`;
  const known = memories.weightScratchpad.find(key);
  const start = known ?? memories.weightScratchpad.allocate(key, bits);
  const scaleAddress = start + biasBits;
  const target = "weightScratchpad";
  if (bias !== null) emitter.setRegister("bias", wordsOf(bias.format));
  emitter.setRegister("scale", wordsOf(scale.format));
  if (known === undefined) {
    if (bias !== null) {
      const input = wordsOf(bias.format);
      emitRunLoad(emitter, { tensor: bias, origin: channel, words: channels, target, address: start, input });
    }
    const [, , allChannels] = output.shape;
    for (let operand = 0; operand < operands; operand++) {
      emitRunLoad(emitter, {
        tensor: scale,
        origin: operand * allChannels + channel,
        words: channels,
        target,
        address: scaleAddress + operand * channels * scaleBits,
        input: wordsOf(scale.format),
      });
    }
  }
  return { scaleAddress, range: { memory: target, start, end: start + bits } };
}
