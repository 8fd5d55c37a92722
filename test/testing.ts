/**
 * The package's `./testing` entry: what macroscope tests itself with, for users who test hardware or libraries against it.
 *
 * - Arbitraries for fast-check: formats, registers and raws with their extremes; instructions; whole programs that the
 *   machine admits; small graphs with ugly shapes.
 * - Laws: properties of a rounding unit, a quantizing register, an engine. Each has a name and a `check` that throws a
 *   shrunk counterexample:
 *
 *       for (const { name, check } of roundingUnitLaws(myUnit, "nearest-even")) test(name, () => check());
 */
export * from "./arbitraries/graph.ts";
export * from "./arbitraries/instructions.ts";
export * from "./arbitraries/machine-program.ts";
export * from "./arbitraries/numerics.ts";
export { engineLaws } from "./laws/engine-laws.ts";
export type { Law, LawSettings } from "./laws/law.ts";
export { type RegisterUnit, registerUnitLaws } from "./laws/register-laws.ts";
export {
  type DeterministicRoundingMode,
  type RoundingUnit,
  type RoundingUnitLimits,
  roundingUnitLaws,
} from "./laws/rounding-laws.ts";
