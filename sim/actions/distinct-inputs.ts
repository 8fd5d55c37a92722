import { inputWords } from "../check/accesses.ts";
import { wordCount } from "../check/word-runs.ts";
import type { ConfiguredMatrix } from "../configuration.ts";

/** Half-open intervals of equal length that cut 0 … total − 1; the last one may be shorter. */
interface Cut {
  readonly total: number;
  readonly length: number;
}

/**
 * Distinct input words that passes of a matrix instruction need, summed over the passes: pixels cut into `pixelCut`
 * pieces, steps into `stepCut` pieces, one pass for each pair. Addresses repeat with the innermost counters, so equal
 * pieces are counted once and multiplied; results are kept for equal shapes.
 */
export class DistinctInputs {
  readonly #known = new Map<string, number>();

  count(configured: ConfiguredMatrix, pixelLength: number, stepLength: number): number {
    const { pixels, reduction, instruction } = configured;
    const { reductionStart, reductionLength } = instruction;
    const pixelTotal = pixels.rowCount * pixels.columnCount;
    const { columnCount, rowStride, columnStride } = pixels;
    const { middleCount, innerCount, outerStride, middleStride, innerStride } = reduction;
    const period = middleCount * innerCount;
    const key = [
      pixelTotal,
      columnCount,
      rowStride,
      columnStride,
      middleCount,
      innerCount,
      outerStride,
      middleStride,
      innerStride,
      reductionStart % period,
      reductionLength,
      pixelLength,
      stepLength,
    ].join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    let sum = 0;
    for (const pixel of pieces({ total: pixelTotal, length: pixelLength }, columnCount)) {
      for (const step of pieces({ total: reductionLength, length: stepLength }, period)) {
        const from = reductionStart + step.from;
        const words = inputWords(configured, pixel.from, pixel.to, from, from + step.to - step.from);
        sum += wordCount(words) * pixel.count * step.count;
      }
    }
    this.#known.set(key, sum);
    return sum;
  }
}

interface Piece {
  readonly from: number;
  readonly to: number;
  /** How many pieces have the same length and start at the same place of their period. */
  readonly count: number;
}

function pieces({ total, length }: Cut, period: number): readonly Piece[] {
  const whole = Math.floor(total / length);
  const repeat = period / greatestCommonDivisor(length, period);
  const found: Piece[] = [];
  for (let index = 0; index < Math.min(whole, repeat); index++) {
    const count = Math.floor((whole - 1 - index) / repeat) + 1;
    found.push({ from: index * length, to: (index + 1) * length, count });
  }
  if (whole * length < total) found.push({ from: whole * length, to: total, count: 1 });
  return found;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
