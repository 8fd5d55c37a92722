/** Matrix tiles with words, registers and array drawn at random, and the operands the kernels want. */
import fc from "fast-check";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import { type FixedPointFormat, rawRange } from "../../../isa/numerics/format.ts";
import type { Dialect } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { RoundingMode } from "../../../isa/numerics/rounding.ts";
import { hull } from "../../../sim/fast/arithmetic/ranges.ts";
import type { MatrixOperands, MatrixProblem, WeightTile } from "../../../sim/fast/kernels/contract.ts";
import { allocateWords, setWord, wordAt } from "../../../sim/fast/memory/words.ts";
import { OrderProofs } from "../../../sim/fast/prepare/order-proofs.ts";
import { overflowSpecs, rawsOf, roundingModes } from "../../arbitraries/numerics.ts";
import type { TileWords } from "./matrix-definition.ts";

export interface DrawnTile {
  readonly problem: MatrixProblem;
  readonly operands: MatrixOperands;
  readonly words: TileWords;
}

export interface TileChoices {
  readonly dataflow: Dataflow;
  /** Largest W of operands and weights. */
  readonly maxWordLength: number;
  readonly rounding?: fc.Arbitrary<RoundingMode>;
}

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

function registerNear(
  fractionLength: number,
  maxWordLength: number,
  rounding: fc.Arbitrary<RoundingMode>,
): fc.Arbitrary<RegisterSpec> {
  return fc
    .record({
      wordLength: fc.oneof(small(1, maxWordLength), small(Math.ceil(maxWordLength / 2), maxWordLength)),
      offset: small(-Math.ceil(maxWordLength / 2), 2),
      signed: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      dialect: fc.constantFrom<Dialect>("sc", "ap", "ac"),
      rounding,
    })
    .chain(({ wordLength, offset, signed, dialect, rounding: mode }) => {
      const format = { wordLength, fractionLength: fractionLength + offset, signed };
      return overflowSpecs(format, dialect).map(({ mode: overflow, saturatedBits }) => ({
        format,
        rounding: mode,
        overflow,
        saturatedBits,
        dialect,
      }));
    });
}

/** Tiles of ugly shapes; sums overflow often, products round or are exact, accumulators round or do not. */
export function matrixTiles({
  dataflow,
  maxWordLength,
  rounding = roundingModes(),
}: TileChoices): fc.Arbitrary<DrawnTile> {
  const formats: fc.Arbitrary<FixedPointFormat> = fc.record({
    wordLength: small(1, maxWordLength),
    fractionLength: small(-2, maxWordLength),
    signed: fc.boolean(),
  });
  return fc.tuple(formats, formats).chain(([operand, weight]) => {
    const exact = operand.fractionLength + weight.fractionLength;
    return registerNear(exact, 2 * maxWordLength, rounding).chain((product) =>
      fc
        .record({
          accumulator: fc.oneof(
            registerNear(product.format.fractionLength, 2 * maxWordLength + 4, rounding),
            registerNear(product.format.fractionLength + 2, 2 * maxWordLength + 4, rounding),
            // Wide enough for a proof that order is free.
            fc.constant<RegisterSpec>({
              format: { ...product.format, wordLength: product.format.wordLength + 6, signed: true },
              rounding: "down",
              overflow: "wrap",
              saturatedBits: 0,
              dialect: "sc",
            }),
          ),
          pixels: small(1, 7),
          filters: small(1, 9),
          steps: small(1, 11),
          rows: small(1, 4),
          columns: small(1, 4),
          macPipeline: small(0, 2),
          weightDoubleBuffer: fc.boolean(),
          drainOverlap: fc.boolean(),
          accumulate: fc.boolean(),
          constant: fc.boolean(),
          input: fc.array(rawsOf(operand), { minLength: 1, maxLength: 50 }),
          weights: fc.array(rawsOf(weight), { minLength: 1, maxLength: 50 }),
          image: small(0, 5),
          seed: small(0, 2 ** 31),
        })
        .chain((drawn) =>
          fc
            .array(rawsOf(drawn.accumulator.format), { minLength: 1, maxLength: 20 })
            .map((bank) => buildTile({ ...drawn, dataflow, operand, weight, product, bank })),
        ),
    );
  });
}

/** All a tile is made of; words are taken round and round. */
export interface TileParts {
  readonly dataflow: Dataflow;
  readonly operand: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  readonly rows: number;
  readonly columns: number;
  readonly macPipeline: number;
  readonly weightDoubleBuffer: boolean;
  readonly drainOverlap: boolean;
  readonly accumulate: boolean;
  /** The weights never change. */
  readonly constant: boolean;
  readonly input: readonly bigint[];
  readonly weights: readonly bigint[];
  readonly bank: readonly bigint[];
  readonly image: number;
  readonly seed: number;
}

const [INPUT_BASE, WEIGHT_BASE, SUM_BASE] = [3, 2, 5] as const;

/** Pixels overlap as those of a convolution with stride 2 do; weight and sum rows have gaps. */
export function buildTile(parts: TileParts): DrawnTile {
  const { pixels, filters, steps, operand, weight, product, accumulator, constant } = parts;
  const pixelOffsets = Int32Array.from({ length: pixels }, (_, pixel) => 2 * pixel);
  const stepOffsets = Int32Array.from({ length: steps }, (_, step) => Math.floor(step / 3) * 5 + (step % 3));
  const inputWords = INPUT_BASE + 2 * pixels + 2 * steps + 6;
  const input = fill(operand, inputWords, parts.input);
  const weightPitch = filters + 1;
  const weights = fill(weight, WEIGHT_BASE + steps * weightPitch, parts.weights);
  const sumPitch = filters + 2;
  const sums = fill(accumulator.format, SUM_BASE + pixels * sumPitch, parts.bank);
  const tile: WeightTile = { words: weights, base: WEIGHT_BASE, pitch: weightPitch, constant };
  const used = Array.from({ length: steps * filters }, (_, index) =>
    wordAt(weights, WEIGHT_BASE + Math.floor(index / filters) * weightPitch + (index % filters)),
  );
  const weightRange = constant ? hull(used) : rawRange(weight);
  const freeSums = new OrderProofs().freeSums({
    steps,
    filters,
    operand,
    weight,
    product,
    accumulator,
    weightRange,
    constant: constant ? tile : null,
    initial: parts.accumulate ? rawRange(accumulator.format) : null,
  });
  const { dataflow, rows, columns, macPipeline, weightDoubleBuffer, drainOverlap, accumulate, seed, image } = parts;
  const instruction = 17;
  return {
    problem: {
      pixels,
      filters,
      steps,
      array: { dataflow, rows, columns, macPipeline, weightDoubleBuffer, drainOverlap },
      accumulate,
      operand,
      weight,
      product,
      accumulator,
      operandRange: rawRange(operand),
      weightRange,
      freeSums,
    },
    operands: {
      input,
      inputBase: INPUT_BASE,
      pixelOffsets,
      stepOffsets,
      weights: tile,
      sums,
      sumBase: SUM_BASE,
      sumPitch,
      seed,
      instruction,
    },
    words: {
      input: (pixel, step) => wordAt(input, INPUT_BASE + (pixelOffsets[pixel] ?? 0) + (stepOffsets[step] ?? 0)),
      weight: (step, filter) => wordAt(weights, WEIGHT_BASE + step * weightPitch + filter),
      bank: Array.from({ length: pixels * filters }, (_, index) =>
        wordAt(sums, SUM_BASE + Math.floor(index / filters) * sumPitch + (index % filters)),
      ),
      seed,
      instruction,
      image,
    },
  };
}

function fill(format: FixedPointFormat, length: number, raws: readonly bigint[]): ReturnType<typeof allocateWords> {
  const words = allocateWords(format, length);
  for (let index = 0; index < length; index++) setWord(words, index, raws[index % raws.length] ?? 0n);
  return words;
}

/** Sums of the tile, pixel-major. */
export function sumsOf({ problem, operands }: DrawnTile): bigint[] {
  return Array.from({ length: problem.pixels * problem.filters }, (_, index) => {
    const pixel = Math.floor(index / problem.filters);
    return wordAt(operands.sums, operands.sumBase + pixel * operands.sumPitch + (index % problem.filters));
  });
}

/** Puts the words of the bank back to what they were before a kernel ran. */
export function resetSums({ problem, operands, words }: DrawnTile): void {
  for (const [index, raw] of words.bank.entries()) {
    const pixel = Math.floor(index / problem.filters);
    setWord(operands.sums, operands.sumBase + pixel * operands.sumPitch + (index % problem.filters), raw);
  }
}
