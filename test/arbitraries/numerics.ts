/**
 * Random formats, modes, registers and raws, with the extremes that break implementations drawn often: word lengths 1,
 * 32, 53 and 64, raws at the ends of words and next to powers of two, F negative and above W.
 */
import fc from "fast-check";
import { type FixedPointFormat, rawRange } from "../../isa/numerics/format.ts";
import { type Dialect, OVERFLOW_MODES, type OverflowMode, type OverflowSpec } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";

/** Every rounding mode whose result depends on the value alone. */
export const DETERMINISTIC_ROUNDING_MODES: readonly RoundingMode[] = (
  Object.keys(ROUNDING_MODES) as RoundingMode[]
).filter((mode) => ROUNDING_MODES[mode].increment !== undefined);

/** A word length from 1 to `max` bits; the widths of machine words and their neighbours are drawn often. */
export function wordLengths(max = 64): fc.Arbitrary<number> {
  const special = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 53, 54, 63, 64].filter((bits) => bits <= max);
  return fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(...special));
}

/** A fraction length from −128 to 192, mostly near the word. */
export function fractionLengths(): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -8, max: 72 }) },
    { weight: 1, arbitrary: fc.integer({ min: -128, max: 192 }) },
    { weight: 1, arbitrary: fc.constantFrom(-128, -1, 0, 1, 63, 64, 192) },
  );
}

/** A format of a named register, at most `maxWordLength` bits wide. */
export function formats(maxWordLength = 64): fc.Arbitrary<FixedPointFormat> {
  return fc.record({ wordLength: wordLengths(maxWordLength), fractionLength: fractionLengths(), signed: fc.boolean() });
}

/** Any of the twelve rounding modes. */
export function roundingModes(): fc.Arbitrary<RoundingMode> {
  return fc.constantFrom(...(Object.keys(ROUNDING_MODES) as RoundingMode[]));
}

export function deterministicRoundingModes(): fc.Arbitrary<RoundingMode> {
  return fc.constantFrom(...DETERMINISTIC_ROUNDING_MODES);
}

/** An overflow mode and an N that a format and a dialect allow. */
export function overflowSpecs(format: FixedPointFormat, dialect: Dialect = "sc"): fc.Arbitrary<OverflowSpec> {
  const modes = (Object.keys(OVERFLOW_MODES) as OverflowMode[]).filter(
    (mode) => mode !== "wrap-sign-magnitude" || (format.signed && dialect !== "ac"),
  );
  return fc.constantFrom(...modes).chain((mode) => {
    const takesN = OVERFLOW_MODES[mode].takesSaturatedBits && dialect !== "ac";
    return fc.record({
      mode: fc.constant(mode),
      saturatedBits: takesN ? fc.integer({ min: 0, max: format.wordLength }) : fc.constant(0),
    });
  });
}

/** A register that passes `validateRegister`. */
export function registers(
  rounding: fc.Arbitrary<RoundingMode> = roundingModes(),
  maxWordLength = 64,
): fc.Arbitrary<RegisterSpec> {
  return fc
    .tuple(formats(maxWordLength), rounding, fc.constantFrom<Dialect>("sc", "ap", "ac"))
    .chain(([format, mode, dialect]) =>
      overflowSpecs(format, dialect).map((overflow) => ({
        format,
        rounding: mode,
        overflow: overflow.mode,
        saturatedBits: overflow.saturatedBits,
        dialect,
      })),
    );
}

/**
 * Draws what `drawn` draws and shrinks as `simple` does, which must be able to shrink any value of it: towards the smallest case,
 * whatever way the value was made in.
 */
export function shrinkingAs<Value>(drawn: fc.Arbitrary<Value>, simple: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return new ShrinkingAs(drawn, simple);
}

class ShrinkingAs<Value> extends fc.Arbitrary<Value> {
  readonly #drawn: fc.Arbitrary<Value>;
  readonly #simple: fc.Arbitrary<Value>;

  constructor(drawn: fc.Arbitrary<Value>, simple: fc.Arbitrary<Value>) {
    super();
    this.#drawn = drawn;
    this.#simple = simple;
  }

  generate(random: fc.Random, biasFactor: number | undefined): fc.Value<Value> {
    return new fc.Value(this.#drawn.generate(random, biasFactor).value_, undefined);
  }

  canShrinkWithoutContext(value: unknown): value is Value {
    return this.#simple.canShrinkWithoutContext(value);
  }

  shrink(value: Value, context: unknown): fc.Stream<fc.Value<Value>> {
    return this.#simple.shrink(value, context);
  }
}

/**
 * An integer of at most `bits` bits, two's complement unless it is not signed: anywhere, near zero, near the ends, near a power of
 * two. Shrinks towards zero.
 */
export function integers(bits: number, signed = true): fc.Arbitrary<bigint> {
  if (!signed) {
    const end = 1n << BigInt(bits);
    const half = integers(bits + 1).map((value) => (value < 0n ? -value - 1n : value) % end);
    return shrinkingAs(half, fc.bigInt({ min: 0n, max: end - 1n }));
  }
  const end = 1n << BigInt(bits - 1);
  const clamp = (value: bigint): bigint => (value < -end ? -end : value >= end ? end - 1n : value);
  const nearPowers = fc
    .tuple(fc.integer({ min: 0, max: bits - 1 }), fc.bigInt({ min: -2n, max: 2n }), fc.boolean())
    .map(([exponent, offset, negative]) => clamp((negative ? -1n : 1n) * (1n << BigInt(exponent)) + offset));
  const anywhere = fc.bigInt({ min: -end, max: end - 1n });
  const drawn = fc.oneof(
    anywhere,
    fc.bigInt({ min: -9n, max: 9n }).map(clamp),
    fc.constantFrom(-end, -end + 1n, end - 2n, end - 1n).map(clamp),
    nearPowers,
  );
  return shrinkingAs(drawn, anywhere);
}

/** A raw that a format can hold, its ends drawn often. Shrinks towards zero. */
export function rawsOf(format: FixedPointFormat): fc.Arbitrary<bigint> {
  const { min, max } = rawRange(format);
  const anywhere = fc.bigInt({ min, max });
  return shrinkingAs(fc.oneof(anywhere, fc.constantFrom(min, max), fc.constant(0n)), anywhere);
}

/**
 * An exact value beside a register that it may or may not fit: raw and fraction length at a distance from the register's
 * that makes rounding, overflow and left shifts all frequent.
 */
export function valuesFor(spec: RegisterSpec): fc.Arbitrary<{ raw: bigint; fractionLength: number }> {
  const { wordLength, fractionLength } = spec.format;
  return fc.integer({ min: -20, max: 70 }).chain((droppedBits) =>
    integers(Math.max(2, Math.min(192, wordLength + Math.max(droppedBits, 0) + 3))).map((raw) => ({
      raw,
      fractionLength: fractionLength + droppedBits,
    })),
  );
}
