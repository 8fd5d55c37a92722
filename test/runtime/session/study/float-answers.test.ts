/** Float answers that are kept: the same values as without, computed once while they fit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FloatLogits } from "../../../../runtime/session/float.ts";
import type { RunBatch } from "../../../../runtime/session/image-batches.ts";
import { keptAnswers } from "../../../../runtime/session/study/float-answers.ts";

const PIXELS = 3;
const CLASSES = 2;
const ANSWER_BYTES = 4 * CLASSES;

/** Pixels of image i are i, i + 0.25, i + 0.5. */
function batchOf(first: number, count: number): RunBatch {
  const values = Float32Array.from(
    { length: count * PIXELS },
    (_, index) => first + Math.floor(index / PIXELS) + (index % PIXELS) / 4,
  );
  return { first, count, values, labels: null };
}

/** Sums and differences of pixels, and which images were computed. */
function counting(): { readonly compute: FloatLogits; readonly computed: number[] } {
  const computed: number[] = [];
  const compute: FloatLogits = async ({ first, count, values }, onProgress) => {
    const answers = new Float32Array(count * CLASSES);
    for (let index = 0; index < count; index++) {
      computed.push(first + index);
      const pixels = values.subarray(index * PIXELS, (index + 1) * PIXELS);
      answers[2 * index] = pixels.reduce((sum, value) => sum + value, 0);
      answers[2 * index + 1] = (pixels[2] ?? 0) - (pixels[0] ?? 0) + first + index;
    }
    onProgress?.(count);
    return answers;
  };
  return { compute, computed };
}

const spans = fc.array(fc.record({ first: fc.nat(30), count: fc.integer({ min: 1, max: 12 }) }), { maxLength: 12 });

describe("kept float answers", () => {
  it("are those of the network, whatever is asked in whatever order and however few are kept", async () => {
    await fc.assert(
      fc.asyncProperty(spans, fc.nat(20 * ANSWER_BYTES), async (asked, bytes) => {
        const logits = keptAnswers(counting().compute, bytes);
        for (const { first, count } of asked) {
          const progress: number[] = [];
          const found = await logits(batchOf(first, count), (done) => progress.push(done));
          expect(found).toEqual(await counting().compute(batchOf(first, count)));
          expect(progress).toEqual(progress.toSorted((a, b) => a - b));
          expect(progress.at(-1)).toBe(count);
        }
      }),
    );
  });

  it("are computed once where they fit", async () => {
    await fc.assert(
      fc.asyncProperty(spans, async (asked) => {
        const { compute, computed } = counting();
        const logits = keptAnswers(compute, 42 * ANSWER_BYTES);
        for (const { first, count } of asked) await logits(batchOf(first, count));
        expect(new Set(computed).size).toBe(computed.length);
      }),
    );
  });

  it("drop the oldest beyond the bound: of images 0 to 5 with room for 4, 0 and 1 are computed again", async () => {
    const { compute, computed } = counting();
    const logits = keptAnswers(compute, 4 * ANSWER_BYTES);
    await logits(batchOf(0, 6));
    await logits(batchOf(2, 4));
    expect(computed).toEqual([0, 1, 2, 3, 4, 5]);
    await logits(batchOf(0, 3));
    expect(computed.slice(6)).toEqual([0, 1]);
  });
});
