import type { MatrixOperands, MatrixProblem } from "../kernels/contract.ts";
import { isNumberWords, type NumberWords } from "../memory/words.ts";

/** Room for the largest snapshot of a program; instructions run one after the other and share it. */
export class SumsScratch {
  numbers: Float64Array = new Float64Array(0);
  readonly bigs: bigint[] = [];

  reserve(numbers: number): void {
    if (this.numbers.length < numbers) this.numbers = new Float64Array(numbers);
  }
}

/** One pixel's sums, and where they are kept; both are seen in place. */
interface KeptRow {
  readonly sums: NumberWords;
  readonly kept: Float64Array;
}

/** The sums that an accumulating instruction starts from, kept while it runs so that it can be computed a second time. */
export class SumsSnapshot {
  private readonly scratch: SumsScratch;
  private readonly problem: MatrixProblem;
  private readonly operands: MatrixOperands;
  /** Set up when first needed: the scratch then has its final size. */
  private rows: readonly KeptRow[] | null = null;

  constructor(scratch: SumsScratch, problem: MatrixProblem, operands: MatrixOperands) {
    this.scratch = scratch;
    this.problem = problem;
    this.operands = operands;
    if (isNumberWords(operands.sums)) scratch.reserve(problem.pixels * problem.filters);
  }

  take(): void {
    const { sums } = this.operands;
    const { bigs } = this.scratch;
    if (isNumberWords(sums)) {
      this.rows ??= this.keptRows(sums);
      for (const row of this.rows) row.kept.set(row.sums);
    } else this.forEachSum((index, place) => copyBig(sums, place, bigs, index));
  }

  restore(): void {
    const { sums } = this.operands;
    const { bigs } = this.scratch;
    if (isNumberWords(sums)) for (const row of this.rows ?? []) row.sums.set(row.kept);
    else this.forEachSum((index, place) => copyBig(bigs, index, sums, place));
  }

  private keptRows(sums: NumberWords): KeptRow[] {
    const { pixels, filters } = this.problem;
    const { sumBase, sumPitch } = this.operands;
    const { numbers } = this.scratch;
    return Array.from({ length: pixels }, (_, pixel) => {
      const first = sumBase + pixel * sumPitch;
      return {
        sums: sums.subarray(first, first + filters),
        kept: numbers.subarray(pixel * filters, (pixel + 1) * filters),
      };
    });
  }

  private forEachSum(visit: (index: number, place: number) => void): void {
    const { pixels, filters } = this.problem;
    const { sumBase, sumPitch } = this.operands;
    for (let pixel = 0, index = 0; pixel < pixels; pixel++) {
      for (let filter = 0; filter < filters; filter++, index++) visit(index, sumBase + pixel * sumPitch + filter);
    }
  }
}

function copyBig(from: readonly bigint[], fromIndex: number, to: bigint[], toIndex: number): void {
  to[toIndex] = from[fromIndex] ?? 0n;
}
