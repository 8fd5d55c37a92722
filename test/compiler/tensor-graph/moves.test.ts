/** Broadcasting and picking, against definitions that walk over coordinates. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { erf } from "../../../compiler/graph/error-function.ts";
import {
  broadcastIndex,
  broadcastShape,
  requireUnidirectional,
} from "../../../compiler/tensor-graph/arithmetic/broadcast.ts";
import { OUTSIDE, pick, transposed } from "../../../compiler/tensor-graph/arithmetic/pick.ts";
import { roundHalfEven } from "../../../compiler/tensor-graph/arithmetic/round-number.ts";
import { bigFrom, tensorFrom, zeros } from "../../../compiler/tensor-graph/tensor.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** All coordinates of a shape, row-major. */
function coordinates(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, size) => all.flatMap((head) => Array.from({ length: size }, (_, at) => [...head, at])),
    [[]],
  );
}

function offsetOf(shape: readonly number[], at: readonly number[]): number {
  return shape.reduce((offset, size, axis) => offset * size + (at[axis] ?? 0), 0);
}

/** A shape, and one that broadcasts to it. */
const pair = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }).chain((target) =>
  fc.tuple(
    fc.constant(target),
    fc
      .tuple(fc.nat(target.length), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }))
      .map(([drop, ones]) => target.slice(drop).map((size, axis) => (ones[axis] ? 1 : size))),
  ),
);

describe("broadcasting", () => {
  it("finds for every element the one that stands there", () => {
    fc.assert(
      fc.property(pair, ([target, shape]) => {
        expect(broadcastShape([target, shape])).toEqual(target);
        expect(broadcastShape([shape, target])).toEqual(target);
        const drop = target.length - shape.length;
        const expected = coordinates(target).map((at) =>
          offsetOf(
            shape,
            shape.map((size, axis) => (size === 1 ? 0 : (at[axis + drop] ?? 0))),
          ),
        );
        const index = broadcastIndex(shape, target);
        expect(index === null ? expected.map((_, at) => at) : Array.from(index)).toEqual(expected);
      }),
    );
  });

  it.each([
    [[2], [3]],
    [
      [2, 3],
      [3, 2],
    ],
    [[0], [2]],
    [
      [2 ** 20, 1],
      [1, 2 ** 20],
    ],
  ])("refuses %o with %o", (a, b) => {
    expect(() => broadcastShape([a, b])).toThrow(DiagnosticError);
  });

  it("in one direction only", () => {
    expect(() => requireUnidirectional([3, 1], [2, 3, 4], "slope")).not.toThrow();
    expect(() => requireUnidirectional([2, 3, 4], [3, 1], "slope")).toThrow(DiagnosticError);
    expect(() => requireUnidirectional([2, 3], [1, 3], "slope")).toThrow(DiagnosticError);
  });
});

describe("pick", () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });

  it("adds the offsets of the axes; what lies outside is filled", () => {
    const draw = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        ...shape.map((size) => fc.array(fc.integer({ min: -1, max: size - 1 }), { maxLength: 5 })),
      ),
    );
    fc.assert(
      fc.property(draw, ([shape, ...places]) => {
        const source = tensorFrom(
          "int64",
          shape,
          Array.from({ length: product(shape) }, (_, index) => index + 1),
        );
        const strides = shape.map((_size, axis) => product(shape.slice(axis + 1)));
        const tables = places.map((list, axis) => list.map((at) => (at < 0 ? OUTSIDE : at * (strides[axis] ?? 1))));
        const picked = pick(source, tables, tensorFrom("int64", [], [-7]));
        const expected = coordinates(places.map((list) => list.length)).map((at) => {
          const from = at.map((place, axis) => places[axis]?.[place] ?? 0);
          return from.some((place) => place < 0) ? -7n : BigInt(offsetOf(shape, from) + 1);
        });
        expect(Array.from(picked.data)).toEqual(expected);
      }),
    );
  });

  it("a transposition and its inverse are nothing", () => {
    const draw = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray(
          shape.map((_size, axis) => axis),
          { minLength: shape.length },
        ),
      ),
    );
    fc.assert(
      fc.property(draw, ([shape, order]) => {
        const source = tensorFrom(
          "float32",
          shape,
          Array.from({ length: product(shape) }, (_, index) => index),
        );
        const inverse = order.map((_axis, at) => order.indexOf(at));
        const there = transposed(source, order);
        expect(there.shape).toEqual(order.map((axis) => shape[axis]));
        expect(transposed(there, inverse)).toEqual(source);
      }),
    );
  });
});

describe("numbers", () => {
  it("as 64-bit integers go towards zero and stop at the ends", () => {
    expect([2.9, -2.9, Number.NaN, 1e30, -1e30, 2 ** 63, -(2 ** 63)].map(bigFrom)).toEqual([
      2n,
      -2n,
      0n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]);
  });

  it("round halves to even", () => {
    expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51, -2.49].map(roundHalfEven)).toEqual([-2, -2, -0, 0, 2, 2, 3, -2]);
  });

  // To 15 digits, from tables of the error function.
  it.each([
    [0, 0],
    [0.1, 0.112462916018285],
    [0.5, 0.520499877813047],
    [1, 0.842700792949715],
    [2, 0.995322265018953],
    [2.4, 0.999311486103355],
    [3, 0.999977909503001],
    [7, 1],
  ])("erf(%d) is %d", (x, expected) => {
    expect(erf(x)).toBeCloseTo(expected, 14);
    expect(erf(-x)).toBeCloseTo(-expected, 14);
  });

  it("no tensor is larger than the bound, and none is made before that is known", () => {
    expect(() => zeros("float64", [2 ** 30, 2 ** 30])).toThrow(DiagnosticError);
    expect(() => zeros("int8", [-1])).toThrow(DiagnosticError);
    expect(() => zeros("int8", [1.5])).toThrow(DiagnosticError);
    expect(zeros("int8", [0, 2 ** 40]).data.length).toBe(0);
  });
});
