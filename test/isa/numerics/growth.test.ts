import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { type FixedPointFormat, fixedPoint, formatText, parseFormat, rawRange } from "../../../isa/numerics/format.ts";
import {
  accumulationBound,
  orderIsFree,
  orderProver,
  productFormat,
  sumFormat,
  sumOfTermsFormat,
} from "../../../isa/numerics/growth.ts";
import { formats, rawsOf } from "../../arbitraries/numerics.ts";

function holds(format: FixedPointFormat, raw: bigint): boolean {
  const { min, max } = rawRange(format);
  return raw >= min && raw <= max;
}

describe("exact growth", () => {
  test.each([
    ["16,8", "16,8", "32,16"],
    ["u8,4", "u8,0", "u16,4"],
    ["u8,4", "8,-3", "16,1"],
    ["1,0", "1,0", "2,0"],
  ])("a product of %s and %s is %s", (a, b, product) => {
    expect(formatText(productFormat(parseFormat(a), parseFormat(b)))).toBe(product);
  });

  test.each([
    ["16,8", "16,8", "17,8"],
    ["16,8", "8,12", "21,12"],
    ["u8,4", "8,4", "10,4"],
    ["u8,4", "12,4", "13,4"],
    ["u8,4", "u6,4", "u9,4"],
    ["4,-4", "4,8", "17,8"],
    ["4,8", "4,10", "7,10"],
  ])("a sum of %s and %s is %s", (a, b, sum) => {
    expect(formatText(sumFormat(parseFormat(a), parseFormat(b)))).toBe(sum);
    expect(formatText(sumFormat(parseFormat(b), parseFormat(a)))).toBe(sum);
  });

  test.each([
    [1, 8],
    [2, 9],
    [3, 10],
    [4, 10],
    [5, 11],
    [1024, 18],
    [1025, 19],
    [2 ** 40, 48],
  ])("a sum of %i words of 8 bits has %i", (terms, wordLength) => {
    expect(sumOfTermsFormat(fixedPoint(8, 4), terms)).toEqual(fixedPoint(wordLength, 4));
  });

  test("a sum of no terms, or of half a term, is our bug", () => {
    for (const terms of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(() => sumOfTermsFormat(fixedPoint(8, 4), terms)).toThrow(InvariantError);
    }
  });

  test("products and sums fit exactly, at the ends of all formats up to 5 bits and at random", () => {
    const check = (a: FixedPointFormat, rawA: bigint, b: FixedPointFormat, rawB: bigint): void => {
      expect(holds(productFormat(a, b), rawA * rawB)).toBe(true);
      const sum = sumFormat(a, b);
      const aligned = (format: FixedPointFormat, raw: bigint): bigint =>
        raw << BigInt(sum.fractionLength - format.fractionLength);
      expect(holds(sum, aligned(a, rawA) + aligned(b, rawB))).toBe(true);
    };
    for (let code = 0; code < 5 * 5 * 4; code++) {
      const a = fixedPoint((code % 5) + 1, 0, code % 2 === 0);
      const b = fixedPoint((Math.floor(code / 5) % 5) + 1, (code % 7) - 3, Math.floor(code / 25) % 2 === 0);
      for (const rawA of Object.values(rawRange(a))) {
        for (const rawB of Object.values(rawRange(b))) check(a, rawA, b, rawB);
      }
    }
    const words = formats().chain((format) => fc.tuple(fc.constant(format), rawsOf(format)));
    fc.assert(fc.property(words, words, ([a, rawA], [b, rawB]) => check(a, rawA, b, rawB)));
  });

  test("a sum of n words needs every bit: n times the smallest word fits, one bit less does not", () => {
    for (let terms = 1; terms <= 70; terms++) {
      const format = fixedPoint(6, 2);
      const sum = sumOfTermsFormat(format, terms);
      const extreme = BigInt(terms) * rawRange(format).min;
      expect(holds(sum, extreme)).toBe(true);
      if (terms > 1) expect(holds({ ...sum, wordLength: sum.wordLength - 1 }, extreme)).toBe(false);
    }
  });
});

describe("when order is free", () => {
  const format = parseFormat("8,4");
  const spec = { format, rounding: "nearest", overflow: "saturate", saturatedBits: 0, dialect: "sc" } as const;
  const terms = {
    input: { min: -128n, max: 127n, fractionLength: 4 },
    weightFractionLength: 4,
    product: spec,
    accumulator: spec,
  };

  test("K = 200, w = 1, x ≤ 8 at F = 4: 100 exactly, but 200 rounded, which 8 bits do not hold", () => {
    const input = { min: 0n, max: 8n, fractionLength: 4 };
    const weights = new Int32Array(200).fill(1);
    expect(orderIsFree(weights, { ...terms, input })).toMatchObject({ free: false, bound: { min: 0n, max: 200n } });
    const cut = { ...spec, rounding: "down" } as const;
    expect(orderIsFree(weights, { ...terms, input, product: cut })).toMatchObject({ free: true, bound: { max: 0n } });
    const exact = { ...spec, format: fixedPoint(16, 8) };
    const wide = { ...spec, format: fixedPoint(12, 8) };
    expect(orderIsFree(weights, { ...terms, input, product: exact, accumulator: wide })).toMatchObject({
      free: true,
      bound: { min: 0n, max: 1600n, fractionLength: 8 },
    });
  });

  test("the three kinds of weight arrays give the same proof, remembered weights too", () => {
    const weights = [-128, 127, 0, 3, 3, -7];
    const expected = orderIsFree(Int32Array.from(weights), terms);
    expect(orderIsFree(BigInt64Array.from(weights, BigInt), terms)).toEqual(expected);
    expect(orderIsFree(weights.map(BigInt), terms)).toEqual(expected);
    const prover = orderProver(terms);
    prover(Int32Array.from([3, -7]));
    expect(prover(Int32Array.from(weights))).toEqual(expected);
    expect(accumulationBound(Int32Array.from(weights), terms)).toEqual(expected.bound);
  });

  test("an empty sum is free", () => {
    expect(orderIsFree(new Int32Array(0), terms)).toMatchObject({ free: true, bound: { min: 0n, max: 0n } });
  });

  test("an addition that rounds prevents it, whichever addend is finer than the accumulator", () => {
    const weights = Int32Array.of(1);
    const finer = { min: 0n, max: 1n, fractionLength: 5 };
    expect(orderIsFree(weights, { ...terms, product: { ...spec, format: fixedPoint(8, 5) } }).reason).toMatch(
      /an addition rounds: the accumulator has 4 fraction bits, the product 5/,
    );
    expect(orderIsFree(weights, terms, { bias: finer }).reason).toMatch(/the bias 5/);
    expect(orderIsFree(weights, terms, { initial: finer }).reason).toMatch(/the initial 5/);
  });

  test("bias and initial sum widen the bound, aligned", () => {
    const bias = { min: -3n, max: 2n, fractionLength: 2 };
    const initial = { min: -1n, max: 5n, fractionLength: 4 };
    expect(orderIsFree(new Int32Array(0), terms, { bias, initial }).bound).toEqual({
      min: -13n,
      max: 13n,
      fractionLength: 4,
    });
    const edge = { min: 0n, max: 31n, fractionLength: 2 };
    const three = { min: 0n, max: 3n, fractionLength: 4 };
    expect(orderIsFree(new Int32Array(0), terms, { bias: edge, initial: three }).free).toBe(true);
    expect(orderIsFree(new Int32Array(0), terms, { bias: edge, initial: { ...three, max: 4n } }).free).toBe(false);
  });

  test("a product register that is not monotone must be proven not to overflow", () => {
    const accumulator = { ...spec, format: fixedPoint(20, 4) };
    for (const overflow of ["wrap", "saturate-zero", "trap", "wrap-sign-magnitude"] as const) {
      const product = { ...spec, overflow };
      expect(orderIsFree(Int32Array.of(15), { ...terms, product, accumulator }).free).toBe(true);
      const proof = orderIsFree(Int32Array.of(17), { ...terms, product, accumulator });
      expect(proof.free).toBe(false);
      expect(proof.reason).toContain(`a product can overflow and ${overflow} is not monotone`);
    }
    expect(orderIsFree(Int32Array.of(17), { ...terms, accumulator }).free).toBe(true);
    // Either end may be the one that overflows.
    const product = { ...spec, overflow: "wrap" as const };
    const oneSided = { ...terms, input: { min: 0n, max: 127n, fractionLength: 4 }, product, accumulator };
    expect([16, 17, -16, -17].map((weight) => orderIsFree(Int32Array.of(weight), oneSided).free)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test("saturate-symmetric keeps no −2^(W−1), and an unsigned accumulator no negative partial sum", () => {
    const input = { min: 0n, max: 16n, fractionLength: 4 };
    const symmetric = { ...terms, input, accumulator: { ...spec, overflow: "saturate-symmetric" as const } };
    expect(orderIsFree(Int32Array.of(-127), symmetric).free).toBe(true);
    expect(orderIsFree(Int32Array.of(-128), symmetric).free).toBe(false);
    expect(orderIsFree(Int32Array.of(-128), { ...terms, input }).free).toBe(true);
    const unsigned = { ...terms, input, accumulator: { ...spec, format: fixedPoint(8, 4, false) } };
    expect(orderIsFree(Int32Array.of(255), { ...unsigned, product: { ...spec, format: fixedPoint(10, 4) } }).free).toBe(
      true,
    );
    expect(orderIsFree(Int32Array.of(5, -1), unsigned).free).toBe(false);
  });

  test("stochastic products are bounded by floor and ceiling", () => {
    const stochastic = { ...terms, product: { ...spec, rounding: "stochastic" as const } };
    const input = { min: -1n, max: 1n, fractionLength: 4 };
    expect(orderIsFree(Int32Array.of(1, -1), { ...stochastic, input }).bound).toMatchObject({ min: -2n, max: 2n });
    expect(orderIsFree(Int32Array.of(16), { ...stochastic, input }).bound).toMatchObject({ min: -1n, max: 1n });
  });
});
