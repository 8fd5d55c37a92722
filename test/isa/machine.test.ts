import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dataflowText, parseDataflow } from "../../isa/dataflow/table.ts";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { checkMachine, DEFAULT_MACHINE, type Machine, ON_CHIP_MEMORIES, validMachine } from "../../isa/machine.ts";
import { machineDescription } from "../arbitraries/program.ts";

describe("a machine description", () => {
  it("the default machine is good", () => {
    expect(checkMachine(DEFAULT_MACHINE)).toEqual([]);
    expect(validMachine(DEFAULT_MACHINE)).toBe(DEFAULT_MACHINE);
  });

  it("machines within the limits are good", () => {
    fc.assert(
      fc.property(machineDescription(), (machine) => {
        expect(checkMachine(machine)).toEqual([]);
      }),
    );
  });

  it.each<[string, Partial<Machine>]>([
    ["rows", { rows: 0 }],
    ["columns", { columns: 1025 }],
    ["clockHz", { clockHz: Number.NaN }],
    ["macPipeline", { macPipeline: -1 }],
    ["tail", { tail: 1.5 }],
    ["dram.capacityBits", { dram: { ...DEFAULT_MACHINE.dram, capacityBits: 2 ** 40 } }],
    ["dram.wordBits", { dram: { ...DEFAULT_MACHINE.dram, wordBits: 4 } }],
    ["dram.bytesPerCycle", { dram: { ...DEFAULT_MACHINE.dram, bytesPerCycle: 0 } }],
    ["dram.latencyCycles", { dram: { ...DEFAULT_MACHINE.dram, latencyCycles: Number.POSITIVE_INFINITY } }],
    ...ON_CHIP_MEMORIES.flatMap((name): [string, Partial<Machine>][] => [
      [`${name}.capacityBits`, { [name]: { ...DEFAULT_MACHINE[name], capacityBits: 2 ** 31 + 1 } }],
      [`${name}.banks`, { [name]: { ...DEFAULT_MACHINE[name], banks: 0 } }],
      [`${name}.bitsPerCycle`, { [name]: { ...DEFAULT_MACHINE[name], bitsPerCycle: 0 } }],
    ]),
  ])("a wrong %s is named alone", (field, change) => {
    const found = checkMachine({ ...DEFAULT_MACHINE, ...change }, "m.yaml");
    expect(found.map(({ where }) => where)).toEqual([`m.yaml: ${field}`]);
  });

  it("everything wrong is told at once", () => {
    const wrong = { ...DEFAULT_MACHINE, rows: 0, columns: 0, tail: -1 };
    expect(checkMachine(wrong).length).toBe(3);
    expect(() => validMachine(wrong)).toThrow(DiagnosticError);
  });
});

describe("a dataflow in text", () => {
  it.each([
    ["os", "output-stationary"],
    ["ws", "weight-stationary"],
    ["is", "input-stationary"],
    ["weight-stationary", "weight-stationary"],
  ])("%s is %s", (text, dataflow) => {
    expect(parseDataflow(text)).toEqual({ dataflow });
  });

  it("tree:9 is a tree of nine inputs", () => {
    expect(parseDataflow("tree:9")).toEqual({ dataflow: "tree", rows: 9 });
  });

  it("comes back from its text", () => {
    fc.assert(
      fc.property(machineDescription(), (machine) => {
        const { dataflow, rows = machine.rows } = parseDataflow(dataflowText(machine));
        expect([dataflow, rows]).toEqual([machine.dataflow, machine.rows]);
      }),
    );
  });

  it.each(["", "OS", "tree", "tree:0", "tree:-1", "tree:1.5", "row-stationary", "os "])('"%s" is refused', (text) => {
    expect(() => parseDataflow(text)).toThrow(DiagnosticError);
  });
});
