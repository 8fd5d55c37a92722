import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import type { Program } from "../../isa/program/program.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { graphWithInput } from "../arbitraries/graph.ts";
import { machines } from "../arbitraries/machine-program.ts";
import { roundingModes } from "../arbitraries/numerics.ts";
import { expectEnginesAgree, imageBatch } from "./compare.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 1500 : 120;

/** Presets with formats from comfortable to hopeless. */
const specifications: fc.Arbitrary<AssignmentSpecification> = fc
  .record({
    datapath: fc.constantFrom("intrinsic", "tensorquant", "wide"),
    wordLength: fc.integer({ min: 2, max: 18 }),
    fraction: fc.integer({ min: -1, max: 14 }),
    rounding: roundingModes(),
    overflow: fc.constantFrom("saturate", "saturate-symmetric", "wrap", "wrap:1", "saturate-zero"),
    averageDivider: fc.boolean(),
    biasOrder: fc.constantFrom("first", "last"),
  })
  .map(({ datapath, wordLength, fraction, rounding, overflow, averageDivider, biasOrder }) => ({
    default: {
      datapath,
      format: `${wordLength},${fraction}`,
      rounding,
      averageDivider,
      biasOrder,
      ...(datapath === "intrinsic" ? { overflow } : {}),
    },
  }));

/** Small memories, so that layers need several tiles. */
const tightMachines = machines().chain((machine) =>
  fc.tuple(fc.integer({ min: 9, max: 15 }), fc.integer({ min: 10, max: 15 })).map(([input, weight]) => ({
    ...machine,
    inputScratchpad: { ...machine.inputScratchpad, capacityBits: 2 ** input },
    weightScratchpad: { ...machine.weightScratchpad, capacityBits: 2 ** weight },
    accumulatorBank: { ...machine.accumulatorBank, capacityBits: 2 ** 12 },
    outputBuffer: { ...machine.outputBuffer, capacityBits: 2 ** 11 },
  })),
);

describe("both engines agree on compiled networks", () => {
  it("every raw of every layer, overflow, first offender, statistic and cycle; and the compiler's programs are admitted", () => {
    let ran = 0;
    let tiled = 0;
    fc.assert(
      fc.property(
        graphWithInput({ maximumSteps: 4, maximumElements: 200, maximumSide: 7 }),
        tightMachines,
        specifications,
        fc.array(fc.bigInt({ min: -2n, max: 1n }), { minLength: 7, maxLength: 30 }),
        ({ graph }, machine, assignment, words) => {
          let program: Program;
          try {
            ({ program } = compile(graph, { machine, assignment, seed: 9 }));
          } catch (error) {
            // A memory too small for one tile is the user's to mend; anything else is a bug.
            if (error instanceof DiagnosticError && error.diagnostics.every(({ code }) => code !== "GRAPH")) return;
            throw error;
          }
          expect(checkProgram(program)).toBeNull();
          ran++;
          if (program.tiles.length > 2 * program.layers.length) tiled++;
          expectEnginesAgree(program, imageBatch(program, words, 1), { statistics: true, capture: true });
        },
      ),
      { numRuns: RUNS, seed: 21 },
    );
    expect(ran).toBeGreaterThan(RUNS / 3);
    expect(tiled).toBeGreaterThan(RUNS / 10);
  }, 600_000);
});
