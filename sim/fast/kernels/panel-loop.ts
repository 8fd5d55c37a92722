import { isNumberWords, type Words } from "../memory/words.ts";
import type { BoundKernel, MatrixOperands, MatrixProblem, OverflowCounter } from "./contract.ts";
import { type LaneArray, PANEL, type WeightPanels } from "./weight-panels.ts";

/**
 * Goes on with the four sums in `totals`: adds the products of the input words from `address` on with the panel whose
 * words begin at `firstWeight`.
 */
export type SumPanel = (address: number, firstWeight: number) => void;

export interface PanelKernelParts<Lane extends LaneArray> {
  readonly panels: WeightPanels<Lane>;
  /** Four sums: their start when `sumPanel` is called, their end when it returns. */
  readonly totals: Lane;
  readonly sumPanel: SumPanel;
  readonly product: OverflowCounter;
  readonly accumulator: OverflowCounter;
}

/** The loop that all plain kernels share: panel after panel, so that its weights stay in the cache, pixel after pixel. */
export function panelKernel<Lane extends LaneArray>(
  problem: MatrixProblem,
  operands: MatrixOperands,
  parts: PanelKernelParts<Lane>,
): BoundKernel {
  const { pixels, filters, steps, accumulate } = problem;
  const { inputBase, pixelOffsets, sumBase, sumPitch, sums } = operands;
  const { panels, totals, sumPanel, product, accumulator } = parts;
  const write = sumWriter(sums);
  return {
    product,
    accumulator,
    run: () => {
      product.overflows = 0;
      accumulator.overflows = 0;
      panels.refresh();
      for (let filter = 0, firstWeight = 0; filter < filters; filter += PANEL, firstWeight += steps * PANEL) {
        const present = Math.min(PANEL, filters - filter);
        for (let pixel = 0; pixel < pixels; pixel++) {
          const sum = sumBase + pixel * sumPitch + filter;
          totals.fill(0);
          if (accumulate) for (let index = 0; index < present; index++) totals[index] = Number(sums[sum + index]);
          sumPanel(inputBase + (pixelOffsets[pixel] as number), firstWeight);
          for (let index = 0; index < present; index++) write(sum + index, totals[index] as number);
        }
      }
    },
  };
}

function sumWriter(sums: Words): (index: number, sum: number) => void {
  if (isNumberWords(sums)) {
    return (index, sum) => {
      sums[index] = sum;
    };
  }
  return (index, sum) => {
    sums[index] = BigInt(sum);
  };
}
