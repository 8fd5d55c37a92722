import type { Store } from "../../isa/instructions/store.ts";
import type { Machine } from "../../isa/machine.ts";
import { formatsEqual } from "../../isa/numerics/format.ts";
import type { ConfiguredLoad } from "../configuration.ts";
import { dramWords } from "../timing/transfer-cycles.ts";
import type { Tally } from "./action-counts.ts";
import { countQuantization } from "./quantization-actions.ts";

/** Whole DRAM words in; every scratchpad word of the block out, padding zeros included. */
export function countLoad(tally: Tally, { instruction, source, input }: ConfiguredLoad, machine: Machine): void {
  const { target, rows, columns, channels, padTop, padBottom, padLeft, padRight } = instruction;
  const { wordBits } = machine.dram;
  tally.add("dram", "read", [wordBits], dramWords(instruction, source.format.wordLength, machine));
  if (!formatsEqual(source.format, input.format)) {
    countQuantization(tally, source.format, input, rows * columns * channels);
  }
  const words = (padTop + rows + padBottom) * (padLeft + columns + padRight) * channels;
  tally.memory(target, "write", input.format.wordLength, machine[target], words);
}

export function countStore(tally: Tally, instruction: Store, machine: Machine): void {
  const { rows, columns, channels, wordLength } = instruction;
  tally.memory("outputBuffer", "read", wordLength, machine.outputBuffer, rows * columns * channels);
  tally.add("dram", "write", [machine.dram.wordBits], dramWords(instruction, wordLength, machine));
}
