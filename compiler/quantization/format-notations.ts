/**
 * Formats as other tools write them: C++ types, QONNX's and MATLAB's names, VHDL's ranges, Q notation. What says the same everywhere is
 * taken; what different people read differently is answered with the line to write. UG1399 (ap_fixed), IEEE 1666 (sc_fixed), the ac_types
 * reference (ac_fixed), Fixed-Point Designer's data type names, IEEE 1076-2008 (fixed_pkg).
 */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText, parseFormat } from "../../isa/numerics/format.ts";
import {
  DIALECTS,
  type Dialect,
  OVERFLOW_MODES,
  type OverflowMode,
  overflowText,
} from "../../isa/numerics/overflow.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";

/** What a notation says of a register. A C++ type has modes and the corner cases of its library even where it names none. */
export interface ForeignFormat {
  readonly format: FixedPointFormat;
  readonly rounding?: RoundingMode;
  /** As `overflow` of a register, with `:N`. */
  readonly overflow?: string;
  readonly dialect?: Dialect;
  /** Whether the text itself names the mode; the type's own default otherwise. */
  readonly names: { readonly rounding: boolean; readonly overflow: boolean };
}

/** Fields of a register, as texts. */
export interface WrittenFields {
  readonly format?: string | undefined;
  readonly rounding?: string | undefined;
  readonly overflow?: string | undefined;
  readonly dialect?: string | undefined;
}

/**
 * The format, if the text is of another tool; null for `W,F`, `W,auto`, `exact` and what nobody writes. Throws `DiagnosticError`
 * FORMAT for a text that is begun as a notation and is none, or has two meanings.
 */
export function parseForeignFormat(text: string, where: string): ForeignFormat | null {
  const bare = text.trim();
  for (const notation of NOTATIONS) {
    const match = notation.expression.exec(bare);
    if (match !== null) return notation.read(match, { text: bare, where });
  }
  return null;
}

/** `W,F`, `uW,F` or another tool's format; its modes are left out. Throws `DiagnosticError` FORMAT. */
export function parseAnyFormat(text: string, where: string): FixedPointFormat {
  return parseForeignFormat(text, where)?.format ?? parseFormat(text, where);
}

/**
 * Fields with the format written `W,F`. Modes that the format names must not contradict those beside it; a type's own modes stand where
 * nothing else is written.
 */
export function withOwnFormat<Fields extends WrittenFields>(fields: Fields, where: string): Fields {
  const foreign = fields.format === undefined ? null : parseForeignFormat(fields.format, where);
  if (foreign === null) return fields;
  const { names } = foreign;
  const chosen = (key: "rounding" | "overflow" | "dialect", isNamed: boolean): string | undefined => {
    const [beside, own] = [fields[key], foreign[key]];
    if (beside !== undefined && isNamed && beside !== own) {
      const what = `${fields.format} says ${key} ${own}, and ${key} ${beside} stands beside it`;
      const hint = `write ${formatText(foreign.format)} with ${key} ${beside}, or leave it out`;
      throw diagnosticError("FORMAT", where, what, hint);
    }
    return beside ?? own;
  };
  const modes = {
    rounding: chosen("rounding", names.rounding),
    overflow: chosen("overflow", names.overflow),
    dialect: chosen("dialect", names.rounding || names.overflow),
  };
  const written = Object.fromEntries(Object.entries(modes).filter(([, value]) => value !== undefined));
  return { ...fields, format: formatText(foreign.format), ...written };
}

interface Place {
  readonly text: string;
  readonly where: string;
}

interface Notation {
  readonly expression: RegExp;
  readonly read: (match: RegExpExecArray, place: Place) => ForeignFormat;
}

const NOTATIONS: readonly Notation[] = [
  // ap_fixed<16,6,AP_RND,AP_SAT>, hls4ml's fixed<16,6>, sc_fixed<16,6>, ac_fixed<16,6,true>, and their integers.
  { expression: /^(?:(ap|sc|ac)_)?(u?)(fixed|int)(?:_fast)?\s*<(.*)>$/, read: readType },
  // A type's name without its brackets closed.
  { expression: /^(?:(ap|sc|ac)_)?u?(fixed|int)(_fast)?\s*(<.*|\(?)$/, read: brokenType },
  // sfixed(7 downto -8)
  { expression: /^([su])fixed\s*\(\s*(-?\d{1,4})\s+downto\s+(-?\d{1,4})\s*\)$/i, read: readRange },
  // sfix16_En8, ufix8, sfix8_E2
  { expression: /^([su])fix(\d{1,4})(?:_E(n?)(\d{1,4}))?$/, read: readSlope },
  // fixdt(1,16,8), numerictype(1,16,8)
  { expression: /^(?:fixdt|numerictype)\s*\(\s*([01])\s*,\s*(\d{1,4})\s*,\s*(-?\d{1,4})\s*\)$/, read: readDesigner },
  // int8, uint8
  { expression: /^(u?)int(\d{1,4})(?:_t)?$/, read: readInteger },
  // Q4.4, UQ4.4, Q15
  { expression: /^(u?)q(\d{1,4})?(?:\.(\d{1,4}))?$/i, read: readQ },
  // (16,8) and 16, 8
  { expression: /^\(?\s*(u?\d{1,9})\s*,\s*(-?\d{1,9})\s*\)?$/, read: readPair },
  { expression: /^(u?\d{1,3})[.:;/](-?\d{1,3})$/, read: refusedPair },
  { expression: /^<\s*(\d{1,3})\s*,\s*(-?\d{1,3})\s*>$/, read: refusedBrackets },
];

function readType([, library, unsigned, kind, inner = ""]: RegExpExecArray, place: Place): ForeignFormat {
  const dialect = (library ?? "ap") as Dialect;
  const fields = inner.split(",").map((field) => field.trim());
  const isInteger = kind === "int";
  const isAc = dialect === "ac";
  const [length, ...rest] = fields;
  const integer = isInteger ? length : rest.shift();
  const sign = isAc ? (rest.shift() ?? "true") : unsigned === "" ? "true" : "false";
  const [rounding, overflow, saturated, ...more] = rest;
  const example = `write e.g. ${exampleOf(library, kind ?? "", unsigned ?? "")}`;
  const isNumber = (text: string | undefined): text is string => /^-?\d{1,4}$/.test(text ?? "");
  const tooMany =
    more.length > 0 || (isAc && unsigned !== "") || (isInteger && rest.length > 0) || (isAc && saturated !== undefined);
  if (!isNumber(length) || !isNumber(integer) || !/^(true|false|0|1)$/.test(sign) || tooMany) {
    throw wrong(place, "is no such type: W bits, I of them before the binary point, then modes", example);
  }
  const format = checked(Number(length), Number(length) - Number(integer), /^(true|1)$/.test(sign), place);
  const mode = overflow === undefined ? "wrap" : overflowNamed(overflow, dialect, place);
  return {
    format,
    dialect,
    rounding: rounding === undefined ? "down" : roundingNamed(rounding, dialect, place),
    overflow: overflowText({ mode, saturatedBits: saturatedBits(saturated, mode, place) }),
    names: { rounding: rounding !== undefined, overflow: overflow !== undefined },
  };
}

function exampleOf(library: string | undefined, kind: string, unsigned: string): string {
  const prefix = library === undefined ? "" : `${library}_`;
  if (library === "ac") return kind === "int" ? "ac_int<8,true>" : "ac_fixed<16,6,true,AC_RND,AC_SAT>";
  if (kind === "int") return `${prefix}${unsigned}int<8>`;
  const mode = library === undefined ? "" : `${library.toUpperCase()}_`;
  return `${prefix}${unsigned}fixed<16,6,${mode}RND,${mode}SAT>`;
}

function brokenType(match: RegExpExecArray, place: Place): never {
  const [text, library, kind = ""] = match;
  const unsigned = /^(?:.._)?u/.test(text) ? "u" : "";
  throw wrong(place, "is no whole type", `write e.g. ${exampleOf(library, kind, unsigned)}`);
}

function roundingNamed(name: string, dialect: Dialect, place: Place): RoundingMode {
  const bare = name.replace(/^(AP|SC|AC)_/, "");
  for (const [mode, { names }] of Object.entries(ROUNDING_MODES)) {
    if (names[dialect] === bare) return mode as RoundingMode;
  }
  const known = Object.values(ROUNDING_MODES).flatMap(({ names }) => names[dialect] ?? []);
  throw wrong(place, `names a rounding "${name}" that ${DIALECTS[dialect].library} lacks`, `use ${known.join(", ")}`);
}

function overflowNamed(name: string, dialect: Dialect, place: Place): OverflowMode {
  const bare = name.replace(/^(AP|SC|AC)_/, "");
  for (const [mode, { names }] of Object.entries(OVERFLOW_MODES)) {
    if (names[dialect] === bare) return mode as OverflowMode;
  }
  const known = Object.values(OVERFLOW_MODES).flatMap(({ names }) => names[dialect] ?? []);
  throw wrong(place, `names an overflow "${name}" that ${DIALECTS[dialect].library} lacks`, `use ${known.join(", ")}`);
}

function saturatedBits(text: string | undefined, mode: OverflowMode, place: Place): number {
  if (text === undefined) return 0;
  const takes = OVERFLOW_MODES[mode].takesSaturatedBits;
  if (/^\d{1,3}$/.test(text) && (takes || Number(text) === 0)) return Number(text);
  throw wrong(
    place,
    `has "${text}" for N, bits that are saturated where it wraps`,
    takes ? "write a number" : "leave it out",
  );
}

function readRange([, sign = "", high, low]: RegExpExecArray, place: Place): ForeignFormat {
  const [top, bottom] = [Number(high), Number(low)];
  if (top < bottom) throw wrong(place, "is an empty range", "write the higher index first");
  return plain(checked(top - bottom + 1, -bottom, sign.toLowerCase() === "s", place));
}

function readSlope([, sign, length, negative, exponent = "0"]: RegExpExecArray, place: Place): ForeignFormat {
  const fraction = negative === "n" ? Number(exponent) : -Number(exponent);
  return plain(checked(Number(length), fraction, sign === "s", place));
}

function readDesigner([, signed, length, fraction]: RegExpExecArray, place: Place): ForeignFormat {
  return plain(checked(Number(length), Number(fraction), signed === "1", place));
}

function readInteger([, unsigned, length]: RegExpExecArray, place: Place): ForeignFormat {
  return plain(checked(Number(length), 0, unsigned === "", place));
}

/** Texas Instruments' m does not count the sign, ARM's does; without a sign both mean the same. */
function readQ([, unsigned, before, behind]: RegExpExecArray, place: Place): ForeignFormat {
  if (before === undefined && behind === undefined) throw wrong(place, "has no numbers", "write W,F, e.g. 16,15");
  // Q15 is the fraction alone.
  const fraction = Number(behind ?? before);
  const integer = behind === undefined ? null : Number(before ?? 0);
  if (unsigned !== "" && integer !== null) return plain(checked(integer + fraction, fraction, false, place));
  if (integer === null) {
    const lengths = [8, 16, 32].filter((length) => length > fraction);
    const lines = (lengths.length === 0 ? [fraction + 1] : lengths.slice(0, 1)).map(
      (length) => `${length},${fraction}`,
    );
    throw wrong(place, "does not say how long the word is", `write W,F, e.g. ${unsigned === "" ? "" : "u"}${lines[0]}`);
  }
  const [arm, ti] = [integer + fraction, integer + fraction + 1];
  // No bits cannot count the sign.
  if (integer === 0) return plain(checked(ti, fraction, true, place));
  throw wrong(
    place,
    `is ${arm},${fraction} where ${integer} counts the sign (ARM) and ${ti},${fraction} where it does not (Texas Instruments)`,
    `write ${arm},${fraction} or ${ti},${fraction}`,
  );
}

function readPair([, length = "", fraction]: RegExpExecArray, { where }: Place): ForeignFormat {
  return plain(parseFormat(`${length},${fraction}`, where));
}

function refusedPair([, length, fraction]: RegExpExecArray, place: Place): never {
  throw wrong(place, "is not a format", `write ${length},${fraction} for W = ${length}, F = ${fraction}`);
}

function refusedBrackets([, length, second]: RegExpExecArray, place: Place): never {
  const what = "does not say what its second number counts";
  const hint = `write ${length},${second} for ${second} fraction bits, or fixed<${length},${second}> for ${second} integer bits`;
  throw wrong(place, what, hint);
}

function plain(format: FixedPointFormat): ForeignFormat {
  return { format, names: { rounding: false, overflow: false } };
}

/** Limits of a register that a user names. */
function checked(wordLength: number, fractionLength: number, signed: boolean, { where }: Place): FixedPointFormat {
  return parseFormat(formatText({ wordLength, fractionLength: fractionLength + 0, signed }), where);
}

function wrong({ text, where }: Place, what: string, hint: string): Error {
  return diagnosticError("FORMAT", where, `"${text}" ${what}`, hint);
}
