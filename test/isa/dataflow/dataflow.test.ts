/** What a dataflow says of itself in closed form is what its runs do, step by step. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ArrayRun, ArrayShape, MatrixShape } from "../../../isa/dataflow/definition.ts";
import {
  accumulationDelay,
  arraySteps,
  cutMultiple,
  DATAFLOWS,
  type Dataflow,
  runLength,
} from "../../../isa/dataflow/table.ts";

const side = fc.integer({ min: 1, max: 5 });

const shapes: fc.Arbitrary<{ readonly array: ArrayShape; readonly shape: MatrixShape }> = fc.record({
  array: fc.record({
    rows: side,
    columns: side,
    macPipeline: fc.nat(2),
    weightDoubleBuffer: fc.boolean(),
    drainOverlap: fc.boolean(),
  }),
  shape: fc.record({
    pixels: fc.integer({ min: 1, max: 11 }),
    filters: fc.integer({ min: 1, max: 11 }),
    steps: fc.integer({ min: 1, max: 11 }),
    accumulate: fc.boolean(),
  }),
});

/** Every product of an instruction, as its runs give it. */
function products(dataflow: Dataflow, array: ArrayShape, shape: MatrixShape) {
  const { forEachRun, rowStride, stepStride } = DATAFLOWS[dataflow];
  const found: (Pick<ArrayRun, "pixel" | "filter" | "row" | "column"> & { k: number; arrayStep: number })[] = [];
  forEachRun(array, shape, (run) => {
    for (let k = run.firstStep; k < run.endStep; k++) {
      const along = k - run.firstStep;
      const { pixel, filter, column } = run;
      const [row, arrayStep] = [run.row + along * rowStride, run.arrayStep + along * stepStride];
      found.push({ pixel, filter, k, row, column, arrayStep });
    }
  });
  return found;
}

describe.each(Object.keys(DATAFLOWS) as Dataflow[])("%s", (dataflow) => {
  it("computes every product once, steps of a sum ascending, in elements that the array has", () => {
    fc.assert(
      fc.property(shapes, ({ array, shape }) => {
        const last = new Map<string, number>();
        for (const { pixel, filter, k, row, column } of products(dataflow, array, shape)) {
          expect(k).toBe((last.get(`${pixel} ${filter}`) ?? -1) + 1);
          last.set(`${pixel} ${filter}`, k);
          expect(row).toBeLessThan(array.rows);
          expect(column).toBeLessThan(array.columns);
        }
        expect(last.size).toBe(shape.pixels * shape.filters);
        expect([...last.values()].every((k) => k === shape.steps - 1)).toBe(true);
      }),
    );
  });

  it("counts the products that an element has computed before", () => {
    fc.assert(
      fc.property(shapes, ({ array, shape }) => {
        const computed = new Map<string, number>();
        for (const { pixel, filter, k, row, column } of products(dataflow, array, shape)) {
          const element = `${row} ${column}`;
          const before = computed.get(element) ?? 0;
          expect(DATAFLOWS[dataflow].productsBefore(array, shape, pixel, filter, k)).toBe(before);
          computed.set(element, before + 1);
        }
      }),
    );
  });

  it("has no two products in one element and step, and none behind the last step", () => {
    fc.assert(
      fc.property(shapes, ({ array, shape }) => {
        const machine = { ...array, dataflow };
        const taken = new Set<string>();
        for (const { row, column, arrayStep } of products(dataflow, array, shape)) {
          const place = `${row} ${column} ${arrayStep}`;
          expect(taken.has(place)).toBe(false);
          taken.add(place);
          expect(arrayStep + accumulationDelay(machine)).toBeLessThan(arraySteps(machine, shape));
        }
      }),
    );
  });

  const grouped = DATAFLOWS[dataflow].sum !== "carries";
  it.runIf(grouped)("has the same groups of steps where a sum is cut at a multiple that it names", () => {
    fc.assert(
      fc.property(shapes, fc.nat(10), ({ array, shape }, pieces) => {
        const machine = { ...array, dataflow };
        const cut = (pieces + 1) * cutMultiple(machine);
        fc.pre(cut < shape.steps);
        const ends = (steps: number, from: number): readonly number[] => {
          const length = runLength({ array: machine, steps });
          return Array.from(
            { length: Math.ceil(steps / length) },
            (_, run) => from + Math.min(steps, (run + 1) * length),
          );
        };
        expect([...ends(cut, 0), ...ends(shape.steps - cut, cut)]).toEqual(ends(shape.steps, 0));
      }),
    );
  });
});
