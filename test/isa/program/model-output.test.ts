import fc from "fast-check";
import { expect, it } from "vitest";
import { inModelOrder, isAxisOrder, type ModelOutput, modelOrder } from "../../../isa/program/model-output.ts";
import { elementCount } from "../../../isa/program/program.ts";

const output: fc.Arbitrary<ModelOutput> = fc
  .array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 })
  .chain((shape) =>
    fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }).map((order) => ({ name: "y", shape, order })),
  );

/** Coordinates of an element among sides, the last one fastest. */
function coordinates(element: number, sides: readonly number[]): number[] {
  return sides.map((side, axis) => Math.floor(element / elementCount(sides.slice(axis + 1))) % side);
}

it("an element's place is where its coordinates lie, axes taken in the order of memory, outputs one after the other", () => {
  fc.assert(
    fc.property(fc.array(output, { minLength: 1, maxLength: 3 }), (outputs) => {
      const places = modelOrder(outputs);
      let start = 0;
      for (const { shape, order } of outputs) {
        const stored = order.map((axis) => shape[axis] ?? 1);
        for (let element = 0; element < elementCount(shape); element++) {
          const place = start + element;
          const found = (places?.[place] ?? place) - start;
          const inMemory = coordinates(found, stored);
          expect(coordinates(element, shape)).toEqual(shape.map((_, axis) => inMemory[order.indexOf(axis)]));
        }
        start += elementCount(shape);
      }
    }),
  );
});

it("[1, 2, 2, 3] with channels innermost: channel 1 lies at every other word, in each of two images", () => {
  const places = modelOrder([{ name: "y", shape: [1, 2, 2, 3], order: [0, 2, 3, 1] }]);
  expect([...(places ?? [])]).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  const two = Array.from({ length: 24 }, (_, index) => index);
  expect(Array.from(inModelOrder(two, places)).slice(12)).toEqual([12, 14, 16, 18, 20, 22, 13, 15, 17, 19, 21, 23]);
});

it("words that lie in order are not moved", () => {
  expect(modelOrder([{ name: "y", shape: [1, 10], order: [1, 0] }])).toBeNull();
  expect(modelOrder([])).toBeNull();
});

it("an order names each axis once", () => {
  expect(isAxisOrder({ name: "y", shape: [2, 3], order: [1, 0] })).toBe(true);
  for (const order of [[0], [0, 0], [0, 2], [0, 1, 2]]) {
    expect(isAxisOrder({ name: "y", shape: [2, 3], order })).toBe(false);
  }
});
