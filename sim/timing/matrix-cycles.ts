import { stretchedText, sumText } from "../../isa/dataflow/formula.ts";
import { arraySteps, DATAFLOWS } from "../../isa/dataflow/table.ts";
import type { Machine } from "../../isa/machine.ts";
import type { ConfiguredMatrix } from "../configuration.ts";
import type { InstructionCycles } from "./occupancy.ts";
import { type PortDemand, stretchOf } from "./ports.ts";

/** Bits that the array asks of each port in a step. */
function arrayPorts(configured: ConfiguredMatrix, pixels: number, machine: Machine): readonly PortDemand[] {
  const { operandA, weight, accumulator } = configured;
  const word = { input: operandA.format.wordLength, weight: weight.format.wordLength };
  const bits = DATAFLOWS[machine.dataflow].portBits(machine, pixels, word);
  return [
    { cause: "input", bits: bits.input, bitsPerCycle: machine.inputScratchpad.bitsPerCycle },
    { cause: "weights", bits: bits.weight, bitsPerCycle: machine.weightScratchpad.bitsPerCycle },
    {
      cause: "accumulator",
      bits: machine.columns * accumulator.format.wordLength,
      bitsPerCycle: machine.accumulatorBank.bitsPerCycle,
    },
  ];
}

/** m · steps + tail. */
export function matrixCycles(configured: ConfiguredMatrix, machine: Machine): InstructionCycles {
  const { instruction, pixels: counters } = configured;
  const pixels = counters.rowCount * counters.columnCount;
  const { columns: filters, reductionLength, accumulate } = instruction;
  const shape = { pixels, filters, steps: reductionLength, accumulate };
  const steps = arraySteps(machine, shape);
  const formula = DATAFLOWS[machine.dataflow].formula(machine, shape);
  const { stretch, cause } = stretchOf(arrayPorts(configured, pixels, machine));
  return {
    cycles: stretch * steps + machine.tail,
    steps,
    stretch,
    stalls: cause === null ? {} : { [cause]: (stretch - 1) * steps },
    formula: sumText(stretchedText(stretch, formula), machine.tail),
  };
}
