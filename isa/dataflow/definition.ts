/** What a dataflow is: the facts of one, which every other place asks for instead of naming dataflows. */

/** The array as far as it fixes the order of additions and the steps in which they happen; a `Machine` is one. */
export interface ArrayShape {
  /** R × C elements; a tree has R inputs. */
  readonly rows: number;
  readonly columns: number;
  readonly macPipeline: number;
  readonly weightDoubleBuffer: boolean;
  readonly drainOverlap: boolean;
}

/** A matrix instruction as the array sees it. */
export interface MatrixShape {
  /** E. */
  readonly pixels: number;
  /** N. */
  readonly filters: number;
  /** K. */
  readonly steps: number;
  /** Sums go on from what the bank holds. */
  readonly accumulate: boolean;
}

/**
 * A run: consecutive steps of one sum that one element (output-stationary), one column (weight- and input-stationary) or
 * one adder tree computes without a break. Handed out again and again by `forEachRun`.
 */
export interface ArrayRun {
  pixel: number;
  filter: number;
  /** Steps k of the run: first, and one past the last. */
  firstStep: number;
  endStep: number;
  /** Array step in which the first product is written; `rowStride` and `stepStride` lead to the others. */
  arrayStep: number;
  /** Element of the first product. */
  row: number;
  column: number;
  /** The first run of a sum that does not accumulate: the bank is overwritten. */
  opensSum: boolean;
}

/** Array steps of an instruction, (folds − 1) · interval + fold: the table under "Cycles" in isa/README.md. */
export interface FoldSteps {
  readonly folds: number;
  /** Steps of one fold alone. */
  readonly fold: number;
  /** Steps after which the next fold may start. */
  readonly interval: number;
}

/** What the operands of an instruction move, in words. */
export interface OperandTraffic {
  /** Pixels and steps cut into pieces of this length, each piece's distinct input words read once, all of it `passes` times. */
  readonly inputReads: { readonly passes: number; readonly pixels: number; readonly steps: number };
  readonly weightReads: number;
  readonly inputRegisterWrites: number;
  readonly weightRegisterWrites: number;
}

export interface DataflowDefinition {
  /** What lies along the rows and along the columns of the array. */
  readonly down: "pixels" | "steps";
  readonly across: "pixels" | "filters";
  /**
   * How a run meets its sum. carries: it starts from the bank's sum and replaces it · adds: it starts from zero, and its sum is
   * added to the bank (or overwrites it, `opensSum`) · gathers: its products are summed exactly and quantized with the bank's
   * sum at once.
   */
  readonly sum: "carries" | "adds" | "gathers";
  /** Rows and array steps from one product of a run to the next. */
  readonly rowStride: number;
  readonly stepStride: number;
  /** The order of one sum in words: "Products are …", R filled in. */
  readonly orderText: (rows: number) => string;
  readonly foldSteps: (array: ArrayShape, shape: MatrixShape) => FoldSteps;
  /** The closed form of all steps with the numbers put in; see `formula.ts` for what such a text holds. */
  readonly formula: (array: ArrayShape, shape: MatrixShape) => string;
  /** Bits that one array step asks of the input and the weight port, from the bits of a word. */
  readonly portBits: (
    array: ArrayShape,
    pixels: number,
    word: { readonly input: number; readonly weight: number },
  ) => { readonly input: number; readonly weight: number };
  /** Every run of an instruction, in the order in which each element meets them. */
  readonly forEachRun: (array: ArrayShape, shape: MatrixShape, visit: (run: ArrayRun) => void) => void;
  /** How many products its element has computed before that of step k of a sum: the number of its random word. */
  readonly productsBefore: (array: ArrayShape, shape: MatrixShape, pixel: number, filter: number, k: number) => number;
  readonly traffic: (array: ArrayShape, shape: MatrixShape) => OperandTraffic;
}

export function newRun(): ArrayRun {
  return { pixel: 0, filter: 0, firstStep: 0, endStep: 0, arrayStep: 0, row: 0, column: 0, opensSum: false };
}

/** How many of `count` things, dealt to `lanes` lanes one by one, lane `lane` gets. */
export function shareOf(lane: number, count: number, lanes: number): number {
  return Math.floor((count - 1 - lane) / lanes) + 1;
}
