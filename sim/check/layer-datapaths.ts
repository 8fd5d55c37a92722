/** A layer's datapath, which reports, exports and searches read, is the one that its configure instructions set. */

import { formatsEqual } from "../../isa/numerics/format.ts";
import { type RegisterSpec, registersEqual, registerText } from "../../isa/numerics/register.ts";
import type { DatapathRegister, DatapathSpec } from "../../isa/program/datapath.ts";
import type { LayerSymbol, Program } from "../../isa/program/program.ts";
import { admissionFault, type ConfiguredInstruction } from "../configuration.ts";
import type { Fault } from "../fault.ts";

/** Registers by their names in a datapath. */
export type DatapathRegisters = Readonly<Partial<Record<DatapathRegister, RegisterSpec | null>>>;

/** Constants are words already: their rounding and overflow were those of the compiler. */
const WORDS: readonly DatapathRegister[] = ["input", "weight", "scale", "bias"];

/** What an instruction computes with. */
export function computedWith(configured: ConfiguredInstruction): DatapathRegisters {
  switch (configured.opcode) {
    case "matrix": {
      const { weight, product, accumulator } = configured;
      return { weight, product, accumulator };
    }
    case "preload": {
      const { bias, accumulator } = configured;
      return { bias, accumulator };
    }
    case "requantize": {
      const { sum, bias, output } = configured;
      return { sum, bias, output };
    }
    case "pool":
      return {
        accumulator: configured.sum ?? configured.average?.accumulator ?? null,
        output: configured.average?.output ?? null,
      };
    case "vector":
      return { output: configured.output };
    default:
      return {};
  }
}

/** The first instruction that computes with another register than its layer's datapath names. */
export function datapathFault({ layers }: Program, configured: readonly ConfiguredInstruction[]): Fault | null {
  for (const layer of layers) {
    for (let pc = layer.firstInstruction; pc < layer.endInstruction; pc++) {
      const instruction = configured[pc];
      const wrong = instruction && difference(computedWith(instruction), layer);
      if (wrong) return admissionFault("configuration", pc, `${instruction.opcode}: ${wrong}`);
    }
  }
  return null;
}

function difference(used: DatapathRegisters, { name, datapath }: LayerSymbol): string | null {
  for (const register of Object.keys(used) as DatapathRegister[]) {
    const [set, named] = [used[register] ?? null, datapath[register]];
    if (set === null || isSame(register, set, named)) continue;
    const found = named === undefined ? "none" : registerText(named);
    return `its ${register} register is ${registerText(set)}, layer "${name}" names ${found}`;
  }
  return null;
}

function isSame(register: DatapathRegister, set: RegisterSpec, named: DatapathSpec[DatapathRegister]): boolean {
  if (named === undefined) return false;
  return WORDS.includes(register) ? formatsEqual(set.format, named.format) : registersEqual(set, named);
}
