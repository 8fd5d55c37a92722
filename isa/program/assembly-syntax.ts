import { diagnosticError } from "../diagnostic.ts";
import type { FieldDefinition } from "../instructions/definition.ts";
import { type FixedPointFormat, FORMAT_LIMITS } from "../numerics/format.ts";
import { DIALECTS, type Dialect, parseOverflow } from "../numerics/overflow.ts";
import type { RegisterSpec } from "../numerics/register.ts";
import { parseRoundingMode } from "../numerics/rounding.ts";
import { printableJson } from "../printable.ts";
import { TOKEN_CHANNELS } from "../tokens.ts";

/*
 * The text forms that a listing is made of. A line is a head (a mnemonic, or a directive that starts with a point)
 * and `key=value` pairs between blanks; `#` starts a comment. A value is a bare word or a piece of JSON.
 */

/** One line, taken apart. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly head: string;
  /** Words without `=` that follow the head. */
  readonly words: readonly string[];
  /** Texts of the values, as written. */
  readonly values: ReadonlyMap<string, string>;
}

const BARE_WORD = /^[^\s#"[\]{}=]+/;

/** The parts of a line; undefined for one without content. Throws `DiagnosticError` ASSEMBLY. */
export function parseLine(text: string, number: number, where: string): Line | undefined {
  const fail = (what: string, hint: string): Error => diagnosticError("ASSEMBLY", where, what, hint);
  const words: string[] = [];
  const values = new Map<string, string>();
  let rest = text.trimStart();
  while (rest !== "" && !rest.startsWith("#")) {
    const word = BARE_WORD.exec(rest)?.[0];
    if (word === undefined) throw fail(`unexpected ${JSON.stringify(rest.charAt(0))}`, "write key=value");
    rest = rest.slice(word.length);
    if (rest.startsWith("=")) {
      const value = valueAtStart(rest.slice(1));
      if (value === undefined) throw fail(`${word}= has no complete value`, "write a word, a number or JSON after it");
      if (values.has(word)) throw fail(`${word} is given twice`, "give it once");
      values.set(word, value);
      rest = rest.slice(1 + value.length);
    } else {
      if (values.size > 0) throw fail(`"${word}" stands after key=value`, `write ${word}=…`);
      words.push(word);
    }
    const trimmed = rest.trimStart();
    if (trimmed === rest && rest !== "" && !rest.startsWith("#")) {
      throw fail(`no blank before "${rest.slice(0, 12)}"`, "separate key=value pairs by blanks");
    }
    rest = trimmed;
  }
  const [head, ...others] = words;
  if (head !== undefined) return { number, head, words: others, values };
  if (values.size > 0) throw fail("the line has no instruction", "start it with a mnemonic or a directive");
  return undefined;
}

/** The bare word or the JSON string, array or object that `text` starts with. */
function valueAtStart(text: string): string | undefined {
  if (!/^["[{]/.test(text)) return BARE_WORD.exec(text)?.[0];
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (inString && character === "\\") index++;
    else if (character === '"') inString = !inString;
    else if (!inString && "[{".includes(character)) depth++;
    else if (!inString && "]}".includes(character)) depth--;
    if (depth === 0 && !inString) return text.slice(0, index + 1);
  }
  return undefined;
}

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
/** A word that reads as itself: not as a number, not as true, false or null. */
const PLAIN_WORD = /^(?!(true|false|null)$)[A-Za-z_][A-Za-z0-9_./:-]*$/;

/** A JSON value as a listing writes it: words bare where that is clear, JSON otherwise. */
export function valueText(value: unknown): string {
  return typeof value === "string" && PLAIN_WORD.test(value) ? value : printableJson(JSON.stringify(value));
}

/** The inverse of `valueText`. Throws `SyntaxError` where JSON is broken. */
export function parseValue(text: string): unknown {
  return /^["[{]/.test(text) || NUMBER.test(text) || /^(true|false|null)$/.test(text) ? JSON.parse(text) : text;
}

/** `W,F` or `uW,F`, exact formats included. Throws `DiagnosticError`. */
export function parseAnyFormat(text: string, where: string): FixedPointFormat {
  const match = /^(u?)([0-9]{1,3}),(-?[0-9]{1,3})$/.exec(text);
  const wordLength = Number(match?.[2]);
  const fractionLength = Number(match?.[3]) + 0;
  const { exactWordLength: widest, minExactFractionLength: low, maxExactFractionLength: high } = FORMAT_LIMITS;
  if (wordLength >= 1 && wordLength <= widest && fractionLength >= low && fractionLength <= high) {
    return { wordLength, fractionLength, signed: match?.[1] === "" };
  }
  const hint = `write W,F or uW,F, e.g. 16,8, with W from 1 to ${widest} and F from ${low} to ${high}`;
  throw diagnosticError("ASSEMBLY", where, `"${text}" is not a format`, hint);
}

/** The inverse of `registerText`: format, rounding, overflow and, where it is not SystemC's, dialect. */
export function parseRegister(text: string, where: string): RegisterSpec {
  const [format, rounding, overflow, dialect = "sc", ...rest] = text.split(" ");
  const [mode = "", bits = "0"] = (overflow ?? "").split(":");
  const dialects = Object.keys(DIALECTS);
  if (!format || !rounding || rest.length > 0 || !dialects.includes(dialect) || !/^[0-9]{1,3}$/.test(bits)) {
    const hint = `write format, rounding, overflow and perhaps a dialect (${dialects.join(", ")}), e.g. "16,8 nearest saturate"`;
    throw diagnosticError("ASSEMBLY", where, `"${text}" is not a register`, hint);
  }
  return {
    format: parseAnyFormat(format, where),
    rounding: parseRoundingMode(rounding, where),
    overflow: parseOverflow(mode, where).mode,
    saturatedBits: Number(bits),
    dialect: dialect as Dialect,
  };
}

/** Bits of the channels named, separated by commas; names that no channel has in `unknown`. */
export function parseTokens(text: string): { readonly mask: number; readonly unknown: readonly string[] } {
  const names = text.split(",");
  const indices = names.map((name) => TOKEN_CHANNELS.findIndex((channel) => channel.name === name));
  return {
    mask: indices.reduce((mask, index) => (index < 0 ? mask : mask | (1 << index)), 0),
    unknown: names.filter((_, position) => (indices[position] ?? -1) < 0),
  };
}

/** What a field's text stands for; the text itself where it stands for nothing, which the field's check then refuses. */
export function parseFieldText(field: FieldDefinition, text: string): number | bigint | boolean | string {
  const { type } = field.kind;
  if (type === "flag" && (text === "true" || text === "false")) return text === "true";
  if (type === "unsigned" && /^(-?[0-9]+|0x[0-9a-fA-F]+)$/.test(text)) return Number(text);
  if (type === "signed" && /^(-?[0-9]{1,80}|0x[0-9a-fA-F]{1,64})$/.test(text)) return BigInt(text);
  return text;
}
