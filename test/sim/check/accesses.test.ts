import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { accessesOf } from "../../../sim/check/accesses.ts";
import { wordCount } from "../../../sim/check/word-runs.ts";
import { type ConfiguredInstruction, walkConfiguration } from "../../../sim/configuration.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { configureAll, HALT, load, matrix, pixels, pool, program, reduction } from "./build.ts";

/** Bit addresses of the words an instruction touches, by memory and direction, from the text of its definition. */
function naive(configured: ConfiguredInstruction): Map<string, Set<number>> {
  const touched = new Map<string, Set<number>>();
  const touch = (memory: string, address: number): void => {
    const words = touched.get(memory) ?? new Set();
    touched.set(memory, words.add(address));
  };
  const { instruction: i } = configured;
  if (configured.opcode === "load" && i.opcode === "load") {
    const { source, input } = configured;
    for (let y = 0; y < i.rows; y++)
      for (let x = 0; x < i.columns; x++)
        for (let c = 0; c < i.channels; c++)
          touch("read dram", i.dramAddress + (y * i.rowStride + x * i.columnStride + c) * source.format.wordLength);
    const count = (i.padTop + i.rows + i.padBottom) * (i.padLeft + i.columns + i.padRight) * i.channels;
    for (let word = 0; word < count; word++) touch(`write ${i.target}`, i.address + word * input.format.wordLength);
  }
  if (i.opcode === "store") {
    for (let y = 0; y < i.rows; y++)
      for (let x = 0; x < i.columns; x++)
        for (let c = 0; c < i.channels; c++) {
          touch("write dram", i.dramAddress + (y * i.rowStride + x * i.columnStride + c) * i.wordLength);
          touch("read outputBuffer", i.address + ((y * i.columns + x) * i.channels + c) * i.wordLength);
        }
  }
  if (configured.opcode === "matrix" && i.opcode === "matrix") {
    const { pixels: p, reduction: r, operandA, weight, accumulator } = configured;
    for (let e = 0; e < p.rowCount * p.columnCount; e++) {
      const pixel = Math.floor(e / p.columnCount) * p.rowStride + (e % p.columnCount) * p.columnStride;
      for (let k = i.reductionStart; k < i.reductionStart + i.reductionLength; k++) {
        const inner = k % r.innerCount;
        const middle = Math.floor(k / r.innerCount) % r.middleCount;
        const outer = Math.floor(k / r.innerCount / r.middleCount);
        const step = outer * r.outerStride + middle * r.middleStride + inner * r.innerStride;
        touch("read inputScratchpad", i.inputAddress + (pixel + step) * operandA.format.wordLength);
        for (let n = 0; n < i.columns; n++) {
          const word = (k - i.reductionStart) * i.weightPitch + n;
          touch("read weightScratchpad", i.weightAddress + word * weight.format.wordLength);
        }
      }
      for (let n = 0; n < i.columns; n++) {
        const address = i.accumulatorAddress + (e * i.accumulatorPitch + n) * accumulator.format.wordLength;
        touch("write accumulatorBank", address);
        if (i.accumulate) touch("read accumulatorBank", address);
      }
    }
  }
  if (configured.opcode === "preload" && i.opcode === "preload") {
    const { accumulator, bias } = configured;
    for (let e = 0; e < i.pixels; e++)
      for (let n = 0; n < i.columns; n++) {
        touch("read weightScratchpad", i.biasAddress + n * bias.format.wordLength);
        touch(
          "write accumulatorBank",
          i.accumulatorAddress + (e * i.accumulatorPitch + n) * accumulator.format.wordLength,
        );
      }
  }
  if (configured.opcode === "requantize" && i.opcode === "requantize") {
    const { accumulator, scale, bias, output } = configured;
    for (let e = 0; e < i.pixels; e++)
      for (let n = 0; n < i.columns; n++) {
        const place = e * i.accumulatorPitch + n;
        const { operandA, operandB } = configured;
        const bits = (operandA ?? accumulator).format.wordLength;
        touch(operandA ? "read inputScratchpad" : "read accumulatorBank", i.accumulatorAddress + place * bits);
        if (operandB) {
          const second = i.accumulatorAddress + i.pixels * i.accumulatorPitch * bits;
          touch("read inputScratchpad", second + place * operandB.format.wordLength);
          if (scale) touch("read weightScratchpad", i.scaleAddress + (i.columns + n) * scale.format.wordLength);
        }
        if (scale) touch("read weightScratchpad", i.scaleAddress + n * scale.format.wordLength);
        if (bias) touch("read weightScratchpad", i.biasAddress + n * bias.format.wordLength);
        touch("write outputBuffer", i.outputAddress + (e * i.outputPitch + n) * output.format.wordLength);
      }
  }
  if (configured.opcode === "pool" && i.opcode === "pool") {
    const outputBits = (configured.sum ?? configured.average?.output ?? configured.operandA).format.wordLength;
    const output = configured.sum ? "write accumulatorBank" : "write outputBuffer";
    for (let y = 0; y < i.outputRows; y++)
      for (let x = 0; x < i.outputColumns; x++)
        for (let c = 0; c < i.channels; c++) {
          touch(output, i.outputAddress + ((y * i.outputColumns + x) * i.channels + c) * outputBits);
          for (let a = 0; a < i.kernelRows; a++)
            for (let b = 0; b < i.kernelColumns; b++) {
              const [row, column] = [y * i.strideRows - i.padTop + a, x * i.strideColumns - i.padLeft + b];
              if (row < 0 || column < 0 || row >= i.inputRows || column >= i.inputColumns) continue;
              const word = (row * i.inputColumns + column) * i.channels + c;
              touch("read inputScratchpad", i.inputAddress + word * configured.operandA.format.wordLength);
            }
        }
  }
  if (configured.opcode === "vector" && i.opcode === "vector") {
    const { table, scale, output } = configured;
    const { wordLength } = (scale ?? output).format;
    const constant = (index: number): void => touch("read weightScratchpad", i.tableAddress + index * wordLength);
    for (let entry = 0; table !== null && entry < table.entries; entry++) constant(entry);
    for (let e = 0; i.operation === "slopes" && e < i.elements; e++) constant(e % i.period);
    for (let e = 0; e < i.elements; e++) {
      touch("read inputScratchpad", i.addressA + e * configured.operandA.format.wordLength);
      const { operandB } = configured;
      if (operandB) touch("read inputScratchpad", i.addressB + e * operandB.format.wordLength);
      touch("write outputBuffer", i.outputAddress + e * configured.output.format.wordLength);
    }
  }
  return touched;
}

function listed(configured: ConfiguredInstruction): Map<string, Set<number>> {
  const touched = new Map<string, Set<number>>();
  for (const access of accessesOf(configured)) {
    const runs = access.words();
    const name = `${access.write ? "write" : "read"} ${access.memory}`;
    const words = touched.get(name) ?? new Set();
    for (let index = 0; index < runs.length; index += 2) {
      for (let word = runs[index] as number; word < (runs[index + 1] as number); word++) {
        words.add(access.address + word * access.wordLength);
      }
    }
    expect(access.lastWord).toBe((runs.at(-1) ?? 0) - 1);
    touched.set(name, words);
  }
  return touched;
}

const sorted = (touched: Map<string, Set<number>>): Record<string, number[]> =>
  Object.fromEntries([...touched].map(([name, words]) => [name, [...words].sort((a, b) => a - b)]));

function lastOf(instructions: readonly Instruction[]): ConfiguredInstruction {
  const walk = walkConfiguration(program([...configureAll(8), ...instructions, HALT]));
  if ("fault" in walk) throw new Error(walk.fault.message);
  return walk.configured.at(-2) as ConfiguredInstruction;
}

describe("words an instruction touches", () => {
  test("are those of nested loops over its definition, in whole programs", () => {
    fc.assert(
      fc.property(machinePrograms(), (drawn) => {
        const walk = walkConfiguration(drawn.program);
        if ("fault" in walk) throw new Error(walk.fault.message);
        for (const configured of walk.configured) expect(sorted(listed(configured))).toEqual(sorted(naive(configured)));
      }),
      { numRuns: 100 },
    );
  });

  test("and for matrix instructions with any counters, strides and pitches", () => {
    const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
    const drawn = fc.record({
      pixel: fc.record({
        rowCount: small(1, 4),
        columnCount: small(1, 4),
        rowStride: small(0, 20),
        columnStride: small(0, 9),
      }),
      counters: fc.record({
        outerCount: small(1, 4),
        middleCount: small(1, 3),
        innerCount: small(1, 3),
        outerStride: small(0, 30),
        middleStride: small(0, 9),
        innerStride: small(0, 4),
      }),
      columns: small(1, 3),
      extra: small(0, 2),
      start: small(0, 6),
      length: small(1, 12),
      accumulate: fc.boolean(),
    });
    fc.assert(
      fc.property(drawn, ({ pixel, counters, columns, extra, start, length, accumulate }) => {
        const steps = counters.outerCount * counters.middleCount * counters.innerCount;
        const reductionStart = Math.min(start, steps - 1);
        const configured = lastOf([
          pixels(pixel),
          reduction(counters),
          matrix({
            columns,
            weightPitch: columns + extra,
            accumulatorPitch: columns + 2 * extra,
            reductionStart,
            reductionLength: Math.min(length, steps - reductionStart),
            accumulate,
            inputAddress: 24,
          }),
        ]);
        expect(sorted(listed(configured))).toEqual(sorted(naive(configured)));
      }),
      { numRuns: 500 },
    );
  });

  test("pooling with strides beyond the window skips the words between", () => {
    const configured = lastOf([
      pool({
        inputRows: 7,
        inputColumns: 5,
        outputRows: 3,
        outputColumns: 2,
        channels: 2,
        kernelRows: 1,
        kernelColumns: 2,
        strideRows: 3,
        strideColumns: 3,
      }),
    ]);
    expect(sorted(listed(configured))).toEqual(sorted(naive(configured)));
    const [read] = accessesOf(configured);
    expect(wordCount(read?.words() ?? [])).toBe(3 * 4 * 2);
  });

  test("a strided, padded load", () => {
    const configured = lastOf([
      load({
        rows: 3,
        columns: 2,
        channels: 2,
        rowStride: 9,
        columnStride: 3,
        padTop: 1,
        padRight: 2,
        dramAddress: 64,
      }),
    ]);
    expect(sorted(listed(configured))).toEqual(sorted(naive(configured)));
  });
});
