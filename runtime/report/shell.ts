/** Words of command lines, to be copied into a shell. */
import { printable } from "../../isa/printable.ts";

/** A path or any other text as a shell reads it; what is not printable in bash's `$'…'`. */
export function shellQuoted(path: string): string {
  if (/^[A-Za-z0-9_./,:=+-]+$/.test(path) && !path.startsWith("-")) return path;
  if (printable(path) === path) return `'${path.replaceAll("'", "'\\''")}'`;
  const escaped = [...path].map((character) => {
    if (character === "'" || character === "\\") return `\\${character}`;
    if (printable(character) === character) return character;
    return [...new TextEncoder().encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  });
  return `$'${escaped.join("")}'`;
}
