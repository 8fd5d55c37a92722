/** Progress that fits its terminal, and says a line a minute where there is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ProgressOutput, progressBar, progressLine, startProgress } from "../../../runtime/cli/progress.ts";

const STATE = { label: "calibration of the network", done: 120, total: 1000, unit: "images", seconds: 60 };

describe("a bar", () => {
  it("keeps the time left in 80 columns", () => {
    expect(progressBar(STATE, 80)).toMatch(
      /^calibration of the network █+░+ 120\/1000 images · 2 images\/s · 440 s left|min left$/,
    );
    expect(progressBar(STATE, 80)).toContain("8 min left");
  });

  it("is shorter than any terminal, and says the time left in all that have room for it", () => {
    const state = fc.record({
      label: fc.string({ minLength: 1, maxLength: 60 }),
      done: fc.nat(10_000),
      total: fc.nat(10_000),
      unit: fc.constantFrom("images", "trials"),
      seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(state, fc.integer({ min: 20, max: 300 }), (shown, columns) => {
        const text = progressBar(shown, columns);
        expect(text.length).toBeLessThan(columns);
        if (columns >= 40) expect(text).toMatch(/(–|\d+ (s|min|h)) left$/);
        if (columns >= 80 && shown.label.length < 20) expect(text).toContain(`${shown.done}/${shown.total}`);
      }),
    );
  });
});

describe("in a pipe", () => {
  function pipe() {
    let time = 0;
    let waiting: { readonly at: number; readonly callback: () => void }[] = [];
    const written: string[] = [];
    const output: ProgressOutput = {
      stream: { write: (text: string | Uint8Array) => written.push(String(text)) > 0 },
      now: () => time,
      later: (callback, milliseconds) => {
        const entry = { at: time + milliseconds, callback };
        waiting.push(entry);
        return () => {
          waiting = waiting.filter((each) => each !== entry);
        };
      },
    };
    const pass = (milliseconds: number): void => {
      const end = time + milliseconds;
      for (;;) {
        const [next] = waiting.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
        if (next === undefined) break;
        time = next.at;
        waiting = waiting.filter((each) => each !== next);
        next.callback();
      }
      time = end;
    };
    return { output, pass, written, waiting: () => waiting.length };
  }

  it("nothing is said within a minute, then a line every minute", () => {
    const { output, pass, written, waiting } = pipe();
    const progress = startProgress("run", 1000, "images", output);
    progress.update(10);
    pass(59_999);
    expect(written).toEqual([]);
    progress.update(100);
    pass(1);
    expect(written).toEqual(["run: 100/1,000 images, 1.67 images/s, 9 min left\n"]);
    pass(120_000);
    expect(written).toHaveLength(3);
    progress.stop();
    expect(waiting()).toBe(0);
    pass(600_000);
    expect(written).toHaveLength(3);
  });

  it("short jobs one after the other share the minute", () => {
    const { output, pass, written } = pipe();
    for (let job = 0; job < 25; job++) {
      const progress = startProgress(`job ${job}`, 10, "trials", output);
      pass(10_000);
      progress.stop();
    }
    expect(written).toHaveLength(4);
    expect(progressLine({ ...STATE, done: 0 })).toBe("calibration of the network: 0/1,000 images, – images/s, – left");
  });
});
