/**
 * Laws of a rounding unit, whatever it is made of: a function, a model of RTL, a simulator behind a socket. They hold
 * for `round` of macroscope itself in every deterministic mode.
 */
import fc from "fast-check";
import { type RoundingMode, round } from "../../isa/numerics/rounding.ts";
import { integers, shrinkingAs } from "../arbitraries/numerics.ts";
import {
  type AsyncLaw,
  askedAtOnce,
  askedLater,
  askedTogether,
  droppedText,
  type Law,
  single,
  type UnitLaw,
  unitLaw,
} from "./law.ts";

/** raw · 2^−droppedBits as an integer, droppedBits ≥ 0. A unit of a fixed shift may leave the second out. */
export type RoundingUnit = (raw: bigint, droppedBits: number) => bigint;

/** The same where the answer comes later. */
export type AsyncRoundingUnit = (raw: bigint, droppedBits: number) => Promise<bigint>;

/** Many raws with the same bits to drop: as many answers, in their order. */
export type BatchedRoundingUnit = (
  raws: readonly bigint[],
  droppedBits: number,
) => readonly bigint[] | Promise<readonly bigint[]>;

/** A mode whose result depends on the value alone. */
export type DeterministicRoundingMode = Exclude<RoundingMode, "stochastic">;

export interface RoundingUnitLimits {
  /** Bits of a raw; 64 unless said otherwise. */
  readonly sourceBits?: number;
  /** false: raws are 0 … 2^sourceBits − 1; otherwise two's complement. */
  readonly signed?: boolean;
  /** Most bits that are dropped at once; 40 unless said otherwise. */
  readonly maxDroppedBits?: number;
  /** Of a unit with a fixed shift: the bits that it always drops. */
  readonly droppedBits?: number;
}

type Question = readonly [raw: bigint, droppedBits: number];

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
  return askedAtOnce(lawsOf(mode, limits), ([raw, bits]) => unit(raw, bits));
}

/** The same for a unit that answers by a promise. */
export function asyncRoundingUnitLaws(
  unit: AsyncRoundingUnit,
  mode: DeterministicRoundingMode,
  limits: RoundingUnitLimits = {},
): readonly AsyncLaw[] {
  return askedLater(lawsOf(mode, limits), ([raw, bits]) => unit(raw, bits));
}

/** The same for a unit that takes many raws at once. */
export function batchedRoundingUnitLaws(
  unit: BatchedRoundingUnit,
  mode: DeterministicRoundingMode,
  limits: RoundingUnitLimits = {},
): readonly AsyncLaw[] {
  return askedTogether(
    lawsOf(mode, limits),
    (questions) =>
      unit(
        questions.map(([raw]) => raw),
        questions[0]?.[1] ?? 0,
      ),
    ([, bits]) => `${bits}`,
  );
}

function lawsOf(mode: DeterministicRoundingMode, limits: RoundingUnitLimits): UnitLaw<Question>[] {
  const { sourceBits = 64, signed = true, maxDroppedBits = 40, droppedBits } = limits;
  const raws = integers(sourceBits, signed);
  const dropped = droppedBits === undefined ? fc.integer({ min: 0, max: maxDroppedBits }) : fc.constant(droppedBits);
  const anywhere = fc.tuple(raws, dropped);
  const close = nearTies(sourceBits, signed, droppedBits ?? maxDroppedBits, droppedBits ?? 1);
  const cases: fc.Arbitrary<Question> = shrinkingAs(fc.oneof(anywhere, close), anywhere);
  const nearest = mode.startsWith("nearest");
  const direction = DIRECTION[mode];
  const errorOf = ([raw, bits]: Question, answer: bigint): bigint => (answer << BigInt(bits)) - raw;
  const expectation = ([raw, bits]: Question, answer: bigint): string =>
    `raw ${raw}, ${bits} bits dropped: found ${answer}, expected ${round(raw, bits, mode)} (${mode}); ${droppedText(raw, bits)}`;
  const judged = (name: string, holds: (question: Question, answer: bigint) => boolean): UnitLaw<Question> =>
    single(name, cases, (question, answer) => (holds(question, answer) ? null : expectation(question, answer)));
  const onGrid = anywhere.map(([raw, bits]): Question => [(raw >> BigInt(bits)) << BigInt(bits), bits]);
  const laws: UnitLaw<Question>[] = [
    single("keeps a value that is on the grid", onGrid, (question, answer) =>
      errorOf(question, answer) === 0n ? null : expectation(question, answer),
    ),
    unitLaw({
      name: "is monotone",
      cases: fc.tuple(raws, raws, dropped),
      questions: ([a, b, bits]): Question[] => [
        [a < b ? a : b, bits],
        [a < b ? b : a, bits],
      ],
      complaint: ([low, high], [below = 0n, above = 0n]) =>
        below <= above
          ? null
          : `raws ${low?.[0]} and ${high?.[0]}, ${low?.[1]} bits dropped: found ${below} and ${above}`,
    }),
    judged(nearest ? "is off by half a step at most" : "is off by less than a step", (question, answer) => {
      const error = errorOf(question, answer);
      const magnitude = error < 0n ? -error : error;
      const step = 1n << BigInt(question[1]);
      return nearest ? 2n * magnitude <= step : magnitude < step;
    }),
    judged("gives what the definition gives", ([raw, bits], answer) => answer === round(raw, bits, mode)),
  ];
  if (direction !== undefined) {
    laws.push(
      judged("rounds to its own side", (question, answer) => {
        const error = errorOf(question, answer);
        return direction(question[0] < 0n) < 0 ? error <= 0n : error >= 0n;
      }),
    );
  }
  if (SYMMETRIC.includes(mode) && signed) {
    laws.push(
      unitLaw({
        name: "treats a value and its negative alike",
        // The least raw has no negative in the source.
        cases: cases.filter(([raw]) => raw !== -(1n << BigInt(sourceBits - 1))),
        questions: ([raw, bits]): Question[] => [
          [raw, bits],
          [-raw, bits],
        ],
        complaint: ([question], [own = 0n, negative = 0n]) =>
          negative === -own
            ? null
            : `raw ${question?.[0]}, ${question?.[1]} bits dropped: found ${own}, and ${negative} for its negative`,
      }),
    );
  }
  return laws;
}

/** Raws next to a grid point or to the middle between two: where roundings differ, and where two in a row go wrong. */
function nearTies(
  sourceBits: number,
  signed: boolean,
  maxDroppedBits: number,
  minDroppedBits: number,
): fc.Arbitrary<[raw: bigint, droppedBits: number]> {
  const most = Math.max(1, minDroppedBits, Math.min(maxDroppedBits, sourceBits - 2));
  return fc.integer({ min: Math.min(minDroppedBits, most), max: most }).chain((bits) =>
    fc
      .tuple(integers(Math.max(2, sourceBits - bits), signed), fc.boolean(), fc.bigInt({ min: -3n, max: 3n }))
      .map(([kept, middle, offset]): [bigint, number] => {
        const raw = (kept << BigInt(bits)) + (middle && bits > 0 ? 1n << BigInt(bits - 1) : 0n) + offset;
        return [signed ? BigInt.asIntN(sourceBits, raw) : BigInt.asUintN(sourceBits, raw), bits];
      }),
  );
}
