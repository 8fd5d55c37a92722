import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataflow } from "../../isa/dataflow/table.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { machinePrograms, machines } from "../arbitraries/machine-program.ts";
import { expectEnginesAgree, imageBatch } from "./compare.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 2000 : 150;
const DATAFLOWS: readonly Dataflow[] = ["output-stationary", "weight-stationary", "input-stationary", "tree"];

describe("both engines agree on drawn programs", () => {
  it.each(DATAFLOWS)(
    "%s: every raw, overflow, first offender, statistic and cycle",
    (dataflow) => {
      const programs = machinePrograms(
        3,
        machines().map((machine) => ({ ...machine, dataflow })),
      );
      fc.assert(
        fc.property(programs, fc.boolean(), ({ program, inputs, images }, statistics) => {
          expect(checkProgram(program)).toBeNull();
          expectEnginesAgree(program, imageBatch(program, inputs, images, 3), { statistics, capture: true });
        }),
        { numRuns: RUNS },
      );
    },
    600_000,
  );

  it("draws programs that overflow, and programs that do not", () => {
    let overflowing = 0;
    let clean = 0;
    fc.assert(
      fc.property(machinePrograms(1), ({ program, inputs, images }) => {
        const result = expectEnginesAgree(program, imageBatch(program, inputs, images), {
          statistics: false,
          capture: false,
        });
        const counts = result.evidence.flatMap((layer) => Object.values(layer).map(({ overflow }) => overflow));
        if (counts.some((count) => count > 0)) overflowing++;
        else clean++;
      }),
      { numRuns: 60, seed: 4 },
    );
    expect(overflowing).toBeGreaterThan(10);
    expect(clean).toBeGreaterThan(5);
  });
});
