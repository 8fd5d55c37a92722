import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { registerGenerator } from "../../../isa/numerics/random.ts";
import { register } from "../../../isa/numerics/register.ts";
import { REGISTER, raws } from "./matrix-problem.ts";
import {
  activation,
  HALT,
  load,
  placeTensors,
  programOf,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
  vector,
} from "./programs.ts";
import { type RegisterEvent, watch } from "./watch.ts";

const LOAD_INDEX = 2;

const BLOCK = fc
  .record({
    rows: fc.integer({ min: 1, max: 3 }),
    columns: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 3 }),
    rowStride: fc.integer({ min: 0, max: 12 }),
    columnStride: fc.integer({ min: 0, max: 5 }),
    padTop: fc.integer({ min: 0, max: 2 }),
    padBottom: fc.integer({ min: 0, max: 1 }),
    padLeft: fc.integer({ min: 0, max: 1 }),
    padRight: fc.integer({ min: 0, max: 2 }),
    first: fc.integer({ min: 0, max: 4 }),
  })
  .map((block) => ({
    ...block,
    sourceLength: block.first + 2 * block.rowStride + 2 * block.columnStride + block.channels,
  }));

const CASE = fc
  .record({
    block: BLOCK,
    source: REGISTER,
    input: REGISTER,
    latencyCycles: fc.constantFrom(0, 1, 7),
    wordBits: fc.constantFrom(8, 16, 24),
    bytesPerCycle: fc.constantFrom(1, 2),
    seed: fc.nat(),
  })
  .chain((drawn) => raws(drawn.source.format, drawn.block.sourceLength).map((values) => ({ ...drawn, values })));

describe("load", () => {
  it("frames, strides and quantizes a block word after word, all in its last cycle", () => {
    fc.assert(
      fc.property(CASE, ({ block, source, input, latencyCycles, wordBits, bytesPerCycle, seed, values }) => {
        const { rows, columns, channels, padTop, padBottom, padLeft, padRight } = block;
        const words = (rows + padTop + padBottom) * (columns + padLeft + padRight) * channels;
        const { wordLength } = source.format;
        const output = fixedPoint(input.format.wordLength, input.format.fractionLength, input.format.signed);
        const tensors: TensorFields[] = [
          { name: "input", role: "input", format: source.format, length: values.length },
          { name: "output", role: "output", format: output, length: words },
        ];
        const [, target] = placeTensors(tensors);
        const machine = { ...SMALL_MACHINE, dram: { ...SMALL_MACHINE.dram, latencyCycles, wordBits, bytesPerCycle } };
        const program = programOf(
          machine,
          tensors,
          [
            set("source", source),
            set("input", input),
            load({ ...block, dramAddress: block.first * wordLength }),
            set("operandA", output),
            set("output", output),
            activation("none"),
            SYNCHRONISE,
            vector({ operation: "copy", elements: words }),
            SYNCHRONISE,
            store({ channels: words, wordLength: output.wordLength, dramAddress: target?.address ?? 0 }),
            HALT,
          ],
          { seed },
        );
        const { result, outputs, events, cycles } = watch(program, values, LOAD_INDEX);
        expect(result.fault).toBeNull();

        // The definition: word (y, x, c) of the frame; runs of words that follow each other in DRAM.
        const random = registerGenerator(seed, LOAD_INDEX, 0, 0, 0, 0);
        const plain =
          source.format.wordLength === output.wordLength &&
          source.format.fractionLength === output.fractionLength &&
          source.format.signed === output.signed;
        const wanted: bigint[] = [];
        const wantedEvents: RegisterEvent[] = [];
        const runs: { end: number; length: number }[] = [];
        for (let y = -padTop; y < rows + padBottom; y++) {
          for (let x = -padLeft; x < columns + padRight; x++) {
            for (let c = 0; c < channels; c++) {
              if (y < 0 || y >= rows || x < 0 || x >= columns) {
                wanted.push(0n);
                continue;
              }
              const word = block.first + y * block.rowStride + x * block.columnStride + c;
              const run = runs.at(-1);
              if (run?.end === word) {
                run.end++;
                run.length++;
              } else runs.push({ end: word + 1, length: 1 });
              const raw = values[word] ?? 0n;
              const after = plain ? raw : quantize(raw, source.format.fractionLength, input, random).raw;
              wanted.push(after);
              const pixel = (y * columns + x) * channels + c;
              const place = { row: 0, column: 0, pixel, channel: 0, step: -1 };
              if (!plain) wantedEvents.push({ register: "input", cycle: cycles - 1, ...place, after });
            }
          }
        }
        const bits = runs.reduce((sum, { length }) => sum + Math.ceil((length * wordLength) / wordBits) * wordBits, 0);
        expect(outputs).toEqual(wanted);
        expect(events).toEqual(wantedEvents);
        expect(cycles).toBe(latencyCycles + Math.ceil(bits / (8 * bytesPerCycle)));
      }),
      { numRuns: 300 },
    );
  });

  it("copies −8 of a symmetric 4-bit register unchanged where source and input formats are equal", () => {
    const symmetric = register(fixedPoint(4, 0), "nearest", "saturate-symmetric");
    const tensors: TensorFields[] = [
      { name: "input", role: "input", format: symmetric.format, length: 1 },
      { name: "output", role: "output", format: symmetric.format, length: 1 },
    ];
    const program = programOf(SMALL_MACHINE, tensors, [
      set("source", symmetric),
      set("input", symmetric),
      load({ channels: 1 }),
      set("operandA", symmetric),
      set("output", symmetric.format),
      activation("none"),
      SYNCHRONISE,
      vector({ operation: "copy", elements: 1 }),
      SYNCHRONISE,
      store({ channels: 1, wordLength: 4, dramAddress: 64 }),
      HALT,
    ]);
    const result = runImages(program, [[-8]]);
    expect([...result.outputs]).toEqual([-8]);
    expect(result.evidence[0]).toEqual({ output: { overflow: 0, first: null, statistics: null } });
  });
});

describe("store", () => {
  it("scatters a dense block to strided words and waits for latency and whole DRAM words", () => {
    const format = fixedPoint(5, 0);
    const tensors: TensorFields[] = [
      { name: "input", role: "input", format, length: 4 },
      { name: "output", role: "output", format, length: 7 },
    ];
    const machine = {
      ...SMALL_MACHINE,
      dram: { ...SMALL_MACHINE.dram, latencyCycles: 3, wordBits: 16, bytesPerCycle: 1 },
    };
    const program = programOf(machine, tensors, [
      set("source", format),
      set("input", format),
      load({ channels: 4 }),
      set("operandA", format),
      set("output", format),
      activation("none"),
      SYNCHRONISE,
      vector({ operation: "copy", elements: 4 }),
      SYNCHRONISE,
      store({ rows: 2, columns: 2, channels: 1, rowStride: 1, columnStride: 5, wordLength: 5, dramAddress: 64 }),
      HALT,
    ]);
    const { outputs, cycles } = watch(program, [1n, -2n, 3n, -4n], 9);
    // Words 0, 5, 1, 6 of the target; four runs of one DRAM word of 16 bits, 8 bits a cycle.
    expect(outputs).toEqual([1n, 3n, 0n, 0n, 0n, -2n, -4n]);
    expect(cycles).toBe(3 + 8);
  });
});
