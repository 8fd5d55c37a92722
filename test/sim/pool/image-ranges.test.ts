import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitImages } from "../../../sim/pool/image-ranges.ts";

describe("splitImages", () => {
  it("covers every image once, in order, observed ones alone and in front", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(70), fc.integer({ min: 1, max: 80 }), (count, observed, batch) => {
        const ranges = splitImages(count, observed, batch);
        const images = ranges.flatMap(({ first, images }) =>
          Array.from({ length: images }, (_, index) => first + index),
        );
        expect(images).toEqual(Array.from({ length: count }, (_, index) => index));
        for (const range of ranges) {
          expect(range.observed).toBe(range.first < observed);
          expect(range.images).toBeLessThanOrEqual(range.observed ? 1 : batch);
        }
      }),
    );
  });

  it("13 images, 2 observed, batches of 5: 1, 1, 5, 5, 1", () => {
    expect(splitImages(13, 2, 5).map(({ images }) => images)).toEqual([1, 1, 5, 5, 1]);
  });
});
