import type { Machine } from "../../isa/machine.ts";
import type { ConfiguredInstruction } from "../configuration.ts";
import { poolCycles, preloadCycles, requantizeCycles, vectorCycles } from "./lane-cycles.ts";
import { matrixCycles } from "./matrix-cycles.ts";
import type { InstructionCycles } from "./occupancy.ts";
import { loadCycles, storeCycles } from "./transfer-cycles.ts";

const ONE_CYCLE: InstructionCycles = { cycles: 1, steps: 1, stretch: 1, stalls: {}, formula: "1" };

/**
 * Cycles of an instruction from its shape and word lengths, O(1). The settings must have passed `walkConfiguration`.
 * A barrier takes one cycle once every unit has arrived.
 */
export function instructionCycles(configured: ConfiguredInstruction, machine: Machine): InstructionCycles {
  switch (configured.opcode) {
    case "load":
      return loadCycles(configured, machine);
    case "store":
      return storeCycles(configured, machine);
    case "matrix":
      return matrixCycles(configured, machine);
    case "preload":
      return preloadCycles(configured, machine);
    case "requantize":
      return requantizeCycles(configured, machine);
    case "pool":
      return poolCycles(configured, machine);
    case "vector":
      return vectorCycles(configured, machine);
    case "configure.register":
    case "configure.load":
    case "configure.pixels":
    case "configure.reduction":
    case "configure.activation":
    case "configure.table":
    case "configure.pieces":
    case "configure.bounds":
    case "configure.divisor":
    case "synchronise":
    case "halt":
      return ONE_CYCLE;
  }
}
