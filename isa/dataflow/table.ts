/** The dataflows there are, by name. A new one is a file beside this one and a row here; the reference engine needs its wiring. */
import { DiagnosticError } from "../diagnostic.ts";
import type { ArrayShape, DataflowDefinition, MatrixShape } from "./definition.ts";
import { INPUT_STATIONARY } from "./input-stationary.ts";
import { OUTPUT_STATIONARY } from "./output-stationary.ts";
import { TREE, treeDelay } from "./tree.ts";
import { WEIGHT_STATIONARY } from "./weight-stationary.ts";

/** Order in which the array accumulates one sum; see isa/README.md, "Array". */
export type Dataflow = "output-stationary" | "weight-stationary" | "input-stationary" | "tree";

export const DATAFLOWS: Readonly<Record<Dataflow, DataflowDefinition>> = {
  "output-stationary": OUTPUT_STATIONARY,
  "weight-stationary": WEIGHT_STATIONARY,
  "input-stationary": INPUT_STATIONARY,
  tree: TREE,
};

/** An array with its dataflow; a `Machine` is one. */
export interface DataflowArray extends ArrayShape {
  readonly dataflow: Dataflow;
}

/** Array steps of a matrix instruction while no port stalls it: (folds − 1) · interval + fold. */
export function arraySteps(array: DataflowArray, shape: MatrixShape): number {
  const { folds, fold, interval } = DATAFLOWS[array.dataflow].foldSteps(array, shape);
  return (folds - 1) * interval + fold;
}

/** Steps of a run: all of a sum, or as many as the array has rows. */
export function runLength({ array, steps }: { readonly array: DataflowArray; readonly steps: number }): number {
  return DATAFLOWS[array.dataflow].sum === "carries" ? steps : Math.min(steps, array.rows);
}

/** A sum may be cut into instructions behind any multiple of so many steps without a change of its order. */
export function cutMultiple({ dataflow, rows }: DataflowArray): number {
  return DATAFLOWS[dataflow].sum === "carries" ? 1 : rows;
}

/** Array steps from a product to the accumulation that takes it. */
export function accumulationDelay({ dataflow, rows, macPipeline }: DataflowArray): number {
  return macPipeline + (DATAFLOWS[dataflow].sum === "gathers" ? treeDelay(rows) : 0);
}

const TEXTS: Readonly<Record<Exclude<Dataflow, "tree">, string>> = {
  "output-stationary": "os",
  "weight-stationary": "ws",
  "input-stationary": "is",
};

/** `os`, `ws`, `is` or `tree:N`, as the command line writes it. */
export function dataflowText({ dataflow, rows }: Pick<DataflowArray, "dataflow" | "rows">): string {
  return dataflow === "tree" ? `tree:${rows}` : TEXTS[dataflow];
}

/** Reads `os|ws|is|tree:N`; `tree:N` also fixes the rows of the array to N. */
export function parseDataflow(text: string, where = "--dataflow"): { dataflow: Dataflow; rows?: number } {
  for (const [dataflow, short] of Object.entries(TEXTS)) {
    if (text === short || text === dataflow) return { dataflow: dataflow as Dataflow };
  }
  const tree = /^tree:([1-9][0-9]{0,3})$/.exec(text);
  if (tree) return { dataflow: "tree", rows: Number(tree[1]) };
  throw new DiagnosticError([
    { code: "DATAFLOW", where, what: `unknown dataflow "${text}"`, hint: "use os, ws, is or tree:N" },
  ]);
}
