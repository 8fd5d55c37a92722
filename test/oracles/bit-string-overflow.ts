/**
 * Overflow defined on strings of binary digits, line by line as the SystemC and ap_fixed manuals describe it, SystemC's
 * corner cases. Independent of isa/.
 */

export type BitStringOverflowMode =
  | "saturate"
  | "saturate-symmetric"
  | "saturate-zero"
  | "wrap"
  | "wrap-sign-magnitude";

/** The word of `wordLength` digits that an integer becomes; `saturatedBits` is the N of the two wrapping modes. */
export function fitBitString(
  value: bigint,
  wordLength: number,
  signed: boolean,
  mode: BitStringOverflowMode,
  saturatedBits: number,
): bigint {
  const largest = fromDigits((signed ? "0" : "1") + "1".repeat(wordLength - 1), signed);
  const smallest = fromDigits((signed ? "1" : "0") + "0".repeat(wordLength - 1), signed);
  const inRange = smallest <= value && value <= largest;
  const symmetricSmallest = signed ? -largest : smallest;
  if (mode === "saturate-symmetric") {
    if (value > largest) return largest;
    return value < symmetricSmallest ? symmetricSmallest : value;
  }
  if (inRange) return value;
  if (mode === "saturate") return value > largest ? largest : smallest;
  if (mode === "saturate-zero") return 0n;

  // Two digits beyond the word and beyond the value, so that every deleted digit that matters is there.
  const digits = toDigits(value, Math.max(wordLength, value.toString(2).length) + 2);
  const word = digits.slice(-wordLength);
  const sign = value < 0n ? "1" : "0";
  if (mode === "wrap") {
    if (saturatedBits === 0) return fromDigits(word, signed);
    const kept = word.slice(saturatedBits);
    const top = signed ? sign + invert(sign).repeat(saturatedBits - 1) : invert(sign).repeat(saturatedBits);
    return fromDigits(top + kept, signed);
  }
  if (!signed) throw new RangeError("sign magnitude needs a sign");
  if (saturatedBits === 0) {
    const deleted = digits.charAt(digits.length - wordLength - 1);
    return fromDigits(deleted + (deleted === word.charAt(0) ? word : invert(word)).slice(1), true);
  }
  if (saturatedBits === 1) {
    return fromDigits(sign + (sign === word.charAt(0) ? word : invert(word)).slice(1), true);
  }
  const inverted = word.charAt(saturatedBits - 1) === sign ? invert(word) : word;
  return fromDigits(sign + invert(sign).repeat(saturatedBits - 1) + inverted.slice(saturatedBits), true);
}

function invert(digits: string): string {
  return Array.from(digits, (digit) => (digit === "0" ? "1" : "0")).join("");
}

/** Two's complement digits, most significant first. */
function toDigits(value: bigint, length: number): string {
  const modulus = 2n ** BigInt(length);
  const residue = ((value % modulus) + modulus) % modulus;
  return residue.toString(2).padStart(length, "0");
}

function fromDigits(digits: string, signed: boolean): bigint {
  const magnitude = BigInt(`0b${digits}`);
  return signed && digits.startsWith("1") ? magnitude - 2n ** BigInt(digits.length) : magnitude;
}
