/**
 * The package's `./testing` entry: what macroscope tests itself with, for users who test hardware or libraries against it.
 *
 * - Arbitraries for fast-check: formats, registers and raws with their extremes; instructions; whole programs that the
 *   machine admits; small graphs with ugly shapes.
 * - Laws: properties of a rounding unit, a quantizing register, an engine. Each has a name and a `check` that throws a
 *   shrunk counterexample:
 *
 *       for (const { name, check } of roundingUnitLaws(myUnit, "nearest-even")) test(name, () => check());
 *
 *   A unit with one shift: `{ droppedBits: 4, sourceBits: 16 }` behind the mode; one between two formats: `{ source }` behind the
 *   register. Units that answer by promises (a simulator behind a socket) and units that take arrays have laws of their own,
 *   `async…Laws` and `batched…Laws`, whose `check` returns a promise. A failure says what came in, what was found and expected,
 *   and the kept, guard and sticky bits of the smallest failing word.
 */
export * from "./arbitraries/graph.ts";
export * from "./arbitraries/instructions.ts";
export * from "./arbitraries/machine-program.ts";
export * from "./arbitraries/numerics.ts";
export { engineLaws } from "./laws/engine-laws.ts";
export type { AsyncLaw, Law, LawSettings } from "./laws/law.ts";
export {
  type AsyncRegisterUnit,
  asyncRegisterUnitLaws,
  type BatchedRegisterUnit,
  batchedRegisterUnitLaws,
  type RegisterUnit,
  type RegisterUnitLimits,
  registerUnitLaws,
} from "./laws/register-laws.ts";
export {
  type AsyncRoundingUnit,
  asyncRoundingUnitLaws,
  type BatchedRoundingUnit,
  batchedRoundingUnitLaws,
  type DeterministicRoundingMode,
  type RoundingUnit,
  type RoundingUnitLimits,
  roundingUnitLaws,
} from "./laws/rounding-laws.ts";
