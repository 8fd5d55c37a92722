import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FixedPointFormat, rawRange } from "../../../../isa/numerics/format.ts";
import type { OverflowMode } from "../../../../isa/numerics/overflow.ts";
import { quantize } from "../../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register } from "../../../../isa/numerics/register.ts";
import { NumberChain } from "../../../../sim/fast/arithmetic/number-chain.ts";
import {
  ELEMENT_WISE_OPERATIONS,
  type ElementWiseOperation,
  type RequantizeTask,
} from "../../../../sim/fast/kernels/contract.ts";
import { VECTOR_KERNELS, wasmKernels } from "../../../../sim/fast/kernels/wasm/library.ts";
import { WASM_MISSING } from "../../../../sim/fast/kernels/wasm/modules.ts";
import { hasVectors } from "../../../../sim/fast/kernels/wasm/web-assembly.ts";
import { setWord, wordAt } from "../../../../sim/fast/memory/words.ts";
import { deterministicRoundingModes, rawsOf } from "../../../arbitraries/numerics.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 3000 : 300;

const overflows = fc.constantFrom<OverflowMode>("saturate", "saturate-symmetric", "wrap");

function formats(maxWordLength: number): fc.Arbitrary<FixedPointFormat> {
  return fc.record({
    wordLength: fc.integer({ min: 1, max: maxWordLength }),
    fractionLength: fc.integer({ min: -3, max: 12 }),
    signed: fc.boolean(),
  });
}

function registers(maxWordLength: number): fc.Arbitrary<RegisterSpec> {
  return fc
    .tuple(formats(maxWordLength), deterministicRoundingModes(), overflows)
    .map(([format, rounding, overflow]) => register(format, rounding, overflow));
}

const drawn = fc
  .record({
    accumulator: formats(36),
    sum: fc.option(registers(20)),
    adding: registers(20),
    bias: fc.option(formats(12)),
    output: registers(34),
    activation: fc.constantFrom<"none" | "relu" | "clip">("none", "relu", "clip"),
    /** The task says that its values need doubles. */
    large: fc.boolean(),
    lowest: fc.bigInt({ min: -50n, max: 20n }),
    highest: fc.bigInt({ min: -20n, max: 50n }),
    pixels: fc.integer({ min: 1, max: 4 }),
    filters: fc.integer({ min: 1, max: 5 }),
  })
  .chain((parts) =>
    fc.record({
      parts: fc.constant(parts),
      words: fc.array(rawsOf(parts.accumulator), { minLength: 1, maxLength: 20 }),
      biases: fc.array(rawsOf(parts.bias ?? parts.accumulator), { minLength: 1, maxLength: 5 }),
    }),
  );

describe.runIf(WASM_MISSING === null)("requantization on vectors", () => {
  const library = wasmKernels();

  it("equals isa/quantize stage by stage, word for word and overflow for overflow", () => {
    let reached = 0;
    fc.assert(
      fc.property(drawn, ({ parts, words, biases }) => {
        const { accumulator, sum, bias, output, activation, large, pixels, filters } = parts;
        const lowest = activation === "clip" ? parts.lowest : 0n;
        const adding = sum ?? parts.adding;
        const value = (sum?.format ?? accumulator).fractionLength;
        const addedFraction = Math.max(value, bias?.fractionLength ?? value);
        const result = bias === null ? value : adding.format.fractionLength;
        const [sumPitch, outputPitch] = [filters + 1, filters + 2];
        const sums = library.allocate(accumulator, pixels * sumPitch + 2);
        const outputs = library.allocate(output.format, pixels * outputPitch + 3);
        const biasWords = library.allocate(bias ?? accumulator, filters + 1);
        for (let index = 0; index < sums.length; index++) setWord(sums, index, words[index % words.length] ?? 0n);
        for (let index = 0; index <= filters; index++) setWord(biasWords, index, biases[index % biases.length] ?? 0n);
        const chain = new NumberChain(rawRange(accumulator));
        if (sum) chain.quantizer(accumulator.fractionLength, sum);
        if (bias) {
          chain.add(addedFraction - value, bias, addedFraction - bias.fractionLength);
          chain.quantizer(addedFraction, adding);
        }
        chain.quantizer(result, output);
        const task: RequantizeTask = {
          magnitude: large ? 2n ** 52n : chain.largest,
          pixels,
          filters,
          sums,
          sumBase: 2,
          sumPitch,
          outputs,
          outputBase: 3,
          outputPitch,
          biases:
            bias === null ? null : { words: biasWords, base: 1, scale: 2 ** (addedFraction - bias.fractionLength) },
          before: sum && { droppedBits: accumulator.fractionLength - sum.format.fractionLength, register: sum },
          valueScale: 2 ** (addedFraction - value),
          added: bias && { droppedBits: addedFraction - adding.format.fractionLength, register: adding },
          activation: { kind: activation, scale: 1, lowest: Number(lowest), highest: Number(parts.highest) },
          written: { droppedBits: result - output.format.fractionLength, register: output },
        };
        const bound = library.requantize?.(task);
        if (!bound) return;
        reached++;

        const counts = { before: 0, added: 0, written: 0 };
        const expected: bigint[] = [];
        for (let pixel = 0; pixel < pixels; pixel++) {
          for (let filter = 0; filter < filters; filter++) {
            let word = wordAt(sums, 2 + pixel * sumPitch + filter);
            const write = (stage: keyof typeof counts, exact: bigint, fraction: number, spec: RegisterSpec): bigint => {
              const { raw, overflowed } = quantize(exact, fraction, spec);
              if (overflowed) counts[stage]++;
              return raw;
            };
            if (sum) word = write("before", word, accumulator.fractionLength, sum);
            if (bias) {
              const aligned = wordAt(biasWords, 1 + filter) << BigInt(addedFraction - bias.fractionLength);
              word = write("added", (word << BigInt(addedFraction - value)) + aligned, addedFraction, adding);
            }
            if (activation !== "none" && word < lowest) word = lowest;
            if (activation === "clip" && word > parts.highest) word = parts.highest;
            expected.push(write("written", word, result, output));
          }
        }
        for (let time = 0; time < 2; time++) bound.run();
        const found = expected.map((_, index) =>
          wordAt(outputs, 3 + Math.floor(index / filters) * outputPitch + (index % filters)),
        );
        expect(found).toEqual(expected);
        expect([bound.before.overflows, bound.added.overflows, bound.written.overflows]).toEqual([
          counts.before,
          counts.added,
          counts.written,
        ]);
      }),
      { numRuns: RUNS },
    );
    expect(reached).toBeGreaterThan(RUNS / 4);
  });

  it("leaves words beside its rows alone", () => {
    const format = { wordLength: 16, fractionLength: 0, signed: true };
    const sums = library.allocate(format, 3);
    const outputs = library.allocate(format, 5);
    for (let index = 0; index < 3; index++) setWord(sums, index, 7n);
    for (let index = 0; index < 5; index++) setWord(outputs, index, -1n);
    library
      .requantize?.({
        pixels: 1,
        filters: 3,
        sums,
        sumBase: 0,
        sumPitch: 3,
        outputs,
        outputBase: 1,
        outputPitch: 3,
        biases: null,
        before: null,
        valueScale: 1,
        added: null,
        activation: { kind: "none", scale: 1, lowest: 0, highest: 0 },
        written: { droppedBits: 0, register: register(format) },
        magnitude: 2n ** 15n,
      })
      ?.run();
    expect([...outputs].map(Number)).toEqual([-1, 7, 7, 7, -1]);
  });
});

describe.runIf(WASM_MISSING === null)("vector instructions on vectors", () => {
  const EXACT: Readonly<Record<ElementWiseOperation, (a: bigint, b: bigint) => bigint>> = {
    copy: (a) => a,
    add: (a, b) => a + b,
    subtract: (a, b) => a - b,
    multiply: (a, b) => a * b,
    maximum: (a, b) => (a > b ? a : b),
    minimum: (a, b) => (a < b ? a : b),
  };
  const cases = fc
    .record({
      operation: fc.constantFrom(...ELEMENT_WISE_OPERATIONS),
      formatA: formats(34),
      formatB: formats(20),
      shiftA: fc.integer({ min: 0, max: 4 }),
      shiftB: fc.integer({ min: 0, max: 4 }),
      output: registers(34),
      activation: fc.constantFrom<"none" | "relu" | "clip">("none", "relu", "clip"),
      clipShift: fc.integer({ min: 0, max: 2 }),
      clipLowest: fc.bigInt({ min: -50n, max: 20n }),
      clipHighest: fc.bigInt({ min: -20n, max: 50n }),
      elements: fc.integer({ min: 1, max: 11 }),
    })
    .chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        wordsA: fc.array(rawsOf(parts.formatA), { minLength: 1, maxLength: 11 }),
        wordsB: fc.array(rawsOf(parts.formatB), { minLength: 1, maxLength: 11 }),
      }),
    );

  it("equal isa/quantize of the exact result, word for word and overflow for overflow, in integers and in doubles", () => {
    const library = wasmKernels();
    const reached = { integers: 0, doubles: 0 };
    fc.assert(
      fc.property(cases, fc.boolean(), ({ parts, wordsA, wordsB }, large) => {
        const { operation, formatA, formatB, shiftA, shiftB, output, activation, clipShift, elements } = parts;
        const lowest = activation === "clip" ? parts.clipLowest : 0n;
        const highest = parts.clipHighest;
        const [a, b] = [library.allocate(formatA, elements + 1), library.allocate(formatB, elements + 2)];
        const outputs = library.allocate(output.format, elements + 2);
        for (let index = 0; index <= elements; index++) setWord(a, index, wordsA[index % wordsA.length] ?? 0n);
        for (let index = 0; index < b.length; index++) setWord(b, index, wordsB[index % wordsB.length] ?? 0n);
        for (let index = 0; index < outputs.length; index++) setWord(outputs, index, 0n);
        const valueShift = activation === "clip" ? clipShift : 0;
        const exact = Array.from({ length: elements }, (_, element) => {
          const left = wordAt(a, 1 + element) << BigInt(shiftA);
          const result = EXACT[operation](left, wordAt(b, 2 + element) << BigInt(shiftB)) << BigInt(valueShift);
          if (activation === "none") return result;
          const raised = result < lowest ? lowest : result;
          return activation === "clip" && raised > highest ? highest : raised;
        });
        const range = ({ min, max }: { min: bigint; max: bigint }, shift: number) => ({
          min: min << BigInt(shift),
          max: max << BigInt(shift),
        });
        const [left, right] = [range(rawRange(formatA), shiftA), range(rawRange(formatB), shiftB)];
        const ends = [left.min, left.max].flatMap((x) => [right.min, right.max].map((y) => EXACT[operation](x, y)));
        const hull = ends.reduce((most, end) => (end > most ? end : -end > most ? -end : most), 0n);
        const chain = new NumberChain(left).become(right).become({ min: -hull, max: hull });
        chain.become(range({ min: -hull, max: hull }, valueShift));
        const { droppedBits } = chain.quantizer(0, output);
        if (!chain.exact) return;
        const magnitude = large ? 2n ** 52n : chain.largest;
        const bound = library.elementWise?.({
          operation,
          elements,
          a,
          baseA: 1,
          scaleA: 2 ** shiftA,
          b,
          baseB: 2,
          scaleB: 2 ** shiftB,
          outputs,
          outputBase: 1,
          activation: {
            kind: activation,
            scale: 2 ** valueShift,
            lowest: Number(lowest),
            highest: Number(highest),
          },
          written: { droppedBits, register: output },
          magnitude,
        });
        if (!bound) return;
        reached[magnitude <= 2n ** 31n - 1n ? "integers" : "doubles"]++;
        for (let time = 0; time < 2; time++) bound.run();
        const expected = exact.map((value) => quantize(value, 0, output));
        const around = [0n, ...expected.map(({ raw }) => raw), 0n];
        expect(around.map((_, index) => wordAt(outputs, index))).toEqual(around);
        expect(bound.written.overflows).toBe(expected.filter(({ overflowed }) => overflowed).length);
      }),
      { numRuns: 2 * RUNS },
    );
    expect(Math.min(reached.integers, reached.doubles)).toBeGreaterThan(RUNS / 8);
  });
});

describe.runIf(WASM_MISSING === null)("maximum pooling on vectors", () => {
  it("takes the largest word of each window, channel by channel, and writes nothing else", () => {
    const words = fc.record({
      wordLength: fc.constantFrom(8, 32, 40),
      channels: fc.integer({ min: 1, max: 9 }),
      windows: fc.array(fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
      values: fc.array(fc.bigInt({ min: -128n, max: 127n }), { minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(words, ({ wordLength, channels, windows, values }) => {
        const library = wasmKernels();
        const format = { wordLength, fractionLength: 0, signed: true };
        const { max } = rawRange(format);
        const input = library.allocate(format, 7 * channels + 1);
        const output = library.allocate(format, windows.length * channels + 2);
        const top = (value: bigint): bigint => (value === 127n ? max : value);
        for (let index = 0; index < input.length; index++)
          setWord(input, index, top(values[index % values.length] ?? 0n));
        for (let index = 0; index < output.length; index++) setWord(output, index, 5n);
        const offsets = windows.map((window) => window.map((position) => position * channels));
        const ends = offsets.map((_, index) => offsets.slice(0, index + 1).flat().length);
        const maximum = library.maximum?.({
          channels,
          input,
          inputBase: 1,
          output,
          outputBase: 1,
          offsets: Int32Array.from(offsets.flat()),
          ends: Int32Array.from(ends),
        });
        maximum?.();
        const expected = offsets.flatMap((window) =>
          Array.from({ length: channels }, (_, channel) =>
            window.map((offset) => wordAt(input, 1 + offset + channel)).reduce((a, b) => (a > b ? a : b)),
          ),
        );
        expect(Array.from({ length: output.length }, (_, index) => wordAt(output, index))).toEqual([
          5n,
          ...expected,
          5n,
        ]);
      }),
      { numRuns: RUNS / 3 },
    );
  });
});

describe("the library", () => {
  it("does without an implementation that is missing or knows no vectors, and knows one that does", () => {
    expect(hasVectors(undefined)).toBe(false);
    expect(hasVectors({ validate: () => false })).toBe(false);
    expect(hasVectors({ validate: () => true })).toBe(typeof SharedArrayBuffer === "function");
  });

  it("names itself, and what it lacks where it is the plain one", () => {
    expect(VECTOR_KERNELS.name).toBe(WASM_MISSING === null ? "WebAssembly SIMD" : `plain TypeScript (${WASM_MISSING})`);
  });

  it.runIf(WASM_MISSING === null)("serves each program with a memory of its own", () => {
    const [one, other] = [VECTOR_KERNELS.forProgram?.(), VECTOR_KERNELS.forProgram?.()];
    const type = { wordLength: 16, signed: true };
    const words = one?.allocate(type, 100_000) ?? [];
    setWord(words, 3, 9n);
    one?.allocate(type, 10_000_000);
    expect(wordAt(words, 3)).toBe(9n);
    expect(wordAt(other?.allocate(type, 100_000) ?? [], 3)).toBe(0n);
  });
});
