import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { DISTORTION, distort, distortedBatch } from "../../runtime/training/distortion.ts";
import { digitBytes, type LabelledImages, readMnistPackage, splitMnist } from "../../runtime/training/mnist-split.ts";
import { seededRandom } from "../../runtime/training/random.ts";

describe("the seeded generator", () => {
  test("repeats itself for a seed and differs for another", () => {
    const draw = (seed: number) => Array.from({ length: 8 }, seededRandom(seed).uniform);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test("is uniform: 16 bins of 160,000 numbers stay within 4 % of their mean", () => {
    const { between } = seededRandom(3);
    const bins = new Uint32Array(16);
    for (let i = 0; i < 160_000; i++) {
      const bin = Math.floor(between(0, 16));
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    for (const count of bins) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  test("permutes: every index once, in another order", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 200 }), (seed, count) => {
        const order = seededRandom(seed).permutation(count);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
      }),
    );
    expect([...seededRandom(1).permutation(50)]).not.toEqual(Array.from({ length: 50 }, (_, index) => index));
  });
});

describe("the digits of the mnist package", () => {
  test("are 10,000 images of ten classes, bytes from 0 to 255, no two alike", () => {
    const { count, images, labels } = readMnistPackage();
    expect([count, images.length, labels.length]).toEqual([10_000, 7_840_000, 10_000]);
    expect(new Set(labels).size).toBe(10);
    expect(new Set(images).size).toBe(256);
    const distinct = new Set<string>();
    for (let i = 0; i < count; i++)
      distinct.add(Buffer.from(images.subarray(i * 784, (i + 1) * 784)).toString("latin1"));
    expect(distinct.size).toBe(10_000);
  });

  test("are split into 8,000, 1,000 and 1,000 with every digit in exactly one set, label beside image", () => {
    const all = readMnistPackage();
    const labelOf = new Map<string, number>();
    const key = (set: LabelledImages, i: number) =>
      Buffer.from(set.images.subarray(i * 784, (i + 1) * 784)).toString("latin1");
    for (let i = 0; i < all.count; i++) labelOf.set(key(all, i), all.labels[i] ?? NaN);
    const { train, validation, test } = splitMnist(all);
    expect([train.count, validation.count, test.count]).toEqual([8000, 1000, 1000]);
    for (const set of [train, validation, test]) {
      expect(new Set(set.labels).size).toBe(10);
      for (let i = 0; i < set.count; i++) {
        expect(labelOf.get(key(set, i))).toBe(set.labels[i]);
        labelOf.delete(key(set, i));
      }
    }
    expect(labelOf.size).toBe(0);
  });

  test("every byte survives the package's rounding to three decimals", () => {
    const bytes = Uint8Array.from({ length: 784 }, (_, index) => index % 256);
    const data = Array.from(bytes, (byte) => Math.round((byte / 255) * 1000) / 1000);
    expect(digitBytes({ data }, "digits")).toEqual(bytes);
  });

  test.each([
    ["no object", null],
    ["no data", {}],
    ["an empty list", { data: [] }],
    ["half an image", { data: Array(392).fill(0) }],
    ["a value between two grey levels", { data: [0.006, ...Array(783).fill(0)] }],
    ["a value above 1", { data: [1.1, ...Array(783).fill(0)] }],
    ["a negative value", { data: [-0.004, ...Array(783).fill(0)] }],
    ["a text", { data: ["1", ...Array(783).fill(0)] }],
    ["not a number", { data: [Number.NaN, ...Array(783).fill(0)] }],
  ])("with %s in them are refused with a diagnostic", (_, file) => {
    expect(() => digitBytes(file, "3.json")).toThrow(DiagnosticError);
  });

  test("in another number are not split", () => {
    expect(() => splitMnist({ count: 1, images: new Uint8Array(784), labels: new Uint8Array(1) })).toThrow(/1 images/);
  });
});

describe("the distortion", () => {
  const still = { shift: 0, angle: 0, scale: 0, slant: 0 };

  test("with an empty range returns the image", () => {
    const images = readMnistPackage().images.slice(0, 784);
    const target = new Uint8Array(784);
    distort(images, target, still, seededRandom(1));
    expect(target).toEqual(images);
  });

  test("by shift alone moves the centre of mass by at most the shift, each time elsewhere", () => {
    const source = new Uint8Array(784);
    source[14 * 28 + 9] = 200;
    const random = seededRandom(4);
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const target = new Uint8Array(784);
      distort(source, target, { ...still, shift: 2 }, random);
      let [mass, y, x] = [0, 0, 0];
      for (const [index, grey] of target.entries()) {
        mass += grey;
        y += grey * Math.floor(index / 28);
        x += grey * (index % 28);
      }
      expect(Math.abs(mass - 200)).toBeLessThanOrEqual(2);
      expect(Math.abs(y / mass - 14)).toBeLessThan(2.05);
      expect(Math.abs(x / mass - 9)).toBeLessThan(2.05);
      seen.add(`${(y / mass).toFixed(1)} ${(x / mass).toFixed(1)}`);
    }
    expect(seen.size).toBeGreaterThan(30);
  });

  test("treats every image of a batch differently and repeats for the same seed", () => {
    const images = readMnistPackage().images.slice(0, 784);
    const twice = () => distortedBatch(images, Uint32Array.of(0, 0), DISTORTION, seededRandom(9));
    const batch = twice();
    expect(batch).toEqual(twice());
    expect(batch.subarray(0, 784)).not.toEqual(batch.subarray(784));
  });
});
