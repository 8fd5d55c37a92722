import { describe, expect, it } from "vitest";
import type { Instruction } from "../../../isa/instructions/table.ts";
import type { Machine } from "../../../isa/machine.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import {
  activation,
  HALT,
  load,
  matrix,
  pixels,
  programOf,
  reduction,
  requantize,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  tokens,
  vector,
} from "./programs.ts";

const FORMAT = fixedPoint(8, 0);
const LOADED: readonly Instruction[] = [
  set("source", FORMAT),
  set("input", FORMAT),
  load({ channels: 8 }),
  SYNCHRONISE,
];
const ARRAY: readonly Instruction[] = [
  ...LOADED.slice(0, 3),
  load({ channels: 8, target: "weightScratchpad" }),
  SYNCHRONISE,
  set("operandA", FORMAT),
  set("weight", FORMAT),
  set("product", FORMAT),
  set("accumulator", FORMAT),
];

/** The fault of a program over one input and one output tensor of eight 8-bit words. */
function faultOf(instructions: readonly Instruction[], machine: Machine = SMALL_MACHINE) {
  const tensors = [
    { name: "input", role: "input", format: FORMAT, length: 8 },
    { name: "empty", role: "intermediate", format: FORMAT, length: 8 },
    { name: "output", role: "output", format: FORMAT, length: 8 },
  ] as const;
  return runImages(programOf(machine, tensors, [...instructions, HALT]), [[1, 2, 3, 4, 5, 6, 7, 8]]).fault;
}

describe("faults, with instruction and cycle", () => {
  it("a word that nobody wrote", () => {
    const settings = [set("operandA", FORMAT), set("output", FORMAT), activation("none")];
    expect(faultOf([...LOADED, ...settings, vector({ operation: "copy", elements: 9 })])).toEqual({
      kind: "uninitialised",
      pc: 7,
      // 3 load, 1 barrier, 3 settings, then four steps of two lanes before element 8.
      cycle: 11,
      message: "inputScratchpad: read of 8 bits at bit 64, but no word was written there",
      site: null,
    });
  });

  it("a word of another length", () => {
    const settings = [set("operandA", fixedPoint(16, 0)), set("output", FORMAT), activation("none")];
    expect(faultOf([...LOADED, ...settings, vector({ operation: "copy", elements: 1 })])).toMatchObject({
      kind: "uninitialised",
      pc: 7,
      message: "inputScratchpad: read of 16 bits at bit 0, but the word there has 8 bits",
    });
  });

  it("a DRAM tensor that nobody wrote, and DRAM outside every tensor or at another word length", () => {
    const at = (dramAddress: number, format = FORMAT) => [
      set("source", format),
      set("input", format),
      load({ channels: 1, dramAddress }),
    ];
    expect(faultOf(at(64))).toMatchObject({
      kind: "uninitialised",
      pc: 2,
      message: "DRAM: read of word 0 of tensor empty, which nobody wrote",
    });
    expect(faultOf(at(1000))).toMatchObject({ kind: "address", pc: 2 });
    expect(faultOf(at(4))).toMatchObject({ kind: "address", pc: 2 });
    expect(faultOf(at(0, fixedPoint(16, 0)))).toMatchObject({ kind: "address", pc: 2 });
  });

  it("a store into a constant", () => {
    const tensors = [
      { name: "input", role: "input", format: FORMAT, length: 1 },
      { name: "fixed", role: "constant", format: FORMAT, length: 1, values: [1] },
      { name: "output", role: "output", format: FORMAT, length: 1 },
    ] as const;
    const program = programOf(SMALL_MACHINE, tensors, [
      ...LOADED.slice(0, 2),
      load({ channels: 1 }),
      set("operandA", FORMAT),
      set("output", FORMAT),
      activation("none"),
      SYNCHRONISE,
      vector({ operation: "copy", elements: 1 }),
      SYNCHRONISE,
      store({ channels: 1, wordLength: 8, dramAddress: 64 }),
      HALT,
    ]);
    expect(runImages(program, [[3]]).fault).toMatchObject({
      kind: "address",
      pc: 9,
      message: "DRAM: write at bit 64 into tensor fixed, which is a constant",
    });
  });

  it("an address beyond a memory", () => {
    const address = SMALL_MACHINE.inputScratchpad.capacityBits - 60;
    expect(faultOf([set("source", FORMAT), set("input", FORMAT), load({ channels: 8, address })])).toMatchObject({
      kind: "address",
      pc: 2,
    });
  });

  it("a register never set, in either unit", () => {
    expect(faultOf([set("source", FORMAT), load({ channels: 1 })])).toEqual({
      kind: "configuration",
      pc: 1,
      cycle: 1,
      message: "register input is used but was never set",
      site: null,
    });
    expect(faultOf([requantize({ pixels: 1, columns: 1 })])).toMatchObject({ kind: "configuration", pc: 0, cycle: 0 });
  });

  it("counters or an activation never set", () => {
    expect(faultOf([...ARRAY, matrix({ columns: 1, reductionLength: 1 })])).toMatchObject({
      kind: "configuration",
      message: "configure.pixels is needed, but there was none",
    });
    expect(
      faultOf([set("operandA", FORMAT), set("output", FORMAT), vector({ operation: "copy", elements: 1 })]),
    ).toMatchObject({ kind: "configuration", pc: 2, message: "configure.activation is needed, but there was none" });
  });

  it("settings that contradict each other", () => {
    const wide = fixedPoint(65, 0);
    expect(faultOf([set("output", wide)])).toMatchObject({ kind: "configuration", pc: 0 });
    expect(faultOf([set("accumulator", wide)])).toBeNull();
    expect(faultOf([set("sum", register(FORMAT, "nearest", "wrap", 9))])).toMatchObject({ kind: "configuration" });
    expect(faultOf([{ ...set("source", FORMAT), opcode: "configure.register" }])).toMatchObject({
      kind: "configuration",
      message: "configure.register cannot set register source of another unit",
    });
  });

  it("steps beyond the counters, a split group, sums that share words", () => {
    const settings = (pixelCount: number, steps: number) => [
      ...ARRAY,
      pixels(1, pixelCount, 0, 1),
      reduction([1, 1, steps], [0, 0, 0]),
    ];
    const stationary: Machine = { ...SMALL_MACHINE, dataflow: "weight-stationary" };
    expect(faultOf([...settings(1, 4), matrix({ columns: 1, reductionStart: 2, reductionLength: 3 })])).toMatchObject({
      kind: "configuration",
      pc: 11,
      message: "steps 2 … 4, but the counters give 4 steps",
    });
    const split = [...settings(1, 4), matrix({ columns: 1, reductionStart: 1, reductionLength: 1 })];
    expect(faultOf(split)).toBeNull();
    expect(faultOf(split, stationary)).toMatchObject({
      kind: "configuration",
      message: "reductionStart 1 splits a group: the weight-stationary array has 2 rows",
    });
    const shared = matrix({ columns: 2, reductionLength: 1, accumulatorPitch: 1 });
    expect(faultOf([...settings(2, 1), shared])).toMatchObject({ kind: "configuration" });
    expect(faultOf([...settings(1, 1), shared])).toBeNull();
  });

  it("tokens of another unit, and tokens on a barrier", () => {
    expect(faultOf([{ ...set("source", FORMAT), signal: tokens("inputFree") }])).toEqual({
      kind: "token",
      pc: 0,
      cycle: 0,
      message: "configure.load signals on inputFree, which belongs to the compute unit",
      site: null,
    });
    expect(faultOf([{ ...set("output", FORMAT), wait: tokens("stored") }])).toMatchObject({ kind: "token", pc: 0 });
    expect(faultOf([{ ...SYNCHRONISE, wait: tokens("stored") }])).toMatchObject({ kind: "token", pc: 0 });
    expect(faultOf([{ ...set("output", FORMAT), wait: 256 }])).toMatchObject({ kind: "token", pc: 0 });
  });

  it("an unknown instruction, and a program without halt", () => {
    const unknown = { ...HALT, opcode: "jump" } as unknown as Instruction;
    expect(faultOf([unknown])).toMatchObject({ kind: "illegal-instruction", pc: 0 });
    const tensors = [
      { name: "input", role: "input", format: FORMAT, length: 1 },
      { name: "output", role: "output", format: FORMAT, length: 1 },
    ] as const;
    expect(runImages(programOf(SMALL_MACHINE, tensors, [SYNCHRONISE]), [[0]]).fault).toMatchObject({
      kind: "illegal-instruction",
      pc: 1,
    });
  });

  it("a store of words that were never computed", () => {
    expect(faultOf([store({ channels: 1, wordLength: 8, dramAddress: 128 })])).toMatchObject({
      kind: "uninitialised",
      message: "outputBuffer: read of 8 bits at bit 0, but no word was written there",
    });
  });
});
