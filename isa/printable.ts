/**
 * Names come from files, and terminals obey what they print: control characters, marks that change the direction of the text around
 * them, line ends and characters without a shape are written as the escapes that JSON and most languages know.
 */

/** Control and format characters, line and paragraph separators, halves of surrogate pairs, what is no character at all. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Noncharacter_Code_Point}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return SHORT[character] ?? units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** A text as one line of nothing but visible characters and blanks, e.g. `a\u001b[2Jb` for an escape sequence. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** The same for a text whose own line ends stay. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (character === "\n" ? character : escaped(character)));
}

/** JSON of the same value with every such character in its strings escaped; the line ends between its tokens stay. */
export const printableJson: (json: string) => string = printableLines;

/** Plain data with every text in it, keys included, made printable. */
export function printableTexts<Value>(value: Value): Value {
  return printableValue(value) as Value;
}

function printableValue(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(printableValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [printable(key), printableValue(item)]));
}
