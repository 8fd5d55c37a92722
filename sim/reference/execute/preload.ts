import type { Preload } from "../../../isa/instructions/preload.ts";
import { BEFORE_SUM } from "../../evidence.ts";
import { MachineFault } from "../machine-fault.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";

/** Bias words of the weight scratchpad → accumulator bank, C filters of one pixel a step. */
export function* executePreload(state: MachineState, index: number, preload: Preload): Execution {
  const { biasAddress, accumulatorAddress, pixels, columns: filters, accumulatorPitch } = preload;
  const { machine, memories } = state;
  const bias = state.computeRegisters.get("bias");
  const accumulator = state.computeRegisters.get("accumulator");
  if (pixels > 1 && accumulatorPitch < filters) {
    throw new MachineFault(
      "configuration",
      `accumulators of neighbouring pixels overlap: pitch ${accumulatorPitch} for ${filters} filters`,
    );
  }
  const lanes = Array.from(
    { length: machine.columns },
    (_, lane) => new QuantizingRegister(state, index, "accumulator", accumulator, 0, lane),
  );
  const { wordLength } = accumulator.format;
  const fill = (pixel: number, filter: number, lane: QuantizingRegister): void => {
    const word = memories.weightScratchpad.read(biasAddress + filter * bias.format.wordLength, bias.format);
    const sum = lane.write(word, bias.format.fractionLength, { pixel, channel: filter, step: BEFORE_SUM });
    memories.accumulatorBank.write(
      accumulatorAddress + (pixel * accumulatorPitch + filter) * wordLength,
      sum,
      wordLength,
    );
  };
  const ports: Port[] = [
    {
      cause: "weights",
      bits: machine.columns * bias.format.wordLength,
      bitsPerCycle: machine.weightScratchpad.bitsPerCycle,
    },
    { cause: "accumulator", bits: machine.columns * wordLength, bitsPerCycle: machine.accumulatorBank.bitsPerCycle },
  ];
  const stall = slowestPort(ports);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let first = 0; first < filters; first += machine.columns) {
      yield* step(stall, () => {
        for (const [lane, register] of lanes.entries()) {
          if (first + lane < filters) fill(pixel, first + lane, register);
        }
      });
    }
  }
}
