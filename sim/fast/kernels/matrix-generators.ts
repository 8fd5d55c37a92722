import { DATAFLOWS } from "../../../isa/dataflow/table.ts";
import { EVIDENCE_REGISTERS } from "../../evidence.ts";
import { GeneratorBank, type GeneratorBlock } from "../arithmetic/generator-bank.ts";
import type { MatrixOperands, MatrixProblem } from "./contract.ts";

/** Generators of a register in every element that takes part in a matrix instruction; what gathers products stands in row R. */
export function matrixGenerators(
  problem: MatrixProblem,
  { seed, instruction }: MatrixOperands,
  register: "product" | "accumulator",
): GeneratorBank {
  const { rows, columns, dataflow } = problem.array;
  const { down, across, sum } = DATAFLOWS[dataflow];
  const used = Math.min(columns, problem[across]);
  const block: GeneratorBlock =
    sum === "gathers" && register === "accumulator"
      ? { firstRow: rows, rows: 1, columns: used }
      : { firstRow: 0, rows: Math.min(rows, problem[down]), columns: used };
  return new GeneratorBank({ seed, instruction, registerCode: EVIDENCE_REGISTERS.indexOf(register) }, block);
}
