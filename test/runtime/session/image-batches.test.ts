/** Batches of images, and figures that are added up over them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../../runtime/datasets/dataset.ts";
import type { ImageShape } from "../../../runtime/datasets/image-shape.ts";
import { preprocessingFrom } from "../../../runtime/datasets/preprocessing/recipes.ts";
import { AnswerTally } from "../../../runtime/session/accuracy.ts";
import { Digest, digestOf } from "../../../runtime/session/digest.ts";
import { imageBatches } from "../../../runtime/session/image-batches.ts";

/** A data set that remembers what was asked of it; reading image `broken` fails. */
function recorded(shape: ImageShape, count: number, broken = -1): Dataset & { readonly reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    name: "recorded",
    shape,
    count,
    labelled: false,
    preprocessing: { ...preprocessingFrom({}), scale: 1 },
    layout: { order: "picture", guessed: false, stored: shape },
    reads,
    async read(first, images) {
      reads.push([first, images]);
      if (first <= broken && broken < first + images) throw new Error(`image ${broken}`);
      return { count: images, values: new Float32Array(1), labels: null };
    },
  };
}

describe("batches", () => {
  it("follow the size of an image: 13 pictures of 12 MiB come in twos, 1,000 digits at once", async () => {
    const large = recorded([1024, 1024, 3], 20);
    const firsts: number[] = [];
    for await (const { first, count } of imageBatches(large, 13)) firsts.push(first, count);
    expect(firsts).toEqual([0, 2, 2, 2, 4, 2, 6, 2, 8, 2, 10, 2, 12, 1]);
    const small = recorded([28, 28, 1], 1000);
    for await (const { count } of imageBatches(small, 1000)) expect(count).toBe(1000);
    expect(small.reads).toEqual([[0, 1000]]);
  });

  it("an image larger than a batch is one by itself; no image is no batch", async () => {
    const huge = recorded([8192, 8192, 1], 2);
    for await (const { count } of imageBatches(huge, 2)) expect(count).toBe(1);
    for await (const _batch of imageBatches(huge, 0)) throw new Error("a batch of nothing");
  });

  it("start at any image", async () => {
    const large = recorded([1024, 1024, 3], 20);
    const found: number[] = [];
    for await (const { first, count } of imageBatches(large, 5, 7)) found.push(first, count);
    expect(found).toEqual([7, 2, 9, 2, 11, 1]);
    expect(large.reads).toEqual([
      [7, 2],
      [9, 2],
      [11, 1],
    ]);
  });

  it("are read one ahead and no further, and fail where they are due", async () => {
    const data = recorded([1024, 1024, 3], 20, 5);
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const { first } of imageBatches(data, 20)) {
        seen.push(first);
        expect(data.reads).toHaveLength(seen.length + 1);
      }
    };
    await expect(run()).rejects.toThrow("image 5");
    expect(seen).toEqual([0, 2]);
    const abandoned = recorded([1024, 1024, 3], 20, 3);
    for await (const _batch of imageBatches(abandoned, 20)) break;
    expect(abandoned.reads).toHaveLength(2);
  });
});

describe("figures over batches", () => {
  const run = fc.integer({ min: 2, max: 8 }).chain((classes) =>
    fc.record({
      classes: fc.constant(classes),
      images: fc.array(
        fc.record({
          fixed: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: classes, maxLength: classes }),
          float: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: classes, maxLength: classes }),
          label: fc.nat(classes - 1),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      cut: fc.nat(12),
    }),
  );

  it("accuracy and agreement are those of all images at once, wherever they are cut", () => {
    fc.assert(
      fc.property(run, fc.boolean(), fc.boolean(), ({ classes, images, cut }, hasFloat, hasLabels) => {
        const outcome = (part: typeof images) => ({
          fixed: part.flatMap(({ fixed }) => fixed),
          float: hasFloat ? part.flatMap(({ float }) => float) : null,
          images: part.length,
          classes,
        });
        const labels = (part: typeof images) => (hasLabels ? part.map(({ label }) => label) : null);
        const whole = new AnswerTally(3);
        whole.add(outcome(images), labels(images));
        const parts = new AnswerTally(3);
        for (const part of [images.slice(0, cut), images.slice(cut)]) parts.add(outcome(part), labels(part));
        expect(parts.accuracy()).toEqual(whole.accuracy());
        expect(parts.agreement()).toEqual(whole.agreement());
        expect(whole.accuracy() === null).toBe(!hasLabels);
        expect(whole.agreement() === null).toBe(!hasFloat);
        if (hasFloat && hasLabels) expect(whole.agreement()?.share).toBe(whole.accuracy()?.agreement);
      }),
      { numRuns: 150 },
    );
  });

  it("agreement by hand: two of three the same class, float's class in the top five but for one", () => {
    const tally = new AnswerTally(1);
    tally.add(
      {
        fixed: [6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 5, 5],
        float: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0],
        images: 3,
        classes: 6,
      },
      null,
    );
    expect(tally.accuracy()).toBeNull();
    expect(tally.agreement()).toMatchObject({ share: 2 / 3, top5: 2 / 3, ties: 1 });
  });

  it("a label that is no class leaves the run without accuracy, in whichever batch it stands", () => {
    const tally = new AnswerTally(1);
    tally.add({ fixed: [1, 2], float: [1, 2], images: 1, classes: 2 }, [1]);
    expect(tally.accuracy()?.fixed).toBe(1);
    tally.add({ fixed: [1, 2], float: [1, 2], images: 1, classes: 2 }, [2]);
    expect(tally.accuracy()).toBeNull();
    expect(tally.agreement()?.share).toBe(1);
  });

  it("the digest is that of all raws at once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 50 }),
        fc.nat(50),
        (raws, cut) => {
          const digest = new Digest();
          digest.add(Int32Array.from(raws.slice(0, cut)));
          digest.add(Int32Array.from(raws.slice(cut)));
          expect(digest.finish()).toBe(digestOf(Int32Array.from(raws)));
        },
      ),
    );
  });
});
