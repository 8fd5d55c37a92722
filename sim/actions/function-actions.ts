import type { ConfigureTable } from "../../isa/instructions/configure-table.ts";
import type { Machine } from "../../isa/machine.ts";
import { bitLength, type FixedPointFormat, rawRange } from "../../isa/numerics/format.ts";
import { productFormat } from "../../isa/numerics/growth.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { ConfiguredVector } from "../configuration.ts";
import type { Tally } from "./action-counts.ts";
import { countQuantization, countQuotientQuantization } from "./quantization-actions.ts";

/** Every element of a function: read the word, read constants, calculate, quantize, write. */
export function countFunction(tally: Tally, configured: ConfiguredVector, machine: Machine): void {
  const { instruction, operandA, output, scale, table } = configured;
  const { elements, operation } = instruction;
  tally.memory("inputScratchpad", "read", operandA.format.wordLength, machine.inputScratchpad, elements);
  if (table !== null) countIndex(tally, table, operandA.format, elements);
  if (operation === "lookup") {
    tally.memory("weightScratchpad", "read", output.format.wordLength, machine.weightScratchpad, elements);
  } else if (operation === "interpolate" && table !== null && scale !== null) {
    countInterpolation(tally, { table, scale, output, machine, elements });
  } else if (operation === "pieces") {
    countPieces(tally, configured);
  } else if (operation === "slopes" && scale !== null) {
    // The sign picks a or the product.
    const exact = productFormat(operandA.format, scale.format);
    tally.memory("weightScratchpad", "read", scale.format.wordLength, machine.weightScratchpad, elements);
    tally.add("multiplier", "multiply", [operandA.format.wordLength, scale.format.wordLength], elements);
    tally.add("activation", "relu", [exact.wordLength], elements);
    countQuantization(tally, exact, output, elements);
  } else if (operation === "hardSwish") {
    countHardSwish(tally, operandA.format, output, elements);
  }
  tally.memory("outputBuffer", "write", output.format.wordLength, machine.outputBuffer, elements);
}

/** raw − base and its two ends; nothing where the table has an entry for every word: the index is then the word's own bits. */
function countIndex(
  tally: Tally,
  { base, shift, entries }: ConfigureTable,
  format: FixedPointFormat,
  elements: number,
): void {
  const { min, max } = rawRange(format);
  const whole = base >> BigInt(shift) === min >> BigInt(shift) && (max - base) >> BigInt(shift) === BigInt(entries - 1);
  if (whole) return;
  tally.add("adder", "add", [format.wordLength + 1], elements);
  tally.add("comparator", "compare", [format.wordLength + 1], 2 * elements);
}

interface Interpolation {
  readonly table: ConfigureTable;
  readonly scale: RegisterSpec;
  readonly output: RegisterSpec;
  readonly machine: Machine;
  readonly elements: number;
}

/** Both entries, their difference, its product with the fraction, the sum. */
function countInterpolation(tally: Tally, { table, scale, output, machine, elements }: Interpolation): void {
  const { wordLength, fractionLength, signed } = scale.format;
  const exact = { wordLength: wordLength + table.shift, fractionLength: fractionLength + table.shift, signed };
  tally.memory("weightScratchpad", "read", wordLength, machine.weightScratchpad, 2 * elements);
  tally.add("adder", "add", [wordLength + 1], elements);
  if (table.shift > 0) tally.add("multiplier", "multiply", [wordLength + 1, table.shift], elements);
  tally.add("adder", "add", [exact.wordLength], elements);
  countQuantization(tally, exact, output, elements);
}

/** Slopes that are 0 or a power of two are wires; a negative one takes an adder. */
function countPieces(
  tally: Tally,
  { instruction: { elements }, operandA, output, pieces, bounds }: ConfiguredVector,
): void {
  if (pieces === null || bounds === null) return;
  const { below, above, slopeFraction } = pieces;
  const { offset } = bounds;
  const slopeBits = Math.max(bitLength(magnitude(below)), bitLength(magnitude(above))) + 1;
  const slope: FixedPointFormat = { wordLength: slopeBits, fractionLength: Number(slopeFraction), signed: true };
  const product = productFormat(operandA.format, slope);
  const exact =
    offset === 0n
      ? product
      : { ...product, wordLength: Math.max(product.wordLength, bitLength(magnitude(offset)) + 1) + 1 };
  if (below !== above) tally.add("comparator", "compare", [operandA.format.wordLength], elements);
  if (!isShift(below) || !isShift(above)) {
    tally.add("multiplier", "multiply", [operandA.format.wordLength, slopeBits], elements);
  } else if (below < 0n || above < 0n) {
    tally.add("adder", "add", [operandA.format.wordLength + 1], elements);
  }
  if (offset !== 0n) tally.add("adder", "add", [exact.wordLength], elements);
  const ends = Number(bounds.hasLower) + Number(bounds.hasUpper);
  if (ends > 0) tally.add("activation", "clip", [exact.wordLength], ends * elements);
  countQuantization(tally, exact, output, elements);
}

function isShift(slope: bigint): boolean {
  return (magnitude(slope) & (magnitude(slope) - 1n)) === 0n;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Bits of the divisor 6. */
const SIX_BITS = 3;

/** a + 3 between 0 and 6, its product with a, the quotient by 6. */
function countHardSwish(tally: Tally, operand: FixedPointFormat, output: RegisterSpec, elements: number): void {
  const { wordLength, fractionLength, signed } = operand;
  const gateFraction = Math.max(fractionLength, 0);
  const sumBits = Math.max(wordLength + gateFraction - fractionLength, gateFraction + SIX_BITS) + 1;
  const gate: FixedPointFormat = { wordLength: gateFraction + SIX_BITS, fractionLength: gateFraction, signed: false };
  const product = { ...productFormat(operand, gate), signed };
  tally.add("adder", "add", [sumBits], elements);
  tally.add("activation", "clip", [sumBits], 2 * elements);
  tally.add("multiplier", "multiply", [wordLength, gate.wordLength], elements);
  tally.add("divider", "divide", [product.wordLength, SIX_BITS], elements);
  countQuotientQuantization(tally, product, SIX_BITS, output, elements);
}
