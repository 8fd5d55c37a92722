import { diagnosticError } from "../../../isa/diagnostic.ts";

export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/**
 * Integers from a text such as `4..16:2,20`: single ones, and ranges `from..to` or `from..to:step`. In the order written,
 * each once. Null where an item is neither; `DiagnosticError` OPTION where one lies outside the bounds.
 */
export function parseNumberItem(item: string, where: string, { min, max }: NumberBounds): readonly number[] | null {
  const match = /^(-?[0-9]{1,9})(?:\.\.(-?[0-9]{1,9})(?::([0-9]{1,9}))?)?$/.exec(item);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  const step = Number(match[3] ?? 1);
  const what =
    from < min || to > max
      ? `"${item}" is outside ${min} to ${max}`
      : to < from
        ? `"${item}" ends below its start`
        : step < 1
          ? `"${item}" has a step of 0`
          : null;
  if (what !== null) throw diagnosticError("OPTION", where, what, "write numbers and ranges such as 4..16:2,20");
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step + 0);
}

/** A list of nothing but such items. */
export function parseNumberList(text: string, where: string, bounds: NumberBounds): readonly number[] {
  return distinct(
    parseItems(text, where).flatMap((item) => {
      const numbers = parseNumberItem(item, where, bounds);
      if (numbers !== null) return [...numbers];
      throw diagnosticError("OPTION", where, `"${item}" is no number and no range`, "write such as 4..16:2,20");
    }),
  );
}

/** The items of a list; an empty one is a diagnostic. */
export function parseItems(text: string, where: string, separator = ","): readonly string[] {
  const items = text.split(separator).map((item) => item.trim());
  if (items.every((item) => item !== "")) return items;
  throw diagnosticError(
    "OPTION",
    where,
    `"${text}" has an empty item`,
    `write items with one "${separator}" between them`,
  );
}

export function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}
