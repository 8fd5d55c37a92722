import { diagnosticError, nearestName } from "../../isa/diagnostic.ts";

/** An integer option within bounds; throws a diagnostic that names the option. */
export function parseInteger(text: string, where: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^[+-]?[0-9]+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < min || value > max) {
    throw diagnosticError(
      "OPTION",
      where,
      `found "${text}", expected an integer from ${min} to ${max}`,
      "give such a number",
    );
  }
  return value;
}

export function parseSeed(text: string): number {
  return parseInteger(text, "--seed", 0, 2 ** 32 - 1);
}

/** One of a closed list of names; throws a diagnostic that names the nearest. */
export function parseName<Name extends string>(text: string, where: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  const nearest = nearestName(text, names);
  const hint = nearest === undefined ? `use ${names.join(" or ")}` : `did you mean ${nearest}?`;
  throw diagnosticError("OPTION", where, `found "${text}", expected ${names.join(" or ")}`, hint);
}
