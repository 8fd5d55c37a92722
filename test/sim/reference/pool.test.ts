import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { POOL_KINDS, type Pool, type PoolKind } from "../../../isa/instructions/pool.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { quantize, quantizeQuotient } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, registerGenerator } from "../../../isa/numerics/random.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { REGISTER, raws } from "./matrix-problem.ts";
import {
  HALT,
  load,
  placeTensors,
  pool,
  programOf,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
} from "./programs.ts";
import { type RegisterEvent, watch } from "./watch.ts";

interface Case {
  readonly lanes: number;
  readonly inputPort: number;
  readonly outputPort: number;
  readonly fields: Omit<Pool, "opcode" | "wait" | "signal" | "inputAddress" | "outputAddress">;
  readonly operand: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec;
  readonly values: readonly bigint[];
  readonly seed: number;
}

const POOL_INDEX = 7;

function programFor({ lanes, inputPort, outputPort, fields, operand, accumulator, output, seed }: Case) {
  const inputLength = fields.inputRows * fields.inputColumns * fields.channels;
  const outputLength = fields.outputRows * fields.outputColumns * fields.channels;
  const result = fields.kind === "maximum" ? operand.format : output.format;
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: operand.format, length: inputLength },
    { name: "output", role: "output", format: result, length: outputLength },
  ];
  const [, outputTensor] = placeTensors(tensors);
  const machine = {
    ...SMALL_MACHINE,
    columns: lanes,
    inputScratchpad: { ...SMALL_MACHINE.inputScratchpad, bitsPerCycle: inputPort },
    outputBuffer: { ...SMALL_MACHINE.outputBuffer, bitsPerCycle: outputPort },
  };
  return programOf(
    machine,
    tensors,
    [
      set("source", operand.format),
      set("input", operand.format),
      load({ channels: inputLength }),
      set("operandA", operand),
      set("accumulator", accumulator),
      set("output", output),
      SYNCHRONISE,
      pool(fields),
      SYNCHRONISE,
      store({ channels: outputLength, wordLength: result.wordLength, dramAddress: outputTensor?.address ?? 0 }),
      HALT,
    ],
    { seed },
  );
}

/** Output by output, window by window, in plain loops. */
function expected({ lanes, inputPort, outputPort, fields, operand, accumulator, output, values, seed }: Case) {
  const { kind, inputRows, inputColumns, outputRows, outputColumns, channels, kernelRows, kernelColumns } = fields;
  const windowSize = kernelRows * kernelColumns;
  const groups = Math.ceil(channels / lanes);
  const result = kind === "maximum" ? operand : output;
  const m = Math.max(
    Math.ceil((lanes * operand.format.wordLength) / inputPort),
    Math.ceil((lanes * result.format.wordLength) / outputPort),
  );
  const outputs: bigint[] = [];
  const events: RegisterEvent[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    const sumRandom = registerGenerator(seed, POOL_INDEX, 0, 2, 0, lane);
    const outputRandom = registerGenerator(seed, POOL_INDEX, 0, 4, 0, lane);
    for (let pixel = 0; pixel < outputRows * outputColumns; pixel++) {
      for (let channel = lane; channel < channels; channel += lanes) {
        const firstStep = (pixel * groups + Math.floor(channel / lanes)) * windowSize;
        const event = (name: "accumulator" | "output", position: number, after: bigint): void => {
          const cycle = (firstStep + position) * m + m - 1;
          const step = name === "output" ? -1 : position;
          events.push({ register: name, cycle, row: 0, column: lane, pixel, channel, step, after });
        };
        const seen: bigint[] = [];
        let sum = 0n;
        for (let position = 0; position < windowSize; position++) {
          const y =
            Math.floor(pixel / outputColumns) * fields.strideRows -
            fields.padTop +
            Math.floor(position / kernelColumns);
          const x = (pixel % outputColumns) * fields.strideColumns - fields.padLeft + (position % kernelColumns);
          if (y < 0 || y >= inputRows || x < 0 || x >= inputColumns) continue;
          const raw = values[(y * inputColumns + x) * channels + channel] ?? 0n;
          seen.push(raw);
          if (kind === "maximum") continue;
          sum = addInto(accumulator, sum, operand, raw, sumRandom);
          event("accumulator", position, sum);
        }
        const n = BigInt(fields.countPadding ? windowSize : seen.length);
        const target = pixel * channels + channel;
        if (kind === "maximum") {
          outputs[target] = seen.reduce((a, b) => (a > b ? a : b));
        } else {
          outputs[target] = quotient(kind, sum, n, accumulator, output, outputRandom);
          event("output", windowSize - 1, outputs[target]);
        }
      }
    }
  }
  return { outputs, events, cycles: outputRows * outputColumns * groups * windowSize * m };
}

function addInto(
  accumulator: RegisterSpec,
  sum: bigint,
  operand: RegisterSpec,
  raw: bigint,
  random: RandomWordSource,
): bigint {
  const fraction = Math.max(accumulator.format.fractionLength, operand.format.fractionLength);
  const exact =
    sum * 2n ** BigInt(fraction - accumulator.format.fractionLength) +
    raw * 2n ** BigInt(fraction - operand.format.fractionLength);
  return quantize(exact, fraction, accumulator, random).raw;
}

function quotient(
  kind: PoolKind,
  sum: bigint,
  n: bigint,
  accumulator: RegisterSpec,
  output: RegisterSpec,
  random: RandomWordSource,
): bigint {
  const fraction = accumulator.format.fractionLength;
  if (kind === "averageDivider") return quantizeQuotient(sum, n, fraction, output, random).raw;
  const reciprocal = BigInt(Math.round(65536 / Number(n)));
  return quantize(sum * reciprocal, fraction + 16, output, random).raw;
}

const GEOMETRY = fc
  .record({
    // Sums go to the bank; histories and drawn programs look at them.
    kind: fc.constantFrom(...POOL_KINDS.filter((kind) => kind !== "sum")),
    inputRows: fc.integer({ min: 1, max: 5 }),
    inputColumns: fc.integer({ min: 1, max: 6 }),
    outputRows: fc.integer({ min: 1, max: 3 }),
    outputColumns: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 5 }),
    kernelRows: fc.integer({ min: 1, max: 3 }),
    kernelColumns: fc.integer({ min: 1, max: 4 }),
    strideRows: fc.integer({ min: 1, max: 3 }),
    strideColumns: fc.integer({ min: 1, max: 2 }),
    padTop: fc.integer({ min: 0, max: 2 }),
    padLeft: fc.integer({ min: 0, max: 2 }),
    countPadding: fc.boolean(),
  })
  .filter(
    (fields) =>
      fields.padTop < fields.kernelRows &&
      fields.padLeft < fields.kernelColumns &&
      (fields.outputRows - 1) * fields.strideRows - fields.padTop < fields.inputRows &&
      (fields.outputColumns - 1) * fields.strideColumns - fields.padLeft < fields.inputColumns,
  );

const CASE: fc.Arbitrary<Case> = fc
  .record({
    lanes: fc.integer({ min: 1, max: 4 }),
    inputPort: fc.constantFrom(6, 4096),
    outputPort: fc.constantFrom(5, 4096),
    fields: GEOMETRY,
    operand: REGISTER,
    accumulator: REGISTER,
    output: REGISTER,
    seed: fc.nat(),
  })
  .chain((drawn) => {
    const { inputRows, inputColumns, channels } = drawn.fields;
    return raws(drawn.operand.format, inputRows * inputColumns * channels).map((values) => ({ ...drawn, values }));
  });

const byPlace = (a: RegisterEvent, b: RegisterEvent): number =>
  a.cycle - b.cycle || a.column - b.column || a.register.localeCompare(b.register);

describe("pool", () => {
  it("is what plain loops over outputs and windows give, in the cycles of its steps", () => {
    fc.assert(
      fc.property(CASE, (drawn) => {
        const { result, outputs, events, cycles } = watch(programFor(drawn), drawn.values, POOL_INDEX);
        const wanted = expected(drawn);
        expect(result.fault).toBeNull();
        expect(outputs).toEqual(wanted.outputs);
        expect([...events].sort(byPlace)).toEqual([...wanted.events].sort(byPlace));
        expect(cycles).toBe(wanted.cycles);
      }),
      { numRuns: 400 },
    );
  });

  const square = {
    kind: "average",
    inputRows: 2,
    inputColumns: 2,
    outputRows: 1,
    outputColumns: 1,
    channels: 1,
    kernelRows: 3,
    kernelColumns: 3,
    strideRows: 1,
    strideColumns: 1,
    padTop: 1,
    padLeft: 1,
    countPadding: false,
  } as const;
  const base: Case = {
    lanes: 1,
    inputPort: 4096,
    outputPort: 4096,
    fields: square,
    operand: register(fixedPoint(8, 0)),
    accumulator: register(fixedPoint(8, 0)),
    output: register(fixedPoint(8, 2)),
    values: [1n, 2n, 4n, 6n],
    seed: 0,
  };

  it("averages 1, 2, 4 and 6 to 3.25 over the four valid positions and to 1.5 over all nine", () => {
    const average = (fields: Partial<Case["fields"]>): readonly bigint[] =>
      watch(programFor({ ...base, fields: { ...square, ...fields } }), base.values, POOL_INDEX).outputs;
    expect(average({})).toEqual([13n]);
    expect(average({ countPadding: true })).toEqual([6n]);
    expect(average({ kind: "averageDivider", countPadding: true })).toEqual([6n]);
  });

  it("multiplies by the nearest 16-bit reciprocal: ones over windows of 1 to 12", () => {
    const results = Array.from({ length: 12 }, (_, index) => {
      const n = index + 1;
      const row = { ...square, inputRows: 1, inputColumns: n, kernelRows: 1, kernelColumns: n, padTop: 0, padLeft: 0 };
      const drawn = {
        ...base,
        fields: row,
        output: register(fixedPoint(40, 16)),
        values: new Array<bigint>(n).fill(1n),
      };
      return watch(programFor(drawn), drawn.values, POOL_INDEX).outputs[0];
    });
    // n · nearest(65536 / n)
    expect(results.map((raw) => Number((raw ?? 0n) - 65536n))).toEqual([0, 0, -1, 0, -1, 2, -2, 0, 2, 4, 2, -4]);
  });

  it("takes the maximum of negative words, never of padding", () => {
    const fields = { ...square, kind: "maximum" } as const;
    expect(watch(programFor({ ...base, fields }), [-5n, -7n, -6n, -9n], POOL_INDEX).outputs).toEqual([-5n]);
  });

  it("faults where a window covers padding only, unless padding counts", () => {
    const outside = { ...square, outputRows: 4 } as const;
    expect(runImages(programFor({ ...base, fields: outside }), [base.values]).fault).toMatchObject({
      kind: "configuration",
      pc: POOL_INDEX,
      message: "the window of output row 3, column 0 covers padding only",
    });
    const counted = { ...outside, countPadding: true } as const;
    expect(watch(programFor({ ...base, fields: counted }), base.values, POOL_INDEX).outputs.at(-1)).toBe(0n);
  });
});
