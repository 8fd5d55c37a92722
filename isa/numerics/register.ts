import { type Diagnostic, nearestName } from "../diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS, formatsEqual, formatText } from "./format.ts";
import { DIALECTS, type Dialect, OVERFLOW_MODES, type OverflowMode, overflowText } from "./overflow.ts";
import { ROUNDING_MODES, type RoundingMode } from "./rounding.ts";

/** A word-length point: everything that decides which word a value becomes when it is written there. */
export interface RegisterSpec {
  readonly format: FixedPointFormat;
  readonly rounding: RoundingMode;
  readonly overflow: OverflowMode;
  /** N of `wrap:N` and `wrap-sign-magnitude:N`, else 0. */
  readonly saturatedBits: number;
  readonly dialect: Dialect;
}

/** A register with the usual choices: to nearest, saturating, SystemC's corner cases. Not checked; see `validateRegister`. */
export function register(
  format: FixedPointFormat,
  rounding: RoundingMode = "nearest",
  overflow: OverflowMode = "saturate",
  saturatedBits = 0,
  dialect: Dialect = "sc",
): RegisterSpec {
  return { format, rounding, overflow, saturatedBits, dialect };
}

export function registersEqual(a: RegisterSpec, b: RegisterSpec): boolean {
  return (
    formatsEqual(a.format, b.format) &&
    a.rounding === b.rounding &&
    a.overflow === b.overflow &&
    a.saturatedBits === b.saturatedBits &&
    a.dialect === b.dialect
  );
}

/** `16,8 nearest saturate`; the dialect is written where it is not SystemC's. */
export function registerText(spec: RegisterSpec): string {
  const overflow = overflowText({ mode: spec.overflow, saturatedBits: spec.saturatedBits });
  const dialect = spec.dialect === "sc" ? "" : ` ${spec.dialect}`;
  return `${formatText(spec.format)} ${spec.rounding} ${overflow}${dialect}`;
}

/**
 * Everything wrong with a register, code REGISTER; empty for a good one. `exact` admits the wider formats of exact
 * products and sums (W ≤ 192). The fields may come from outside: nothing is assumed beyond their types.
 */
export function validateRegister(spec: RegisterSpec, where: string, options: { exact?: boolean } = {}): Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (field: string, what: string, hint: string): void => {
    found.push({ code: "REGISTER", where: `${where}: ${field}`, what, hint });
  };
  const integer = (field: string, value: number, min: number, max: number, hint: string): boolean => {
    const good = Number.isInteger(value) && value >= min && value <= max;
    if (!good) report(field, `found ${value}, expected an integer from ${min} to ${max}`, hint);
    return good;
  };
  const name = (field: string, value: string, table: object): boolean => {
    if (Object.hasOwn(table, value)) return true;
    const names = Object.keys(table);
    report(field, `unknown name "${value}"`, `use ${nearestName(String(value), names) ?? names.join(", ")}`);
    return false;
  };

  const exact = options.exact === true;
  const { wordLength, fractionLength, signed } = spec.format;
  const limits = FORMAT_LIMITS;
  const maxWordLength = exact ? limits.exactWordLength : limits.wordLength;
  const minFraction = exact ? limits.minExactFractionLength : limits.minFractionLength;
  const maxFraction = exact ? limits.maxExactFractionLength : limits.maxFractionLength;
  const goodWord = integer("wordLength W", wordLength, 1, maxWordLength, "choose a word length in this range");
  integer("fractionLength F", fractionLength, minFraction, maxFraction, "F may be negative or exceed W, in this range");
  name("rounding", spec.rounding, ROUNDING_MODES);
  const goodDialect = name("dialect", spec.dialect, DIALECTS);
  if (!name("overflow", spec.overflow, OVERFLOW_MODES)) return found;

  const { overflow, saturatedBits } = spec;
  if (OVERFLOW_MODES[overflow].takesSaturatedBits) {
    if (goodWord) integer("saturatedBits N", saturatedBits, 0, wordLength, "N saturated bits need N ≤ W");
  } else {
    integer("saturatedBits N", saturatedBits, 0, 0, `${overflow} takes no N; write wrap:N for N saturated bits`);
  }
  if (overflow === "wrap-sign-magnitude" && !signed) {
    report("overflow", "wrap-sign-magnitude of an unsigned format", "make the format signed, or use wrap");
  }
  if (goodDialect && spec.dialect === "ac") {
    if (overflow === "wrap-sign-magnitude") {
      report("overflow", "ac_fixed has no wrap-sign-magnitude", "use dialect sc or ap, or another overflow mode");
    } else if (saturatedBits !== 0) {
      report("saturatedBits N", "ac_fixed has no wrap:N", "use dialect sc or ap, or wrap without N");
    }
  }
  return found;
}
