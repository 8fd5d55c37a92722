/** The shortest word that serves as the format of every register of every layer. */
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { type Judged, judgeIfPossible, type TrialRunner } from "../trial-runner.ts";
import type { SearchSpace } from "./search-space.ts";
import { advantage } from "./target.ts";

/** Word lengths that are tried: the first of these that keeps the target, then those between it and the one before. */
const SHORTEST = 2;
const LENGTHS = [8, 16, 24, 32] as const;

/**
 * The least W for which some F, or `W,auto`, keeps the target on all of the search's images, found by bisection; of the F that do
 * the one with the best figure. Null where 32 bits do not.
 */
export async function searchUniform(runner: TrialRunner, space: SearchSpace): Promise<Judged | null> {
  let low = SHORTEST;
  for (const longest of LENGTHS) {
    let best = await bestOf(runner, space, longest, false);
    if (best === null) {
      low = longest + 1;
      continue;
    }
    let high: number = longest;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const kept = await bestOf(runner, space, middle, false);
      if (kept === null) low = middle + 1;
      else {
        high = middle;
        best = kept;
      }
    }
    return (await bestOf(runner, space, high, true)) ?? best;
  }
  return null;
}

/** An F that keeps the target, seen on all images: the first one, or the best of all. */
async function bestOf(
  runner: TrialRunner,
  space: SearchSpace,
  wordLength: number,
  all: boolean,
): Promise<Judged | null> {
  let best: Judged | null = null;
  for (const { name, assignment } of uniformAssignments(space, wordLength)) {
    const first = await judgeIfPossible(runner, assignment, name);
    if (first === null || first.verdict === "missed") continue;
    const judged = await runner.judge(assignment, name, { whole: true });
    if (judged.verdict === "missed") continue;
    if (best === null || advantage(runner.target.kind, judged.figure, best.figure) > 0) best = judged;
    if (!all) return best;
  }
  return best;
}

/** Calibrated fraction lengths, then every F from 0 to W, those nearest the observed integer bits first. */
export function uniformAssignments(
  space: SearchSpace,
  wordLength: number,
): readonly { readonly name: string; readonly assignment: AssignmentSpecification }[] {
  const automatic = space.automatic(wordLength);
  const integerBits = Math.max(...space.registers.map((register) => register.observedIntegerBits ?? 1));
  const near = Math.min(wordLength, Math.max(0, wordLength - integerBits));
  const fractions = Array.from({ length: wordLength + 1 }, (_, fraction) => fraction);
  fractions.sort((a, b) => Math.abs(a - near) - Math.abs(b - near) || a - b);
  return [
    ...(automatic === null ? [] : [{ name: `all ${wordLength},auto`, assignment: automatic }]),
    ...fractions.map((fraction) => {
      const format = `${wordLength},${fraction}`;
      return { name: `all ${format}`, assignment: { default: { ...space.defaults, format } } };
    }),
  ];
}
