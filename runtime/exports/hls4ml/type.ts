/** hls4ml's spelling of types: `fixed<W,I,RND,SAT,N>` and `ufixed<…>`, as ap_fixed without prefixes. */
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { FORMAT_LIMITS } from "../../../isa/numerics/format.ts";
import { OVERFLOW_MODES, type OverflowMode } from "../../../isa/numerics/overflow.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";
import { libraryModes } from "../library-modes.ts";

/** hls4ml's enumerations have no such mode although ap_fixed has it. */
const MISSING: readonly OverflowMode[] = ["wrap-sign-magnitude"];

/** The type with its modes, or what hls4ml lacks. */
export function hls4mlType(spec: RegisterSpec): string | { readonly lacks: string } {
  const modes = libraryModes(spec, "ap");
  if ("lacks" in modes) return modes;
  if (MISSING.includes(spec.overflow)) return { lacks: `hls4ml has no overflow ${spec.overflow}` };
  const { rounding, overflow, saturatedBits } = modes;
  return plainType(spec, [rounding, overflow, ...(saturatedBits > 0 ? [String(saturatedBits)] : [])]);
}

/** The type without modes, which are then TRN and WRAP. */
export function plainType({ format }: RegisterSpec, modes: readonly string[] = []): string {
  const { wordLength, fractionLength, signed } = format;
  return `${signed ? "" : "u"}fixed<${[wordLength, wordLength - fractionLength, ...modes].join(",")}>`;
}

const TYPE = /^(?:ap_)?(u?)(fixed|int)<([^<>]*)>$/;

/** Also `ap_fixed<…>`, `int<W>` and mode names with AP_ before them. Throws `DiagnosticError` HLS4ML_TYPE. */
export function parseHls4mlType(text: string, where: string): RegisterSpec {
  const [, unsigned, kind, inner = ""] = TYPE.exec(text.replace(/\s/g, "")) ?? [];
  const fields = inner.split(",");
  const isInteger = kind === "int";
  const numbers = (isInteger ? [fields[0], fields[0]] : fields.slice(0, 2)).map((field) =>
    /^-?[0-9]{1,6}$/.test(field ?? "") ? Number(field) : Number.NaN,
  );
  const [wordLength = Number.NaN, integerLength = Number.NaN] = numbers;
  const longest = FORMAT_LIMITS.exactWordLength;
  const wellFormed = kind !== undefined && (isInteger ? fields.length === 1 : fields.length <= 5);
  if (!wellFormed || !(wordLength >= 1 && wordLength <= longest) || Number.isNaN(integerLength)) {
    throw wrong(where, `found "${text}", which is no type`, "write e.g. fixed<16,8,RND,SAT> or ufixed<8,0>");
  }
  const [, , rounding = "TRN", overflow = "WRAP", saturated = "0"] = isInteger ? [] : fields;
  if (!/^[0-9]{1,3}$/.test(saturated)) throw wrong(where, `found ${saturated} saturated bits`, "write a number");
  const format = { wordLength, fractionLength: wordLength - integerLength + 0, signed: unsigned === "" };
  return register(format, roundingNamed(rounding, where), overflowNamed(overflow, where), Number(saturated), "ap");
}

function roundingNamed(name: string, where: string): RoundingMode {
  const bare = name.replace(/^AP_/, "");
  const found = Object.entries(ROUNDING_MODES).find(([, { names }]) => names.ap === bare);
  if (found !== undefined) return found[0] as RoundingMode;
  const known = Object.values(ROUNDING_MODES).flatMap(({ names }) => names.ap ?? []);
  throw wrong(where, `unknown rounding mode "${name}"`, `use ${known.join(", ")}`);
}

function overflowNamed(name: string, where: string): OverflowMode {
  const bare = name.replace(/^AP_/, "");
  const found = Object.entries(OVERFLOW_MODES).find(([, { names }]) => names.ap === bare);
  if (found !== undefined) return found[0] as OverflowMode;
  const known = Object.values(OVERFLOW_MODES).flatMap(({ names }) => names.ap ?? []);
  throw wrong(where, `unknown overflow mode "${name}"`, `use ${known.join(", ")}`);
}

function wrong(where: string, what: string, hint: string): Error {
  return diagnosticError("HLS4ML_TYPE", where, what, hint);
}
