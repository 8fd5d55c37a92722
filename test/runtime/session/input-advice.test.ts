/** A float network that sees something else than it was trained on is said before any word length. */
import { describe, expect, it } from "vitest";
import type { RunReport } from "../../../runtime/results/run-report.ts";
import { AnswerTally } from "../../../runtime/session/accuracy.ts";
import { inputAdvice } from "../../../runtime/session/input-advice.ts";
import { sampleRun } from "../report/sample-results.ts";

function run(float: number, range: RunReport["input"]["range"], weights: string | null = null): RunReport {
  const sample = sampleRun(["conv1"]);
  const accuracy = sample.accuracy === null ? null : { ...sample.accuracy, float };
  return { ...sample, weights, accuracy, input: { ...sample.input, range } };
}

describe("advice on the input", () => {
  it("is silent where float accuracy is that of a trained network", () => {
    expect(inputAdvice(run(0.98, [0, 0.996]))).toBeUndefined();
    expect(inputAdvice(run(0.45, [-123, 151]))).toBeUndefined();
  });

  it.each([
    [0.1, "is no better than chance (10.00 %)"],
    [0.115, "is no better than chance (10.00 %)"],
    [0.2081, "is poor for a trained network"],
  ])("names accuracy %f, the range of the input and how it was made", (float, words) => {
    const advice = inputAdvice(run(float, [0, 0.0039]));
    expect(advice).toContain(words);
    expect(advice).toContain("Inputs reach 0 … 0.0039 (× 1/256)");
  });

  it("names inputs that hardly reach a word, and constant ones, without labels too", () => {
    expect(inputAdvice({ ...run(0.98, [0, 0.0039]), accuracy: null })).toContain("is a scale applied twice?");
    expect(inputAdvice({ ...run(0.98, [0.5, 0.5]), accuracy: null })).toContain("all inputs are 0.5");
  });

  it("expects nothing of drawn weights", () => {
    expect(inputAdvice(run(0.1, [0, 0.001], "drawn from seed 1"))).toBeUndefined();
  });
});

describe("labels that are no class", () => {
  function missing(labels: readonly number[]): string | null {
    const tally = new AnswerTally(1);
    tally.add({ fixed: [1, 0, 0, 1, 0, 0], float: null, images: 2, classes: 3 }, labels.slice(0, 2));
    tally.add({ fixed: [1, 0, 0], float: null, images: 1, classes: 3 }, labels.slice(2));
    return tally.missing();
  }

  it("are named with their image and number", () => {
    expect(missing([0, 1, 2])).toBeNull();
    expect(missing([0, 7, 2])).toBe("label 7 of image 1 is none of the network's 3 classes, 0 to 2");
    expect(missing([1, 2, 3])).toBe(
      "label 3 of image 2 is none of the network's 3 classes, 0 to 2; labels that count from 1 want --label-offset -1",
    );
    expect(missing([-1, 2, 5])).toContain("2 labels, the first -1 of image 0, are none");
  });

  it("are not there at all", () => {
    const tally = new AnswerTally(1);
    tally.add({ fixed: [1, 0], float: null, images: 1, classes: 2 }, null);
    expect(tally.missing()).toBe("no labels");
  });
});
