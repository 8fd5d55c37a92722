/** One text for one value. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalDigest, canonicalJson } from "../../../../runtime/exploration/journal/canonical-json.ts";

describe("canonical JSON", () => {
  it("is JSON of the same value, its fields sorted", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      }),
    );
    expect(canonicalJson({ b: [1, { d: null, c: "x" }], a: true })).toBe('{"a":true,"b":[1,{"c":"x","d":null}]}');
  });

  it("knows no order of fields and no absent ones", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.integer()), (fields) => {
        const turned = Object.fromEntries([...Object.entries(fields).reverse(), ["absent", undefined]]);
        expect(canonicalJson("absent" in fields ? fields : turned)).toBe(canonicalJson(fields));
      }),
    );
  });

  it("tells apart what JSON does not", () => {
    const values = [
      0,
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      null,
      0n,
      "0",
      "(bigint 0)",
      [],
      {},
      "",
    ];
    expect(new Set(values.map(canonicalDigest)).size).toBe(values.length);
    const arrays = [Float32Array.of(1, 2), Float32Array.of(2, 1), Int32Array.of(1, 2), [1, 2], new Float32Array(0)];
    expect(new Set(arrays.map(canonicalDigest)).size).toBe(arrays.length);
    expect(canonicalJson(new Float32Array(Float32Array.of(9, 1, 2).buffer, 4, 2))).toBe(
      canonicalJson(Float32Array.of(1, 2)),
    );
  });

  it("refuses what no configuration holds", () => {
    expect(() => canonicalJson({ f: () => 1 })).toThrow("a function in a configuration");
  });
});
