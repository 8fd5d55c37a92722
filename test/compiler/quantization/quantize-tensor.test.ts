import { expect, test } from "vitest";
import { quantizeTensor } from "../../../compiler/quantization/quantize-tensor.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";

test("values become words in order, and those that did not fit are counted", () => {
  const values = new Float32Array([0.5, -0.5, 0.03125, 100, -100, -8, 7.9375]);
  const { raws, clipped } = quantizeTensor(values, register(fixedPoint(8, 4)), 0, "conv1/weight");
  expect([...raws]).toEqual([8, -8, 1, 127, -128, -128, 127]);
  expect(clipped).toBe(2);
});

test("words of more than 31 bits are big integers, unsigned 64-bit ones by their bit pattern", () => {
  const { raws } = quantizeTensor(new Float32Array([2 ** 63, 1]), register(fixedPoint(64, 0, false)), 0, "t");
  expect(raws).toBeInstanceOf(BigInt64Array);
  expect([...raws].map((raw) => BigInt.asUintN(64, BigInt(raw)))).toEqual([2n ** 63n, 1n]);
});

test("stochastic rounding draws from the seed and the tensor's name", () => {
  const values = new Float32Array(200).fill(0.03);
  const spec = register(fixedPoint(8, 4), "stochastic");
  const draw = (seed: number, name: string): string => quantizeTensor(values, spec, seed, name).raws.join("");
  expect(draw(1, "a/weight")).toBe(draw(1, "a/weight"));
  expect(draw(1, "a/weight")).not.toBe(draw(2, "a/weight"));
  expect(draw(1, "a/weight")).not.toBe(draw(1, "b/weight"));
  const ups = [...draw(1, "a/weight")].filter((word) => word === "1").length;
  expect(ups).toBeGreaterThan(60);
  expect(ups).toBeLessThan(140);
});

test("a value that is not finite is a diagnostic that names the tensor", () => {
  const spec = register(fixedPoint(8, 4), "nearest", "wrap");
  expect(() => quantizeTensor(new Float32Array([Number.NaN]), spec, 0, "fc/bias")).toThrow(/NOT_A_NUMBER.*fc\/bias/);
});
