/** How two plans for one layer are compared. */
import type { Traffic } from "./memory/transfer.ts";

export interface PlanCost {
  /** Every memory that holds more than one tile in turn can hold two at once, so that the units overlap. */
  readonly overlapped: boolean;
  readonly load: Traffic;
  readonly store: Traffic;
  readonly computeCycles: number;
}

/** Plans this close to the fastest count as equally fast: the estimate is no better, and DRAM costs energy. */
const NEARLY_AS_FAST = 1.05;

/** Cycles without stalls: the slowest unit where they overlap, else one after the other. */
export function estimatedCycles({ overlapped, load, store, computeCycles }: PlanCost): number {
  return overlapped ? Math.max(load.cycles, store.cycles, computeCycles) : load.cycles + store.cycles + computeCycles;
}

/**
 * Among the plans within 5 % of the fewest estimated cycles the one that moves the fewest bits from and to DRAM; the
 * faster of equals, and the first of those. Undefined where there is none.
 */
export function choosePlan<Plan extends { readonly cost: PlanCost }>(plans: readonly Plan[]): Plan | undefined {
  const fastest = plans.reduce((least, { cost }) => Math.min(least, estimatedCycles(cost)), Number.POSITIVE_INFINITY);
  let best: Plan | undefined;
  let bestBits = Number.POSITIVE_INFINITY;
  let bestCycles = Number.POSITIVE_INFINITY;
  for (const plan of plans) {
    const cycles = estimatedCycles(plan.cost);
    const bits = plan.cost.load.bits + plan.cost.store.bits;
    if (cycles > fastest * NEARLY_AS_FAST || bits > bestBits) continue;
    if (bits === bestBits && cycles >= bestCycles) continue;
    best = plan;
    bestBits = bits;
    bestCycles = cycles;
  }
  return best;
}

/** How a memory takes `tiles` tiles of `bits` one after the other. */
export function tileFit(bits: number, tiles: number, capacityBits: number): { fits: boolean; overlaps: boolean } {
  return { fits: bits <= capacityBits, overlaps: tiles <= 1 || bits <= Math.floor(capacityBits / 2) };
}
