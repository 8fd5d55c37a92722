/** Tiles whose registers a vector lane can hold, with words from tiny to the ends of the range. */
import fc from "fast-check";
import type { Dataflow } from "../../../../isa/dataflow/table.ts";
import { type FixedPointFormat, rawRange } from "../../../../isa/numerics/format.ts";
import type { OverflowMode } from "../../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../../isa/numerics/rounding.ts";
import { deterministicRoundingModes } from "../../../arbitraries/numerics.ts";
import { buildTile, type DrawnTile } from "../matrix-tiles.ts";

export const DATAFLOWS: readonly Dataflow[] = ["output-stationary", "weight-stationary", "input-stationary", "tree"];

export interface LaneChoices {
  readonly dataflow: Dataflow;
  /** Widths of operands and weights. */
  readonly operands: readonly [number, number];
  /** Widths of the accumulator; the product's is the same or near. */
  readonly sums: readonly [number, number];
  /** Fewest and most bits that products drop. */
  readonly dropped: readonly [number, number];
  readonly rounding?: fc.Arbitrary<RoundingMode>;
}

const OVERFLOWS: readonly OverflowMode[] = [
  "saturate",
  "saturate",
  "saturate-symmetric",
  "wrap",
  "trap",
  "saturate-zero",
];

const between = ([min, max]: readonly [number, number]): fc.Arbitrary<number> => fc.integer({ min, max });

interface Shape {
  readonly pixels: readonly [number, number];
  readonly filters: readonly [number, number];
  readonly steps: readonly [number, number];
}

/** Groups of pixels and panels of every size; panels for one pixel side by side; more steps than a kernel takes in one pass. */
const SHAPES: fc.Arbitrary<Shape> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Shape>({ pixels: [1, 18], filters: [1, 12], steps: [1, 45] }) },
  { weight: 1, arbitrary: fc.constant<Shape>({ pixels: [1, 3], filters: [13, 75], steps: [1, 12] }) },
  { weight: 1, arbitrary: fc.constant<Shape>({ pixels: [1, 5], filters: [1, 3], steps: [250, 300] }) },
);

/** Words of which all, or nearly all, are small; or anything, ends of the range above all. */
function words(format: FixedPointFormat): fc.Arbitrary<bigint[]> {
  const { min, max } = rawRange(format);
  const clip = (raw: bigint): bigint => (raw < min ? min : raw > max ? max : raw);
  const anything = fc.oneof(
    fc.bigInt({ min, max }),
    fc.constantFrom(min, max, clip(-1n), 0n, clip(1n), clip(min + 1n)),
  );
  const near = (bits: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: -(1n << bits), max: 1n << bits }).map(clip);
  return between([0, format.wordLength]).chain((bits) =>
    fc.array(fc.oneof({ weight: 20, arbitrary: near(BigInt(bits)) }, { weight: 1, arbitrary: anything }), {
      minLength: 1,
      maxLength: 97,
    }),
  );
}

export function laneTiles(choices: LaneChoices): fc.Arbitrary<DrawnTile> {
  const { dataflow, operands, sums, dropped, rounding = deterministicRoundingModes() } = choices;
  return fc
    .record({
      operandLength: between(operands),
      weightLength: between(operands),
      operandSigned: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
      sumLength: between(sums),
      productLength: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, between([-2, 3])),
      droppedBits: between(dropped),
      fraction: between([-3, 20]),
      rounding,
      productOverflow: fc.constantFrom(...OVERFLOWS),
      sumOverflow: fc.option(fc.constantFrom(...OVERFLOWS), { freq: 3 }),
      shape: SHAPES,
    })
    .chain((drawn) => {
      const operand = { wordLength: drawn.operandLength, fractionLength: drawn.fraction, signed: drawn.operandSigned };
      const weight = { wordLength: drawn.weightLength, fractionLength: 1, signed: true };
      const fractionLength = drawn.fraction + 1 - drawn.droppedBits;
      const register = (wordLength: number, overflow: OverflowMode): RegisterSpec => ({
        format: { wordLength, fractionLength, signed: true },
        rounding: drawn.rounding,
        overflow,
        saturatedBits: 0,
        dialect: "sc",
      });
      const product = register(Math.max(1, drawn.sumLength + drawn.productLength), drawn.productOverflow);
      const accumulator = register(drawn.sumLength, drawn.sumOverflow ?? drawn.productOverflow);
      return fc
        .record({
          pixels: between(drawn.shape.pixels),
          filters: between(drawn.shape.filters),
          steps: between(drawn.shape.steps),
          rows: between([1, 40]),
          columns: between([1, 12]),
          macPipeline: between([0, 1]),
          weightDoubleBuffer: fc.boolean(),
          drainOverlap: fc.boolean(),
          accumulate: fc.boolean(),
          constant: fc.boolean(),
          input: words(operand),
          weights: words(weight),
          bank: words(accumulator.format),
          image: between([0, 5]),
          seed: between([0, 2 ** 31 - 1]),
        })
        .map((rest) => {
          // A symmetric accumulator never holds −2^(W−1).
          const { min } = rawRange(accumulator.format);
          const symmetric = accumulator.overflow === "saturate-symmetric";
          const bank = rest.bank.map((raw) => (symmetric && raw === min ? 0n : raw));
          return buildTile({ ...rest, bank, dataflow, operand, weight, product, accumulator });
        });
    });
}
