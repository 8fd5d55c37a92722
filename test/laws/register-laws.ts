/** Laws of a quantizing register: rounding, then the fit into its word. */
import fc from "fast-check";
import { rawRange } from "../../isa/format.ts";
import { OVERFLOW_MODES } from "../../isa/overflow.ts";
import { quantize } from "../../isa/quantize.ts";
import type { RegisterSpec } from "../../isa/register.ts";
import { rawsOf, valuesFor } from "../arbitraries/numerics.ts";
import { type Law, law } from "./law.ts";

/** raw · 2^−fractionLength into the register; returns the register's raw. */
export type RegisterUnit = (raw: bigint, fractionLength: number) => bigint;

/** A register whose rounding is not `stochastic`. */
export function registerUnitLaws(unit: RegisterUnit, spec: RegisterSpec): readonly Law[] {
  const { format, overflow } = spec;
  const range = rawRange(format);
  const values = valuesFor(spec);
  const laws = [
    law(
      "gives words of its format",
      fc.property(values, ({ raw, fractionLength }) => {
        const word = unit(raw, fractionLength);
        return word >= range.min && word <= range.max;
      }),
    ),
    law(
      "gives the same word again when that word comes in",
      fc.property(values, ({ raw, fractionLength }) => {
        const word = unit(raw, fractionLength);
        return unit(word, format.fractionLength) === word;
      }),
    ),
    law(
      "gives what the definition gives",
      fc.property(
        values,
        ({ raw, fractionLength }) => unit(raw, fractionLength) === quantize(raw, fractionLength, spec).raw,
      ),
    ),
  ];
  if (OVERFLOW_MODES[overflow].monotone) {
    laws.push(
      law(
        "is monotone",
        fc.property(
          rawsOf({ ...format, wordLength: format.wordLength + 8 }),
          fc.bigInt({ min: 0n, max: 300n }),
          (raw, step) => {
            const fractionLength = format.fractionLength + 4;
            return unit(raw, fractionLength) <= unit(raw + step, fractionLength);
          },
        ),
      ),
    );
  }
  return laws;
}
