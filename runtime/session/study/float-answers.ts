import { InvariantError } from "../../../isa/diagnostic.ts";
import type { FloatLogits } from "../float.ts";
import { joined } from "../values.ts";

/** Answers that are kept, 128 MiB: 3.3 million images of ten classes. */
const KEPT_BYTES = 2 ** 27;

/**
 * Float answers, each computed once and kept; what was kept longest is dropped where there are more than `keptBytes`, and
 * computed again when it is asked for.
 */
export function keptAnswers(compute: FloatLogits, keptBytes: number = KEPT_BYTES): FloatLogits {
  const kept = new Map<number, Float32Array>();
  let bytes = 0;
  const keep = (image: number, answer: Float32Array): void => {
    if (kept.has(image)) return;
    kept.set(image, answer);
    bytes += answer.byteLength;
    for (const [oldest, { byteLength }] of kept) {
      if (bytes <= keptBytes) break;
      kept.delete(oldest);
      bytes -= byteLength;
    }
  };
  return async (batch, onProgress) => {
    const { first, count, values } = batch;
    const pixels = values.length / count;
    // Those at hand are held here: keeping new ones may drop them.
    const answers = Array.from({ length: count }, (_, index) => kept.get(first + index));
    for (let start = 0; start < count; ) {
      if (answers[start] !== undefined) {
        start++;
        continue;
      }
      let end = start;
      while (end < count && answers[end] === undefined) end++;
      const run = { first: first + start, count: end - start, values: values.subarray(start * pixels, end * pixels) };
      const done = start;
      const found = await compute({ ...run, labels: null }, (images) => onProgress?.(done + images));
      const elements = found.length / run.count;
      for (let index = 0; index < run.count; index++) {
        const answer = found.slice(index * elements, (index + 1) * elements);
        answers[start + index] = answer;
        keep(run.first + index, answer);
      }
      start = end;
    }
    onProgress?.(count);
    return joined(
      answers.map((answer) => {
        if (answer === undefined) throw new InvariantError("a float answer was not computed");
        return answer;
      }),
    );
  };
}
