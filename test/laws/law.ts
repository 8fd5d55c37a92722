import fc from "fast-check";

/** How many cases a law tries, from which seed, and whether the first counterexample will do; all are fast-check's own. */
export interface LawSettings {
  readonly numRuns?: number;
  readonly seed?: number;
  readonly endOnFailure?: boolean;
}

/** A property of a unit under test. `check` throws fast-check's error with a shrunk counterexample where it does not hold. */
export interface Law {
  /** A sentence about the unit, fit for the name of a test. */
  readonly name: string;
  readonly check: (settings?: LawSettings) => void;
}

/** A law from a property. */
export function law<Ts extends [unknown, ...unknown[]]>(name: string, property: fc.IProperty<Ts>): Law {
  return { name, check: (settings = {}) => fc.assert(property, settings) };
}
