import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rawAt } from "../../../isa/numerics/raws.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import type { Observer } from "../../../sim/reference/observer.ts";
import { type ExpectedEvent, expectedMatrix } from "./matrix-oracle.ts";
import { DATAFLOWS, MATRIX_PROBLEM, type MatrixProblem, matrixProgram } from "./matrix-problem.ts";
import { rawsOf, runImages } from "./programs.ts";

/** Runs a problem and returns sums, register events and cycles in the oracle's terms. */
function run(problem: MatrixProblem) {
  const { program, matrixIndices } = matrixProgram(problem);
  const events: ExpectedEvent[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const observer: Observer = {
    started: (instruction, cycle) => {
      if (matrixIndices.includes(instruction)) starts.push(cycle);
    },
    ended: (instruction, cycle) => {
      if (matrixIndices.includes(instruction)) ends.push(cycle);
    },
    quantized: ({ site }) => {
      const part = matrixIndices.indexOf(site.instruction);
      if (part < 0) return;
      const { row, column, pixel, channel, step, after } = site;
      const register = site.register as "product" | "accumulator";
      const cycle = site.cycle - (starts[part] ?? Number.NaN);
      events.push({ part, cycle, register, row, column, pixel, channel, step, after });
    },
  };
  const result = runImages(program, [problem.inputs], { observers: [observer] });
  const { format } = problem.accumulator;
  const sums = Array.from({ length: result.outputs.length }, (_, index) => rawAt(result.outputs, index, format));
  return { result, sums, events, cycles: ends.map((end, part) => end - (starts[part] ?? Number.NaN)), matrixIndices };
}

function inOneOrder(events: readonly ExpectedEvent[]): string[] {
  return events
    .map((event) =>
      [
        event.part,
        event.register,
        event.pixel,
        event.channel,
        event.step,
        `row ${event.row}`,
        `column ${event.column}`,
        `cycle ${event.cycle}`,
        `raw ${event.after}`,
      ].join(" "),
    )
    .sort();
}

describe("matrix", () => {
  it.each(DATAFLOWS)("%s: every register of every element is written where and when the table says", (dataflow) => {
    fc.assert(
      fc.property(MATRIX_PROBLEM, (drawn) => {
        const problem = { ...drawn, machine: { ...drawn.machine, dataflow } };
        const { result, sums, events, cycles, matrixIndices } = run(problem);
        const expected = expectedMatrix(problem, matrixIndices);
        expect(result.fault).toBeNull();
        expect(sums).toEqual(expected.sums);
        expect(inOneOrder(events)).toEqual(inOneOrder(expected.events));
        expect(cycles).toEqual(expected.cycles);
      }),
      { numRuns: 150 },
    );
  });

  it("multiplies once per pixel, filter and step, whatever the array", () => {
    fc.assert(
      fc.property(MATRIX_PROBLEM, (problem) => {
        const { session } = referenceEngine.open(matrixProgram(problem).program);
        session.run(
          { firstImage: 0, count: 1, raws: rawsOf(problem.operandA, problem.inputs) },
          { statistics: false, capture: false },
        );
        const { pixelRows, pixelColumns, filters, steps } = problem;
        expect(session.multiplications).toBe(pixelRows * pixelColumns * filters * steps);
      }),
      { numRuns: 50 },
    );
  });
});
