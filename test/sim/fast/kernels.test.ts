import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import type { OverflowPlace, RegisterObserver } from "../../../sim/fast/arithmetic/observer.ts";
import { PLAIN_KERNELS } from "../../../sim/fast/kernels/plain.ts";
import type { StepwiseKernel } from "../../../sim/fast/kernels/stepwise.ts";
import { stepwiseBigint } from "../../../sim/fast/kernels/stepwise-bigint.ts";
import { stepwiseFloat64 } from "../../../sim/fast/kernels/stepwise-float64.ts";
import { chooseLane, stepwiseLane } from "../../../sim/fast/lanes.ts";
import { deterministicRoundingModes } from "../../arbitraries/numerics.ts";
import { type DefinedTile, defineTile, type Write } from "./matrix-definition.ts";
import { type DrawnTile, matrixTiles, resetSums, sumsOf } from "./matrix-tiles.ts";

const DATAFLOWS: readonly Dataflow[] = ["output-stationary", "weight-stationary", "input-stationary", "tree"];
const RUNS = process.env.MACROSCOPE_LONG === "1" ? 2000 : 200;

function overflowsOf({ writes }: DefinedTile, register: Write["register"]): Write[] {
  return writes.filter((write) => write.register === register && write.rounded !== write.word);
}

/** Runs the kernel of the chosen lane; its name. */
function expectKernelAgrees(tile: DrawnTile, defined: DefinedTile): string {
  const kernel = PLAIN_KERNELS.matrix(tile.problem, chooseLane(tile.problem));
  resetSums(tile);
  const bound = kernel.bind(tile.problem, tile.operands);
  bound.run(tile.words.image);
  expect(sumsOf(tile), kernel.name).toEqual(defined.sums);
  expect(bound.product.overflows, kernel.name).toBe(overflowsOf(defined, "product").length);
  expect(bound.accumulator.overflows, kernel.name).toBe(overflowsOf(defined, "accumulator").length);
  return kernel.name;
}

interface Seen {
  readonly exact: bigint;
  readonly rounded: bigint;
  readonly word: bigint;
}

class Recorder implements RegisterObserver {
  readonly seen: Seen[] = [];
  readonly places: OverflowPlace[] = [];

  number(exact: number, rounded: number, word: number): void {
    this.seen.push({ exact: BigInt(exact), rounded: BigInt(rounded), word: BigInt(word) });
  }

  big(exact: bigint, rounded: bigint, word: bigint): void {
    this.seen.push({ exact, rounded, word });
  }

  quotient(): void {
    throw new Error("a matrix instruction divides nothing");
  }

  overflowed(place: OverflowPlace): void {
    this.places.push(place);
  }
}

const seenKey = ({ exact, rounded, word }: Seen): string => `${exact} ${rounded} ${word}`;
const placeKey = (place: OverflowPlace): string =>
  [place.laneStep, place.extraCycles, place.row, place.column, place.pixel, place.channel, place.step].join(" ");

function expectObserverAgrees(tile: DrawnTile, defined: DefinedTile, kernel: StepwiseKernel): void {
  const observer = { product: new Recorder(), accumulator: new Recorder() };
  resetSums(tile);
  kernel.observer(tile.words.image, observer);
  expect(sumsOf(tile)).toEqual(defined.sums);
  for (const register of ["product", "accumulator"] as const) {
    const writes = defined.writes.filter((write) => write.register === register);
    expect(observer[register].seen.map(seenKey).sort()).toEqual(writes.map(seenKey).sort());
    const places = overflowsOf(defined, register).map(placeKey).sort();
    expect(observer[register].places.map(placeKey).sort()).toEqual(places);
  }
}

describe.each(DATAFLOWS)("%s tiles equal the definition", (dataflow) => {
  it.each([4, 8, 16, 26, 64])("operands of at most %i bits: sums and overflow counts of the chosen kernel", (width) => {
    fc.assert(
      fc.property(matrixTiles({ dataflow, maxWordLength: width }), (tile) => {
        expectKernelAgrees(tile, defineTile(tile.problem, tile.words));
      }),
      { numRuns: RUNS },
    );
  });

  it.each([8, 64])("operands of at most %i bits: every write that the evidence passes show", (width) => {
    fc.assert(
      fc.property(matrixTiles({ dataflow, maxWordLength: width }), (tile) => {
        const defined = defineTile(tile.problem, tile.words);
        expectObserverAgrees(tile, defined, stepwiseBigint(tile.problem, tile.operands));
        if (stepwiseLane(tile.problem) === "float64") {
          expectObserverAgrees(tile, defined, stepwiseFloat64(tile.problem, tile.operands));
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe("the drawn tiles", () => {
  it("reach every kernel of every lane", () => {
    const names = new Set<string>();
    const widths = fc.constantFrom(4, 8, 16, 26, 40, 64);
    const tiles = fc
      .tuple(fc.constantFrom(...DATAFLOWS), widths)
      .chain(([dataflow, maxWordLength]) =>
        matrixTiles({ dataflow, maxWordLength, rounding: deterministicRoundingModes() }),
      );
    fc.assert(
      fc.property(tiles, (tile) => {
        names.add(expectKernelAgrees(tile, defineTile(tile.problem, tile.words)));
      }),
      { numRuns: 800, seed: 11 },
    );
    expect([...names].sort()).toEqual([
      "bigint dot",
      "bigint stepwise",
      "float64 dot",
      "float64 free",
      "float64 ordered",
      "float64 stepwise",
      "int32 dot",
      "int32 free",
      "int32 ordered",
    ]);
  });

  it("compute the same in a second run, and with other weights where those may change", () => {
    fc.assert(
      fc.property(matrixTiles({ dataflow: "weight-stationary", maxWordLength: 12 }), (tile) => {
        const bound = PLAIN_KERNELS.matrix(tile.problem, chooseLane(tile.problem)).bind(tile.problem, tile.operands);
        bound.run(tile.words.image);
        const { words: weights, constant } = tile.operands.weights;
        if (!constant) weights.reverse();
        resetSums(tile);
        bound.run(tile.words.image);
        const defined = defineTile(tile.problem, tile.words);
        expect(sumsOf(tile)).toEqual(defined.sums);
        expect(bound.product.overflows).toBe(overflowsOf(defined, "product").length);
      }),
      { numRuns: RUNS },
    );
  });
});
