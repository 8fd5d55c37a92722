/** What to use where the cheapest assignment of a search misses its target on images that no decision saw. */
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import type { Evaluation, ImageSpan } from "../../results/evaluation.ts";
import type { Judged } from "../trial-runner.ts";
import { type CostWeights, type Priced, priceAgainst } from "./objective.ts";
import { keeps, searchLimit, TARGET_RULES, type Target } from "./target.ts";

/** The final images in two: on the first a finalist is chosen, the second no decision sees. */
export interface HeldOut {
  readonly decision: ImageSpan;
  readonly rest: ImageSpan;
}

/** Null where there are too few images for two parts. */
export function heldOutOf({ first, images }: ImageSpan): HeldOut | null {
  const half = Math.floor(images / 2);
  if (half < 1) return null;
  return { decision: { first, images: half }, rest: { first: first + half, images: images - half } };
}

export interface FinalistRequest {
  readonly trials: readonly Judged[];
  /** What missed the target. */
  readonly missed: Judged;
  readonly target: Target;
  readonly weights: CostWeights;
  readonly evaluate: (assignment: AssignmentSpecification) => Promise<Evaluation>;
}

/**
 * The cheapest candidate that the search kept, dearer than what missed, and that keeps the target with its margin on the images of the
 * decision. It is found by strides that double, and then by halves, as if all beyond one that keeps the target kept it too: some
 * fifteen evaluations whatever was tried. Null where none does, or no candidate has a cost.
 */
export async function cheapestFinalist(request: FinalistRequest): Promise<Judged | null> {
  const finalists = dearerCandidates(request);
  const { target } = request;
  const limit = searchLimit(target);
  const known = new Map<number, boolean>();
  const holds = async (index: number): Promise<boolean> => {
    const finalist = finalists[index];
    if (finalist === undefined) return false;
    const before = known.get(index);
    if (before !== undefined) return before;
    const evaluation = await request.evaluate(finalist.assignment);
    // So few images may not show the figure at all.
    const figure = TARGET_RULES[target.kind].figure(evaluation);
    const held = figure !== null && keeps(target.kind, figure, limit);
    known.set(index, held);
    return held;
  };
  let low = 0;
  let high = 0;
  while (high < finalists.length && !(await holds(high))) {
    low = high + 1;
    high = Math.min(2 * high + 1, Math.max(high + 1, finalists.length - 1));
  }
  if (high >= finalists.length) return null;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return finalists[high] ?? null;
}

/** The cheapest first. */
function dearerCandidates({ trials, missed, weights }: FinalistRequest): readonly Judged[] {
  if (missed.cost === null) return [];
  const reference: Priced = { cost: missed.cost, registerBits: 0 };
  const price = priceAgainst(reference, weights);
  const least = price(reference);
  return trials
    .filter(({ verdict, cost }) => verdict === "kept" && cost !== null)
    .map((trial) => ({ trial, price: price({ cost: trial.cost, registerBits: 0 }) }))
    .filter((candidate) => candidate.price > least)
    .sort((a, b) => a.price - b.price)
    .map(({ trial }) => trial);
}
