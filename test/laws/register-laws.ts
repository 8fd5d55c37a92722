/** Laws of a quantizing register: rounding, then the fit into its word. */
import fc from "fast-check";
import { type FixedPointFormat, formatText, rawRange } from "../../isa/numerics/format.ts";
import { OVERFLOW_MODES } from "../../isa/numerics/overflow.ts";
import { quantize } from "../../isa/numerics/quantize.ts";
import { type RegisterSpec, registerText } from "../../isa/numerics/register.ts";
import { rawsOf, valuesFor } from "../arbitraries/numerics.ts";
import {
  type AsyncLaw,
  askedAtOnce,
  askedLater,
  askedTogether,
  droppedText,
  type Law,
  single,
  type UnitLaw,
  unitLaw,
} from "./law.ts";

/** raw · 2^−fractionLength into the register; returns the register's raw. A unit of fixed formats may leave the second out. */
export type RegisterUnit = (raw: bigint, fractionLength: number) => bigint;

/** The same where the answer comes later. */
export type AsyncRegisterUnit = (raw: bigint, fractionLength: number) => Promise<bigint>;

/** Many raws of one fraction length: as many words, in their order. */
export type BatchedRegisterUnit = (
  raws: readonly bigint[],
  fractionLength: number,
) => readonly bigint[] | Promise<readonly bigint[]>;

export interface RegisterUnitLimits {
  /** Of a unit between fixed formats: the one format that it takes. */
  readonly source?: FixedPointFormat;
}

interface Question {
  readonly raw: bigint;
  readonly fractionLength: number;
}

/** A register whose rounding is not `stochastic`. */
export function registerUnitLaws(
  unit: RegisterUnit,
  spec: RegisterSpec,
  limits: RegisterUnitLimits = {},
): readonly Law[] {
  return askedAtOnce(lawsOf(spec, limits), ({ raw, fractionLength }) => unit(raw, fractionLength));
}

/** The same for a unit that answers by a promise. */
export function asyncRegisterUnitLaws(
  unit: AsyncRegisterUnit,
  spec: RegisterSpec,
  limits: RegisterUnitLimits = {},
): readonly AsyncLaw[] {
  return askedLater(lawsOf(spec, limits), ({ raw, fractionLength }) => unit(raw, fractionLength));
}

/** The same for a unit that takes many raws at once. */
export function batchedRegisterUnitLaws(
  unit: BatchedRegisterUnit,
  spec: RegisterSpec,
  limits: RegisterUnitLimits = {},
): readonly AsyncLaw[] {
  return askedTogether(
    lawsOf(spec, limits),
    (questions) =>
      unit(
        questions.map(({ raw }) => raw),
        questions[0]?.fractionLength ?? 0,
      ),
    ({ fractionLength }) => `${fractionLength}`,
  );
}

function lawsOf(spec: RegisterSpec, { source }: RegisterUnitLimits): UnitLaw<Question>[] {
  const { format, overflow } = spec;
  const range = rawRange(format);
  const values: fc.Arbitrary<Question> =
    source === undefined
      ? valuesFor(spec)
      : rawsOf(source).map(
          (raw) => ({ raw, fractionLength: source.fractionLength }),
          (question) => (question as Question).raw,
        );
  const text = ({ raw, fractionLength }: Question, answer: bigint, expected: string): string =>
    `raw ${raw} of F ${fractionLength} into ${registerText(spec)}: found ${answer}, expected ${expected}; ` +
    droppedText(raw, fractionLength - format.fractionLength);
  const laws: UnitLaw<Question>[] = [
    single("gives words of its format", values, (question, answer) =>
      answer >= range.min && answer <= range.max
        ? null
        : text(question, answer, `${range.min} … ${range.max} (${formatText(format)})`),
    ),
    single("gives what the definition gives", values, (question, answer) => {
      const expected = quantize(question.raw, question.fractionLength, spec).raw;
      return answer === expected ? null : text(question, answer, `${expected}`);
    }),
  ];
  const words = ownWords(spec, source);
  if (words !== null) {
    laws.push(
      single("gives the same word again when that word comes in", words, (question, answer) => {
        const expected = quantize(question.raw, question.fractionLength, spec).raw;
        return answer === expected ? null : text(question, answer, `${expected}`);
      }),
    );
  }
  if (OVERFLOW_MODES[overflow].monotone) {
    const taken = source ?? { ...format, wordLength: format.wordLength + 8, fractionLength: format.fractionLength + 4 };
    const raws = rawsOf(taken);
    const { fractionLength } = taken;
    laws.push(
      unitLaw({
        name: "is monotone",
        cases: fc.tuple(raws, raws),
        questions: ([a, b]): Question[] => [
          { raw: a < b ? a : b, fractionLength },
          { raw: a < b ? b : a, fractionLength },
        ],
        complaint: ([low, high], [below = 0n, above = 0n]) =>
          below <= above
            ? null
            : `raws ${low?.raw} and ${high?.raw} of F ${fractionLength}: found ${below} and ${above}`,
      }),
    );
  }
  return laws;
}

/** Words that the register keeps, as the unit takes them; null where its source has not the bits for them. */
function ownWords({ format, overflow, saturatedBits, dialect, rounding }: RegisterSpec, source?: FixedPointFormat) {
  const spec: RegisterSpec = { format, overflow, saturatedBits, dialect, rounding };
  const kept = rawsOf(format).map((raw) => quantize(raw, format.fractionLength, spec).raw);
  if (source === undefined) return kept.map((raw): Question => ({ raw, fractionLength: format.fractionLength }));
  const shift = source.fractionLength - format.fractionLength;
  if (shift < 0) return null;
  const range = rawRange(source);
  const fitting = (raw: bigint): boolean => raw << BigInt(shift) >= range.min && raw << BigInt(shift) <= range.max;
  return kept
    .map((raw) => (fitting(raw) ? raw : 0n))
    .map((raw): Question => ({ raw: raw << BigInt(shift), fractionLength: source.fractionLength }));
}
