/** A register's format as its text says it, e.g. `16,8 nearest saturate` or `u8,4`. */
export interface WrittenFormat {
  readonly wordLength: number;
  readonly fractionLength: number;
  readonly signed: boolean;
}

/** Null for texts that name no fixed format, e.g. `8,auto` or `exact`. */
export function writtenFormat(text: string): WrittenFormat | null {
  const match = /^(u?)([0-9]{1,3}),(-?[0-9]{1,3})(?![0-9])/.exec(text.trim());
  if (match === null) return null;
  const [, unsigned = "", word = "", fraction = ""] = match;
  return { wordLength: Number(word), fractionLength: Number(fraction), signed: unsigned === "" };
}

/** The format alone: `16,8` of `16,8 nearest saturate`. */
export function formatOnly(text: string): string {
  return text.trim().split(/\s/)[0] ?? "";
}

/** Largest i such that values below 2^i fit: the integer bits without the sign. */
export function integerBits({ wordLength, fractionLength, signed }: WrittenFormat): number {
  return wordLength - fractionLength - (signed ? 1 : 0);
}
