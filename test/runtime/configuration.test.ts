/** Configurations as the package's main entry takes them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { checkMachine, DEFAULT_MACHINE } from "../../isa/machine.ts";
import { machineFrom, parseYaml, resolveConfiguration } from "../../runtime/configuration.ts";
import { machines } from "../arbitraries/machine-program.ts";

describe("a configuration", () => {
  it("without any field is the main job", () => {
    expect(resolveConfiguration({})).toEqual({
      model: "lenet5",
      weights: null,
      data: "mnist-test",
      labels: null,
      labelNames: null,
      labelOffset: 0,
      limits: { words: 2 ** 26, macs: 2 ** 36, instructions: 2 ** 18 },
      layout: "automatic",
      images: 1000,
      seed: 1,
      engine: "fast",
      workers: 1,
      observe: null,
      machine: DEFAULT_MACHINE,
      assignment: { default: { datapath: "intrinsic", format: "16,8", rounding: "nearest" } },
      batchNormalization: "fold",
      floatQuantizers: true,
      preprocessing: {
        colour: "stored",
        resize: null,
        resizeKernel: "linear",
        crop: null,
        scale: "automatic",
        offset: 0,
        inputShift: 0,
      },
      calibration: { images: 100, ranges: null },
    });
  });

  it("resolved, written to JSON and resolved again is the same", () => {
    fc.assert(
      fc.property(machines(), fc.nat(), (machine, seed) => {
        const once = resolveConfiguration({
          machine: { ...machine },
          seed,
          assignment: { layers: { a: { format: "3,1" } } },
        });
        expect(resolveConfiguration(JSON.parse(JSON.stringify(once)))).toEqual(once);
      }),
      { numRuns: 50 },
    );
  });

  it("names the place it was told for what is wrong", () => {
    expect(() => resolveConfiguration({ machine: { rows: 0 } }, { machine: "m.yaml" })).toThrow(/m\.yaml: rows/);
    expect(() => resolveConfiguration({ assignment: { layer: {} } }, { assignment: "a.yaml" })).toThrow(
      /a\.yaml.*"layers"/,
    );
  });
});

describe("a machine", () => {
  it("lays single fields over the default one, memories field by field", () => {
    const machine = machineFrom({ rows: 3, dram: { latencyCycles: 7 }, outputBuffer: { banks: 1 } }, "m");
    expect(machine).toEqual({
      ...DEFAULT_MACHINE,
      rows: 3,
      dram: { ...DEFAULT_MACHINE.dram, latencyCycles: 7 },
      outputBuffer: { ...DEFAULT_MACHINE.outputBuffer, banks: 1 },
    });
    expect(checkMachine(machine)).toEqual([]);
  });

  it.each([
    [null],
    [3],
    ["rows"],
    [[]],
    [{ rows: "3" }],
    [{ rows: 1.5 }],
    [{ columns: 1025 }],
    [{ dram: 5 }],
    [{ dram: { wordBits: 1 } }],
  ])("refuses %j", (fields) => {
    expect(() => machineFrom(fields, "m")).toThrow(DiagnosticError);
  });

  it("refuses keys of the language's own objects", () => {
    for (const key of ["__proto__", "constructor", "toString"]) {
      expect(() => machineFrom(JSON.parse(`{ "${key}": { "rows": 3 } }`), "m")).toThrow(DiagnosticError);
    }
  });
});

describe("YAML", () => {
  it("reads YAML 1.2 and JSON alike", () => {
    expect(parseYaml('{ "a": [1, "16,8", true, null] }', "x")).toEqual({ a: [1, "16,8", true, null] });
    expect(parseYaml("a:\n  - 1\n  - 16,8\n  - true\n  - ~\n", "x")).toEqual({ a: [1, "16,8", true, null] });
    expect(parseYaml("no: yes", "x")).toEqual({ no: "yes" });
    expect(parseYaml("", "x")).toBeNull();
  });

  it.each([["a: 1\na: 2"], ["a: [1"], ["--- 1\n--- 2"], ["a: *b"], ["\t- a"], ["{".repeat(20_000)]])(
    "refuses %j",
    (text) => {
      expect(() => parseYaml(text, "file.yaml")).toThrow(/^error\[YAML\] file\.yaml: .*; write (YAML|each key once)/);
    },
  );
});
