import type { Dataflow } from "../../../isa/machine.ts";
import { EVIDENCE_REGISTERS } from "../../evidence.ts";
import { GeneratorBank, type GeneratorBlock } from "../arithmetic/generator-bank.ts";
import type { MatrixOperands, MatrixProblem } from "./contract.ts";

/** What lies along rows and columns of the array, by dataflow. */
const SIDES: Readonly<
  Record<Dataflow, (problem: MatrixProblem) => { readonly down: number; readonly across: number }>
> = {
  "output-stationary": ({ pixels, filters }) => ({ down: pixels, across: filters }),
  "weight-stationary": ({ steps, filters }) => ({ down: steps, across: filters }),
  "input-stationary": ({ steps, pixels }) => ({ down: steps, across: pixels }),
  tree: ({ steps, filters }) => ({ down: steps, across: filters }),
};

/** Generators of a register in every element that takes part in a matrix instruction; a tree's accumulators stand in row R. */
export function matrixGenerators(
  problem: MatrixProblem,
  { seed, instruction }: MatrixOperands,
  register: "product" | "accumulator",
): GeneratorBank {
  const { rows, columns, dataflow } = problem.array;
  const { down, across } = SIDES[dataflow](problem);
  const block: GeneratorBlock =
    dataflow === "tree" && register === "accumulator"
      ? { firstRow: rows, rows: 1, columns: Math.min(columns, across) }
      : { firstRow: 0, rows: Math.min(rows, down), columns: Math.min(columns, across) };
  return new GeneratorBank({ seed, instruction, registerCode: EVIDENCE_REGISTERS.indexOf(register) }, block);
}
