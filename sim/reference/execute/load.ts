import type { Load } from "../../../isa/instructions/load.ts";
import { formatsEqual } from "../../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { MachineState } from "../machine-state.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { blockAddresses, transfer, transferBits } from "./block.ts";
import type { Execution } from "./execution.ts";

/** DRAM block → scratchpad, in a frame of zero words, quantized on the way where the two formats differ. */
export function* executeLoad(state: MachineState, index: number, load: Load): Execution {
  const source = state.loadRegisters.get("source");
  const input = state.loadRegisters.get("input");
  const { dram } = state.machine;
  const bits = transferBits(load, source.format.wordLength, dram);
  yield* transfer(bits, dram, () => copyBlock(state, load, converter(state, index, source, input), source, input));
}

/** What happens to a word between DRAM and scratchpad; `position` counts the words of the block. */
type Converter = (raw: bigint, position: number) => bigint;

function converter(state: MachineState, index: number, source: RegisterSpec, input: RegisterSpec): Converter {
  if (formatsEqual(source.format, input.format)) return (raw) => raw;
  const register = new QuantizingRegister(state, index, "input", input, 0, 0);
  const { fractionLength } = source.format;
  return (raw, position) => register.write(raw, fractionLength, { pixel: position, channel: 0, step: -1 });
}

function copyBlock(
  state: MachineState,
  load: Load,
  convert: Converter,
  { format }: RegisterSpec,
  input: RegisterSpec,
): void {
  const { wordLength } = input.format;
  const memory = state.memories[load.target];
  const addresses = blockAddresses(load, format.wordLength);
  let address = load.address;
  let position = 0;
  for (let row = -load.padTop; row < load.rows + load.padBottom; row++) {
    for (let column = -load.padLeft; column < load.columns + load.padRight; column++) {
      const padding = row < 0 || row >= load.rows || column < 0 || column >= load.columns;
      for (let channel = 0; channel < load.channels; channel++) {
        const next = padding ? undefined : addresses.next().value;
        const raw = next === undefined ? 0n : convert(state.dram.read(next, format), position++);
        memory.write(address, raw, wordLength);
        address += wordLength;
      }
    }
  }
}
