/** From texts to the points of a sweep. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  expandGrid,
  type Grid,
  imagesOf,
  parseFractionChoices,
  WORD_LENGTHS,
} from "../../../../runtime/exploration/sweep/grid.ts";
import { parseNumberList } from "../../../../runtime/exploration/sweep/number-list.ts";
import { ALL_LAYERS, parseSubunits } from "../../../../runtime/exploration/sweep/subunits.ts";
import type { SweepPoint } from "../../../../runtime/results/sweep-report.ts";

const numbers = (text: string): readonly number[] => parseNumberList(text, "--word-lengths", WORD_LENGTHS);

describe("lists of numbers", () => {
  it.each([
    ["8", [8]],
    ["4..16:2,20", [4, 6, 8, 10, 12, 14, 16, 20]],
    ["5..5", [5]],
    ["1..64:63", [1, 64]],
    ["3..8:10", [3]],
    ["8, 4 ,8,4..6", [8, 4, 5, 6]],
  ])("%s", (text, expected) => {
    expect(numbers(text)).toEqual(expected);
  });

  it.each([
    ["", "an empty item"],
    ["4,,6", "an empty item"],
    ["0", "outside 1 to 64"],
    ["60..65", "outside 1 to 64"],
    ["8..4", "ends below its start"],
    ["4..8:0", "a step of 0"],
    ["4...8", "no number and no range"],
    ["1e1", "no number and no range"],
    ["8.5", "no number and no range"],
    ["4..9999999999", "no number and no range"],
  ])("%j is a diagnostic that says so", (text, what) => {
    expect(() => numbers(text)).toThrow(new RegExp(`^error\\[OPTION\\] --word-lengths: .*${what}`));
  });

  it("a range holds what a loop would count", () => {
    const bound = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: 1, max: 70 }), (a, b, step) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const expected: number[] = [];
        for (let value = from; value <= to; value += step) expected.push(value);
        expect(numbers(`${from}..${to}:${step}`)).toEqual(expected);
      }),
    );
  });

  it("fraction lengths have names besides, and may be negative", () => {
    expect(parseFractionChoices("half,auto,best,-2..1,half", "--fraction-lengths")).toEqual([
      "half",
      "auto",
      "best",
      -2,
      -1,
      0,
      1,
    ]);
    expect(() => parseFractionChoices("halves", "--fraction-lengths")).toThrow('"halves" is no fraction length');
    expect(() => parseFractionChoices("-129", "--fraction-lengths")).toThrow("outside -128 to 192");
  });
});

describe("subunits", () => {
  const layers = ["conv1", "pool1", "block/conv", "block/pool", "fc1", "fc2"];
  const read = (text: string) => parseSubunits(text, layers, "--layers");

  it("are lists of names and patterns, in the network's order", () => {
    expect(read("fc2,conv1;block/*;all")).toEqual([
      { name: "fc2,conv1", layers: ["conv1", "fc2"] },
      { name: "block/*", layers: ["block/conv", "block/pool"] },
      ALL_LAYERS,
    ]);
  });

  it("each: one layer after the other", () => {
    expect(read("each").map((unit) => unit.layers)).toEqual(layers.map((layer) => [layer]));
  });

  it("what matches no layer is a diagnostic with the nearest name", () => {
    expect(() => read("fc1;conv2")).toThrow(
      /^error\[UNKNOWN_LAYER\] --layers: "conv2" matches no layer; did you mean conv1\?/,
    );
    expect(() => read("fc1;")).toThrow("an empty item");
    expect(() => read("fc1,;all")).toThrow("an empty item");
  });
});

const GRID: Grid = {
  datapaths: ["intrinsic"],
  subunits: [ALL_LAYERS],
  roundings: ["nearest"],
  overflows: [null],
  wordLengths: [8],
  fractionLengths: ["half"],
  images: 20,
  search: { first: 20, images: 5 },
};

const pointsOf = (grid: Grid): readonly SweepPoint[] =>
  expandGrid(grid).entries.flatMap((entry) => (entry.kind === "point" ? [entry.point] : entry.trials));

describe("the grid", () => {
  it("is every combination, word and fraction length last", () => {
    const points = pointsOf({
      ...GRID,
      datapaths: ["intrinsic", "extrinsic"],
      roundings: ["nearest", "down"],
      wordLengths: [4, 7],
      fractionLengths: ["half", "auto"],
    });
    expect(
      points.map((point) => [point.datapath, point.rounding, point.wordLength, point.fractionLength].join(" ")),
    ).toEqual([
      ...["intrinsic nearest 4 2", "intrinsic nearest 4 auto", "intrinsic nearest 7 3", "intrinsic nearest 7 auto"],
      ...["intrinsic down 4 2", "intrinsic down 4 auto", "intrinsic down 7 3", "intrinsic down 7 auto"],
      ...["extrinsic nearest 4 2", "extrinsic nearest 4 auto", "extrinsic nearest 7 3", "extrinsic nearest 7 auto"],
      ...["extrinsic down 4 2", "extrinsic down 4 auto", "extrinsic down 7 3", "extrinsic down 7 auto"],
    ]);
    expect(new Set(points.map(({ images }) => images))).toEqual(new Set([20]));
  });

  it("leaves out fractions that leave no bit for the sign, and says how many", () => {
    const { entries, skipped } = expandGrid({ ...GRID, wordLengths: [2, 4], fractionLengths: [-1, 0, 1, 2, 3, 4] });
    expect(skipped).toBe(4);
    expect(entries).toHaveLength(8);
    expect(() => expandGrid({ ...GRID, wordLengths: [1], fractionLengths: [1, 2] })).toThrow("error[GRID]");
  });

  it("has every point once", () => {
    const points = pointsOf({ ...GRID, fractionLengths: ["half", 4, 3], subunits: [ALL_LAYERS, ALL_LAYERS] });
    expect(points.map(({ fractionLength }) => fractionLength)).toEqual([4, 3]);
  });

  it("best tries every fraction length on images apart", () => {
    const expanded = expandGrid({ ...GRID, wordLengths: [3], fractionLengths: ["best"] });
    const [entry] = expanded.entries;
    if (entry?.kind !== "best") throw new Error("no entry of that kind");
    expect(entry.trials.map(({ fractionLength, first, images }) => [fractionLength, first, images])).toEqual([
      [0, 20, 5],
      [1, 20, 5],
      [2, 20, 5],
    ]);
    expect(imagesOf(expanded)).toBe(3 * 5 + 20);
  });

  it("of more than 100,000 points is refused before it is made", () => {
    const many = Array.from({ length: 64 }, (_, index) => index + 1);
    const grid = { ...GRID, wordLengths: many, fractionLengths: many, roundings: Array(30).fill("nearest") };
    expect(() => expandGrid(grid)).toThrow("122880 points, expected at most 100000");
  });
});
