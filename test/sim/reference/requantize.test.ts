import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, registerGenerator } from "../../../isa/numerics/random.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { REGISTER, raws } from "./matrix-problem.ts";
import {
  activation,
  type ClipEnds,
  HALT,
  load,
  matrix,
  NO_ENDS,
  pixels,
  placeTensors,
  programOf,
  reduction,
  requantize,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
} from "./programs.ts";
import { type RegisterEvent, watch } from "./watch.ts";

interface Case {
  readonly lanes: number;
  readonly pixelCount: number;
  readonly filters: number;
  readonly ports: { readonly accumulator: number; readonly weights: number; readonly output: number };
  readonly accumulator: RegisterSpec;
  readonly sum: RegisterSpec | null;
  /** Excludes the sum register. */
  readonly scale: RegisterSpec | null;
  readonly bias: RegisterSpec | null;
  readonly output: RegisterSpec;
  readonly activation: "none" | "relu" | "clip";
  readonly ends: ClipEnds;
  readonly values: readonly bigint[];
  readonly scales: readonly bigint[];
  readonly biases: readonly bigint[];
  readonly seed: number;
}

const SCALE_ADDRESS = 2001;

/** Brings `values` into the bank (times a weight of one) and requantizes them. */
function programFor(drawn: Case) {
  const { lanes, pixelCount, filters, ports, accumulator, output } = drawn;
  const bias = drawn.bias ?? accumulator;
  const scale = drawn.scale ?? accumulator;
  const count = pixelCount * filters;
  const machine = {
    ...SMALL_MACHINE,
    columns: lanes,
    accumulatorBank: { ...SMALL_MACHINE.accumulatorBank, bitsPerCycle: ports.accumulator },
    weightScratchpad: { ...SMALL_MACHINE.weightScratchpad, bitsPerCycle: ports.weights },
    outputBuffer: { ...SMALL_MACHINE.outputBuffer, bitsPerCycle: ports.output },
  };
  const one = fixedPoint(2, 0);
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: accumulator.format, length: count },
    { name: "one", role: "constant", format: one, length: 1, values: [1] },
    { name: "bias", role: "constant", format: bias.format, length: filters, values: drawn.biases },
    { name: "scale", role: "constant", format: scale.format, length: filters, values: drawn.scales },
    { name: "output", role: "output", format: output.format, length: count },
  ];
  const [, oneTensor, biasTensor, scaleTensor, outputTensor] = placeTensors(tensors);
  const identity = register(accumulator.format);
  return programOf(
    machine,
    tensors,
    [
      set("source", accumulator.format),
      set("input", accumulator.format),
      load({ channels: count }),
      set("source", one),
      set("input", one),
      load({ target: "weightScratchpad", channels: 1, dramAddress: oneTensor?.address ?? 0, address: 1000 }),
      set("source", bias.format),
      set("input", bias.format),
      load({ target: "weightScratchpad", channels: filters, dramAddress: biasTensor?.address ?? 0 }),
      set("source", scale.format),
      set("input", scale.format),
      load({
        target: "weightScratchpad",
        channels: filters,
        dramAddress: scaleTensor?.address ?? 0,
        address: SCALE_ADDRESS,
      }),
      SYNCHRONISE,
      set("operandA", accumulator.format),
      set("weight", one),
      set("product", identity),
      set("accumulator", identity),
      pixels(1, count, 0, 1),
      reduction([1, 1, 1], [0, 0, 0]),
      matrix({ columns: 1, reductionLength: 1, weightAddress: 1000 }),
      set("accumulator", accumulator),
      set("output", output),
      activation(drawn.activation, drawn.ends),
      ...(drawn.bias === null ? [] : [set("bias", drawn.bias)]),
      ...(drawn.sum === null ? [] : [set("sum", drawn.sum)]),
      ...(drawn.scale === null ? [] : [set("scale", drawn.scale)]),
      requantize({
        pixels: pixelCount,
        columns: filters,
        hasBias: drawn.bias !== null,
        useSum: drawn.sum !== null,
        hasScale: drawn.scale !== null,
        scaleAddress: SCALE_ADDRESS,
      }),
      SYNCHRONISE,
      store({ channels: count, wordLength: output.format.wordLength, dramAddress: outputTensor?.address ?? 0 }),
      HALT,
    ],
    { seed: drawn.seed },
  );
}

/** The definition in the doc comment of Requantize, by value: rationals as raw and fraction length. */
function expected(drawn: Case, index: number) {
  const { lanes, filters, ports, accumulator, sum, scale, bias, output } = drawn;
  const outputs: bigint[] = [];
  const events: RegisterEvent[] = [];
  const generators = new Map<string, RandomWordSource>();
  const groups = Math.ceil(filters / lanes);
  const m = Math.max(
    Math.ceil((lanes * accumulator.format.wordLength) / ports.accumulator),
    Math.ceil((lanes * ((bias?.format.wordLength ?? 0) + (scale?.format.wordLength ?? 0))) / ports.weights),
    Math.ceil((lanes * output.format.wordLength) / ports.output),
  );
  for (let e = 0; e < drawn.pixelCount; e++) {
    for (let n = 0; n < filters; n++) {
      const lane = n % lanes;
      const cycle = (e * groups + Math.floor(n / lanes)) * m + m - 1;
      const write = (name: "accumulator" | "sum" | "output", spec: RegisterSpec, raw: bigint, fraction: number) => {
        const code = { accumulator: 2, sum: 3, output: 4 }[name];
        const key = `${name} ${lane}`;
        const generator = generators.get(key) ?? registerGenerator(drawn.seed, index, 0, code, 0, lane);
        generators.set(key, generator);
        const after = quantize(raw, fraction, spec, generator).raw;
        events.push({ register: name, cycle, row: 0, column: lane, pixel: e, channel: n, step: -1, after });
        return after;
      };
      let value = drawn.values[e * filters + n] ?? 0n;
      let fraction = accumulator.format.fractionLength;
      const [name, spec] = sum === null ? (["accumulator", accumulator] as const) : (["sum", sum] as const);
      if (sum !== null) {
        value = write(name, spec, value, fraction);
        fraction = spec.format.fractionLength;
      }
      if (scale !== null) {
        value *= drawn.scales[n] ?? 0n;
        fraction += scale.format.fractionLength;
      }
      if (bias !== null) {
        const common = Math.max(fraction, bias.format.fractionLength);
        const exact =
          value * 2n ** BigInt(common - fraction) +
          (drawn.biases[n] ?? 0n) * 2n ** BigInt(common - bias.format.fractionLength);
        value = scale === null ? write(name, spec, exact, common) : exact;
        fraction = scale === null ? spec.format.fractionLength : common;
      }
      if (drawn.activation === "relu" && value < 0n) value = 0n;
      if (drawn.activation === "clip") {
        const { ends } = drawn;
        const common = Math.max(fraction, ends.fractionLength);
        const [lowest, highest] = [ends.lowest, ends.highest].map(
          (end) => end * 2n ** BigInt(common - ends.fractionLength),
        );
        value *= 2n ** BigInt(common - fraction);
        if (value < (lowest ?? 0n)) value = lowest ?? 0n;
        if (value > (highest ?? 0n)) value = highest ?? 0n;
        fraction = common;
      }
      outputs.push(write("output", output, value, fraction));
    }
  }
  return { outputs, events, cycles: drawn.pixelCount * groups * m };
}

const CASE: fc.Arbitrary<Case> = fc
  .record({
    lanes: fc.integer({ min: 1, max: 4 }),
    pixelCount: fc.integer({ min: 1, max: 4 }),
    filters: fc.integer({ min: 1, max: 7 }),
    ports: fc.record({
      accumulator: fc.constantFrom(5, 4096),
      weights: fc.constantFrom(3, 4096),
      output: fc.constantFrom(7, 4096),
    }),
    accumulator: REGISTER,
    finish: fc.oneof(
      fc.constant({ sum: null, scale: null }),
      REGISTER.map((sum) => ({ sum, scale: null })),
      REGISTER.map((scale) => ({ sum: null, scale })),
    ),
    bias: fc.option(REGISTER),
    output: REGISTER,
    activation: fc.constantFrom("none", "relu", "clip"),
    ends: fc.record({
      lowest: fc.bigInt({ min: -40n, max: 40n }),
      highest: fc.bigInt({ min: -40n, max: 300n }),
      fractionLength: fc.integer({ min: -4, max: 10 }),
    }),
    seed: fc.nat(),
  })
  .chain(({ finish, ...drawn }) => {
    const fields = { ...drawn, ...finish };
    return fc
      .record({
        values: raws(fields.accumulator.format, fields.pixelCount * fields.filters),
        scales: raws((fields.scale ?? fields.accumulator).format, fields.filters),
        biases: raws((fields.bias ?? fields.accumulator).format, fields.filters),
      })
      .map((values) => ({ ...fields, ...values }));
  });

const MINIMAL: Case = {
  lanes: 1,
  pixelCount: 1,
  filters: 1,
  ports: { accumulator: 4096, weights: 4096, output: 4096 },
  accumulator: register(fixedPoint(6, 1)),
  sum: null,
  scale: null,
  bias: null,
  output: register(fixedPoint(6, 1)),
  activation: "none",
  ends: NO_ENDS,
  values: [1n],
  scales: [1n],
  biases: [1n],
  seed: 0,
};

describe("requantize", () => {
  it("is accumulator, sum or scale, bias, activation, output in this order, lane by lane, in the cycles of its steps", () => {
    fc.assert(
      fc.property(CASE, (drawn) => {
        const program = programFor(drawn);
        const index = program.instructions.findIndex(({ opcode }) => opcode === "requantize");
        const { result, outputs, events, cycles } = watch(program, drawn.values, index);
        const wanted = expected(drawn, index);
        expect(result.fault).toBeNull();
        expect(outputs).toEqual(wanted.outputs);
        expect(events).toEqual(wanted.events);
        expect(cycles).toBe(wanted.cycles);
      }),
      { numRuns: 400 },
    );
  });

  it("by hand: 3.5 + 0.25 in halves, relu, cut to integers of 3 bits", () => {
    const drawn: Case = {
      lanes: 2,
      pixelCount: 1,
      filters: 3,
      ports: { accumulator: 4096, weights: 4096, output: 4096 },
      accumulator: register(fixedPoint(6, 1), "nearest"),
      sum: null,
      scale: null,
      scales: [1n, 1n, 1n],
      bias: register(fixedPoint(6, 2)),
      output: register(fixedPoint(3, 0), "down"),
      activation: "relu",
      ends: NO_ENDS,
      // 3.5, −4, 15.5
      values: [7n, -8n, 31n],
      // 0.25, 0.5, 1
      biases: [1n, 2n, 4n],
      seed: 0,
    };
    const program = programFor(drawn);
    const { outputs, events, result } = watch(
      program,
      drawn.values,
      program.instructions.findIndex(({ opcode }) => opcode === "requantize"),
    );
    // 3.75 → 4.0 (tie away) → 4 saturates to 3; −3.5 → 0; 16.5 saturates to 15.5 → 15 → 3
    expect(outputs).toEqual([3n, 0n, 3n]);
    expect(events.map(({ register: name, cycle, after }) => [name, cycle, after])).toEqual([
      ["accumulator", 0, 8n],
      ["output", 0, 3n],
      ["accumulator", 0, -7n],
      ["output", 0, 0n],
      ["accumulator", 1, 31n],
      ["output", 1, 3n],
    ]);
    expect(result.evidence[0]?.accumulator?.overflow).toBe(1);
    expect(result.evidence[0]?.output?.overflow).toBe(2);
  });

  it("by hand: three sums times 3, 1 and −5 eighths, plus 1 in sixteenths, relu6, to the nearest quarter", () => {
    const drawn: Case = {
      lanes: 4,
      pixelCount: 1,
      filters: 3,
      ports: { accumulator: 4096, weights: 4096, output: 4096 },
      accumulator: register(fixedPoint(6, 1)),
      sum: null,
      scale: register(fixedPoint(4, 3)),
      scales: [3n, 1n, -5n],
      bias: register(fixedPoint(6, 4)),
      output: register(fixedPoint(4, 2), "nearest", "saturate"),
      activation: "clip",
      // 0.25 and 1.5 in quarters
      ends: { lowest: 1n, highest: 6n, fractionLength: 2 },
      // 2.5, −4, −15.5
      values: [5n, -8n, -31n],
      biases: [1n, 1n, 1n],
      seed: 0,
    };
    const program = programFor(drawn);
    const index = program.instructions.findIndex(({ opcode }) => opcode === "requantize");
    const { outputs, events, result } = watch(program, drawn.values, index);
    // 0.9375 + 0.0625 = 1; −0.4375 → 0.25; 9.6875 + 0.0625 → 1.5
    expect(outputs).toEqual([4n, 1n, 6n]);
    expect(events.map(({ register: name }) => name)).toEqual(["output", "output", "output"]);
    expect(Object.keys(result.evidence[0] ?? {}).sort()).toEqual(["accumulator", "output", "product"]);
  });

  it("takes a scale or the sum register, not both", () => {
    const both = { ...MINIMAL, sum: MINIMAL.accumulator, scale: MINIMAL.accumulator };
    const { result } = watch(programFor(both), both.values, 0);
    expect(result.fault).toMatchObject({ kind: "configuration", message: expect.stringContaining("sum register") });
  });
});
