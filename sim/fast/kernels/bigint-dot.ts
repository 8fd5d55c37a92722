import { setWord, wordAt } from "../memory/words.ts";
import type { MatrixKernel } from "./contract.ts";
import { alignmentBits, productScaleBits } from "./product-shift.ts";

/** The plain dot product in big integers: nothing is rounded, nothing overflows, the order is free. */
export const BIGINT_DOT: MatrixKernel = {
  name: "bigint dot",
  bind: (problem, operands) => {
    const { pixels, filters, steps, accumulate } = problem;
    const { input, inputBase, pixelOffsets, stepOffsets, weights, sums, sumBase, sumPitch } = operands;
    const shift = BigInt(productScaleBits(problem) + alignmentBits(problem));
    const row = new Array<bigint>(steps).fill(0n);
    const run = (): void => {
      for (let pixel = 0; pixel < pixels; pixel++) {
        const address = inputBase + (pixelOffsets[pixel] ?? 0);
        for (let step = 0; step < steps; step++) row[step] = wordAt(input, address + (stepOffsets[step] ?? 0));
        for (let filter = 0; filter < filters; filter++) {
          let sum = 0n;
          for (let step = 0; step < steps; step++) {
            sum += (row[step] ?? 0n) * wordAt(weights.words, weights.base + step * weights.pitch + filter);
          }
          const place = sumBase + pixel * sumPitch + filter;
          setWord(sums, place, (accumulate ? wordAt(sums, place) : 0n) + (sum << shift));
        }
      }
    };
    return { product: { overflows: 0 }, accumulator: { overflows: 0 }, run };
  },
};
