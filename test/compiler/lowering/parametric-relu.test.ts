/** Parametric ReLU on the machine: every word is the exact product, rounded once, whatever the tiles. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { rawRange } from "../../../isa/numerics/format.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { expectEnginesAgree } from "../../conformance/compare.ts";
import { binaryRational, roundRational } from "../../oracles/rational-rounding.ts";

/** Words of the input, F 3, and what a layer with these slopes makes of them: nearest in F 2, saturated to 6 bits. */
function outputs(slopes: readonly number[], raws: readonly bigint[], machine: Machine) {
  const channels = slopes.length;
  const shape = [1, raws.length / channels, channels];
  const builder = new GraphBuilder("prelu", { name: "x", shape }, "test");
  const data = Float32Array.from(slopes);
  builder.add({ op: "prelu", name: "p", inputs: ["x"], slopes: { shape: [channels], data } });
  const p = { input: "5,3", output: "6,2", format: "6,2", datapath: "intrinsic" } as const;
  const { program } = compile(builder.finish("p"), { machine, assignment: { layers: { p } }, seed: 1 });
  expect(program.layers.map(({ kind }) => kind)).toEqual(["activation"]);
  expect(checkProgram(program)).toBeNull();
  const words = allocateRaws(
    program.tensors[0]?.format ?? { wordLength: 5, fractionLength: 3, signed: true },
    raws.length,
  );
  for (const [index, raw] of raws.entries()) setRaw(words, index, raw);
  const batch = { firstImage: 0, count: 1, raws: words };
  const { outputs: found } = expectEnginesAgree(program, batch, { statistics: true, capture: true });
  const tiles = program.tiles.length;
  const format = { wordLength: 6, fractionLength: 2, signed: true };
  return { found: raws.map((_, index) => rawAt(found, index, format)), tiles };
}

function expected(raw: bigint, slope: number): bigint {
  // raw · 2^−3 · slope, in units of 2^−2.
  const factor = raw < 0n ? binaryRational(BigInt(slope * 2 ** 149), 149) : { numerator: 1n, denominator: 1n };
  const rounded = roundRational({ numerator: raw * factor.numerator, denominator: 2n * factor.denominator }, "nearest");
  return rounded < -32n ? -32n : rounded > 31n ? 31n : rounded;
}

const { min, max } = rawRange({ wordLength: 5, fractionLength: 3, signed: true });
const EVERY_WORD = Array.from({ length: Number(max - min) + 1 }, (_, index) => min + BigInt(index));

describe("parametric ReLU", () => {
  it("is exact to one rounding for every word and ugly slopes", () => {
    const slopes = [0.25, -1, 0, Math.fround(0.1), Math.fround(-3.3), 2 ** -20, 1.75, 1];
    const raws = EVERY_WORD.flatMap((raw) => slopes.map(() => raw));
    const { found } = outputs(slopes, raws, DEFAULT_MACHINE);
    expect(found).toEqual(raws.map((raw, index) => expected(raw, slopes[index % slopes.length] ?? 0)));
  });

  it("reads a tile's own slopes, where tiles hold some rows, some pixels or a part of one pixel's channels", () => {
    const slope = fc.float({ min: -4, max: 4, noNaN: true, noDefaultInfinity: true });
    const problems = fc.record({
      slopes: fc.array(slope, { minLength: 1, maxLength: 12 }),
      pixels: fc.integer({ min: 1, max: 9 }),
      words: fc.integer({ min: 2, max: 40 }),
      lanes: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(),
    });
    let cut = 0;
    fc.assert(
      fc.property(problems, ({ slopes, pixels, words, lanes, seed }) => {
        const raws = Array.from({ length: pixels * slopes.length }, (_, index) =>
          BigInt(((index * 7 + seed) % 32) - 16),
        );
        const memory = { ...DEFAULT_MACHINE.inputScratchpad, capacityBits: words * 6 };
        const machine = { ...DEFAULT_MACHINE, columns: lanes, inputScratchpad: memory, outputBuffer: memory };
        const { found, tiles } = outputs(slopes, raws, machine);
        if (tiles > pixels) cut++;
        expect(found).toEqual(raws.map((raw, index) => expected(raw, slopes[index % slopes.length] ?? 0)));
      }),
      { numRuns: 150 },
    );
    expect(cut).toBeGreaterThan(5);
  });
});
