/**
 * Laws of a rounding unit, whatever it is made of: a function, a model of RTL, a binding to another library. They hold
 * for `round` of macroscope itself in every deterministic mode.
 */
import fc from "fast-check";
import { type RoundingMode, round } from "../../isa/rounding.ts";
import { integers } from "../arbitraries/numerics.ts";
import { type Law, law } from "./law.ts";

/** raw · 2^−droppedBits as an integer, droppedBits ≥ 0. */
export type RoundingUnit = (raw: bigint, droppedBits: number) => bigint;

/** A mode whose result depends on the value alone. */
export type DeterministicRoundingMode = Exclude<RoundingMode, "stochastic">;

export interface RoundingUnitLimits {
  /** Two's complement bits of a raw; 64 unless said otherwise. */
  readonly sourceBits?: number;
  /** Most bits that are dropped at once; 40 unless said otherwise. */
  readonly maxDroppedBits?: number;
}

/** Modes that treat a value and its negative alike. */
const SYMMETRIC: readonly DeterministicRoundingMode[] = [
  "zero",
  "away",
  "nearest",
  "nearest-zero",
  "nearest-even",
  "nearest-odd",
  "odd",
];

/** On which side of the exact value a directed mode lies: −1 below, 1 above; towards or away from zero by its sign. */
const DIRECTION: Partial<Record<DeterministicRoundingMode, (negative: boolean) => -1 | 1>> = {
  down: () => -1,
  up: () => 1,
  zero: (negative) => (negative ? 1 : -1),
  away: (negative) => (negative ? -1 : 1),
};

/** What holds for a unit that rounds in `mode`. */
export function roundingUnitLaws(
  unit: RoundingUnit,
  mode: DeterministicRoundingMode,
  limits: RoundingUnitLimits = {},
): readonly Law[] {
  const { sourceBits = 64, maxDroppedBits = 40 } = limits;
  const raws = integers(sourceBits);
  const dropped = fc.integer({ min: 0, max: maxDroppedBits });
  const cases = fc.oneof(fc.tuple(raws, dropped), nearTies(sourceBits, maxDroppedBits));
  const nearest = mode.startsWith("nearest");
  const direction = DIRECTION[mode];
  const laws = [
    law(
      "keeps a value that is on the grid",
      fc.property(raws, dropped, (raw, bits) => {
        // The largest multiple of 2^bits that the source holds in place of the raw.
        const kept = raw >> BigInt(bits);
        return unit(kept << BigInt(bits), bits) === kept;
      }),
    ),
    law(
      "is monotone",
      fc.property(raws, raws, dropped, (a, b, bits) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        return unit(low, bits) <= unit(high, bits);
      }),
    ),
    law(
      nearest ? "is off by half a step at most" : "is off by less than a step",
      fc.property(cases, ([raw, bits]) => {
        const error = (unit(raw, bits) << BigInt(bits)) - raw;
        const magnitude = error < 0n ? -error : error;
        return nearest ? 2n * magnitude <= 1n << BigInt(bits) : magnitude < 1n << BigInt(bits);
      }),
    ),
    law(
      "gives what the definition gives",
      fc.property(cases, ([raw, bits]) => unit(raw, bits) === round(raw, bits, mode)),
    ),
  ];
  if (direction !== undefined) {
    laws.push(
      law(
        "rounds to its own side",
        fc.property(cases, ([raw, bits]) => {
          const error = (unit(raw, bits) << BigInt(bits)) - raw;
          return direction(raw < 0n) < 0 ? error <= 0n : error >= 0n;
        }),
      ),
    );
  }
  if (SYMMETRIC.includes(mode)) {
    laws.push(
      law(
        "treats a value and its negative alike",
        fc.property(cases, ([raw, bits]) => {
          // The least raw has no negative in the source.
          const least = raw === -(1n << BigInt(sourceBits - 1));
          return least || unit(-raw, bits) === -unit(raw, bits);
        }),
      ),
    );
  }
  return laws;
}

/** Raws next to a grid point or to the middle between two: where roundings differ, and where two in a row go wrong. */
function nearTies(sourceBits: number, maxDroppedBits: number): fc.Arbitrary<[raw: bigint, droppedBits: number]> {
  return fc.integer({ min: 1, max: Math.max(1, Math.min(maxDroppedBits, sourceBits - 2)) }).chain((bits) =>
    fc
      .tuple(integers(Math.max(2, sourceBits - bits)), fc.boolean(), fc.bigInt({ min: -3n, max: 3n }))
      .map(([kept, middle, offset]): [bigint, number] => {
        const raw = (kept << BigInt(bits)) + (middle ? 1n << BigInt(bits - 1) : 0n) + offset;
        return [BigInt.asIntN(sourceBits, raw), bits];
      }),
  );
}
