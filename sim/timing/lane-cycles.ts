import { ceilingText, stretchedText } from "../../isa/dataflow/formula.ts";
import { laneSteps } from "../../isa/dataflow/lane-steps.ts";
import type { Machine } from "../../isa/machine.ts";
import type { ConfiguredPool, ConfiguredPreload, ConfiguredRequantize, ConfiguredVector } from "../configuration.ts";
import type { InstructionCycles } from "./occupancy.ts";
import { type PortDemand, stretchOf } from "./ports.ts";

/*
 * Instructions on the C lanes: one element per lane and step, m cycles per step; the rule under "Lanes" in
 * isa/README.md.
 */

function laneCycles(steps: number, formula: string, ports: readonly PortDemand[]): InstructionCycles {
  const { stretch, cause } = stretchOf(ports);
  return {
    cycles: stretch * steps,
    steps,
    stretch,
    stalls: cause === null ? {} : { [cause]: (stretch - 1) * steps },
    formula: stretchedText(stretch, formula),
  };
}

/** pixels · ⌈columns / C⌉ steps. */
export function requantizeCycles(configured: ConfiguredRequantize, machine: Machine): InstructionCycles {
  const { pixels, columns } = configured.instruction;
  const { accumulator, operandA, operandB, scale, bias } = configured;
  const lanes = machine.columns;
  const scaleBits = (operandB === null ? 1 : 2) * (scale?.format.wordLength ?? 0);
  return laneCycles(laneSteps(pixels, columns, lanes), `${pixels} × ${ceilingText(columns, lanes)}`, [
    operandA === null
      ? accumulatorPort(lanes * accumulator.format.wordLength, machine)
      : inputPort(lanes * (operandA.format.wordLength + (operandB?.format.wordLength ?? 0)), machine),
    {
      cause: "weights",
      bits: lanes * (scaleBits + (bias?.format.wordLength ?? 0)),
      bitsPerCycle: machine.weightScratchpad.bitsPerCycle,
    },
    outputPort(lanes * configured.output.format.wordLength, machine),
  ]);
}

/** pixels · ⌈columns / C⌉ steps. */
export function preloadCycles(configured: ConfiguredPreload, machine: Machine): InstructionCycles {
  const { pixels, columns } = configured.instruction;
  const lanes = machine.columns;
  return laneCycles(laneSteps(pixels, columns, lanes), `${pixels} × ${ceilingText(columns, lanes)}`, [
    {
      cause: "weights",
      bits: lanes * configured.bias.format.wordLength,
      bitsPerCycle: machine.weightScratchpad.bitsPerCycle,
    },
    {
      cause: "accumulator",
      bits: lanes * configured.accumulator.format.wordLength,
      bitsPerCycle: machine.accumulatorBank.bitsPerCycle,
    },
  ]);
}

/** outputRows · outputColumns · ⌈channels / C⌉ · kernelRows · kernelColumns steps. */
export function poolCycles(configured: ConfiguredPool, machine: Machine): InstructionCycles {
  const { outputRows, outputColumns, channels, kernelRows, kernelColumns } = configured.instruction;
  const lanes = machine.columns;
  const inputBits = lanes * configured.operandA.format.wordLength;
  const outputBits = lanes * (configured.sum ?? configured.average?.output ?? configured.operandA).format.wordLength;
  const groups = ceilingText(channels, lanes);
  return laneCycles(
    laneSteps(outputRows * outputColumns * kernelRows * kernelColumns, channels, lanes),
    `${outputRows}·${outputColumns} × ${groups} × ${kernelRows}·${kernelColumns}`,
    [
      inputPort(inputBits, machine),
      configured.sum === null ? outputPort(outputBits, machine) : accumulatorPort(outputBits, machine),
    ],
  );
}

/** ⌈elements / C⌉ steps. */
export function vectorCycles(configured: ConfiguredVector, machine: Machine): InstructionCycles {
  const { elements } = configured.instruction;
  const lanes = machine.columns;
  const operandBits = configured.operandA.format.wordLength + (configured.operandB?.format.wordLength ?? 0);
  const outputBits = lanes * configured.output.format.wordLength;
  return laneCycles(Math.ceil(elements / lanes), ceilingText(elements, lanes), [
    inputPort(lanes * operandBits, machine),
    { cause: "weights", bits: lanes * tableBits(configured), bitsPerCycle: machine.weightScratchpad.bitsPerCycle },
    outputPort(outputBits, machine),
  ]);
}

/** Bits of the weight scratchpad that one element of a vector instruction takes: an entry, two neighbours, or a slope. */
function tableBits({ instruction, output, scale }: ConfiguredVector): number {
  const { operation } = instruction;
  if (operation === "lookup") return output.format.wordLength;
  return (scale?.format.wordLength ?? 0) * (operation === "interpolate" ? 2 : 1);
}

function inputPort(bits: number, machine: Machine): PortDemand {
  return { cause: "input", bits, bitsPerCycle: machine.inputScratchpad.bitsPerCycle };
}

function accumulatorPort(bits: number, machine: Machine): PortDemand {
  return { cause: "accumulator", bits, bitsPerCycle: machine.accumulatorBank.bitsPerCycle };
}

function outputPort(bits: number, machine: Machine): PortDemand {
  return { cause: "output", bits, bitsPerCycle: machine.outputBuffer.bitsPerCycle };
}
