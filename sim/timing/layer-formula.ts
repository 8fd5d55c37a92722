import type { Unit } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Opcode } from "../../isa/instructions/table.ts";
import type { Program } from "../../isa/program/program.ts";
import type { Schedule } from "./schedule.ts";

/** Equal instructions of one layer. */
export interface FormulaTerm {
  readonly unit: Unit | "control";
  readonly opcode: Opcode;
  readonly formula: string;
  /** Cycles of one of them. */
  readonly cycles: number;
  readonly count: number;
}

/**
 * Closed forms of each layer's instructions with their multiplicities, in the order in which they first occur. Per unit
 * they add up to its busy cycles and port stalls in that layer; units overlap, so a layer takes less than their sum.
 */
export function layerFormulas(program: Program, schedule: Schedule): readonly (readonly FormulaTerm[])[] {
  return program.layers.map(({ firstInstruction, endInstruction }) => {
    const terms = new Map<string, FormulaTerm>();
    for (let pc = firstInstruction; pc < endInstruction; pc++) {
      const opcode = program.instructions[pc]?.opcode;
      const timing = schedule.instructions[pc];
      if (opcode === undefined || timing === undefined) continue;
      const { formula, cycles } = timing;
      const key = `${opcode} ${formula}`;
      const count = (terms.get(key)?.count ?? 0) + 1;
      terms.set(key, { unit: INSTRUCTIONS[opcode].unit, opcode, formula, cycles, count });
    }
    return [...terms.values()];
  });
}

/** `4 matrix × [72 folds × (2·16 + 16 + 25 − 2) + 1] + 4 requantize × [64 × ⌈50 / 16⌉]` of one unit. */
export function formulaText(terms: readonly FormulaTerm[], unit: Unit | "control"): string {
  return terms
    .filter((term) => term.unit === unit)
    .map(({ count, opcode, formula }) => `${count} ${opcode} × [${formula}]`)
    .join(" + ");
}
