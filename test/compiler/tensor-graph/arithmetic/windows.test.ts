import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AutoPad,
  slidingWindows,
  transposedWindows,
  type WindowAxis,
  windowRange,
} from "../../../../compiler/tensor-graph/arithmetic/windows.ts";

const small = fc.integer({ min: 1, max: 4 });
const padding = fc.nat(4);

function axisOf(
  input: number,
  [kernel, stride, dilation]: readonly [number, number, number],
  pads: readonly [number, number],
  autoPad: AutoPad,
  ceilMode: boolean,
): WindowAxis {
  const attributes = { kernel: [kernel], strides: [stride], dilations: [dilation], pads, autoPad, ceilMode };
  return slidingWindows([input], attributes)[0] as WindowAxis;
}

describe("sliding windows", () => {
  it("with explicit padding are those that fit, and in ceil_mode the next one if it begins before the end padding", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.tuple(small, small, small),
        fc.tuple(padding, padding),
        fc.boolean(),
        (input, window, pads, ceilMode) => {
          const [kernel, stride, dilation] = window;
          const [before, after] = pads;
          const extent = (kernel - 1) * dilation + 1;
          fc.pre(input + before + after >= extent);
          let count = 0;
          while (count * stride + extent <= input + before + after) count++;
          const reaches = (count - 1) * stride + extent === input + before + after;
          if (ceilMode && !reaches && count * stride < input + before) count++;
          const axis = axisOf(input, window, pads, "NOTSET", ceilMode);
          expect(axis.output).toBe(count);
          expect(axis.excess).toBe(Math.max((count - 1) * stride + extent - input - before - after, 0));
          if (!ceilMode) expect(axis.excess).toBe(0);
        },
      ),
    );
  });

  it("with SAME are ⌈size / stride⌉, their padding even but for one cell", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.tuple(small, small, small), (input, window) => {
        const [kernel, stride, dilation] = window;
        const upper = axisOf(input, window, [0, 0], "SAME_UPPER", false);
        const lower = axisOf(input, window, [0, 0], "SAME_LOWER", false);
        expect(upper.output).toBe(Math.ceil(input / stride));
        expect([lower.before, lower.after]).toEqual([upper.after, upper.before]);
        expect(upper.after - upper.before === 0 || upper.after - upper.before === 1).toBe(true);
        const reach = (upper.output - 1) * stride + (kernel - 1) * dilation + 1;
        expect(upper.before + upper.after).toBe(Math.max(reach - input, 0));
      }),
    );
  });

  it("of a kernel position meet elements exactly in its range", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.tuple(small, small, small),
        fc.tuple(padding, padding),
        (input, window, pads) => {
          const [kernel, stride, dilation] = window;
          fc.pre(input + pads[0] + pads[1] >= (kernel - 1) * dilation + 1);
          const axis = axisOf(input, window, pads, "NOTSET", false);
          for (let k = 0; k < kernel; k++) {
            const inside = Array.from({ length: axis.output }, (_, at) => at).filter((at) => {
              const position = at * stride - axis.before + k * dilation;
              return position >= 0 && position < input;
            });
            const [first, end] = windowRange(axis, k, axis.output, input);
            expect(Array.from({ length: end - first }, (_, at) => first + at)).toEqual(inside);
          }
        },
      ),
    );
  });
});

describe("transposed windows", () => {
  const attributes = {
    kernel: [3],
    strides: [2],
    dilations: [1],
    pads: [0, 0],
    autoPad: "NOTSET",
    outputPadding: [0],
    outputSizes: null,
  } as const;

  it("undo the size of the windows they transpose, with the output padding that is lost", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.tuple(small, small, small),
        fc.tuple(padding, padding),
        (input, window, pads) => {
          const [kernel, stride, dilation] = window;
          const extent = (kernel - 1) * dilation + 1;
          fc.pre(input + pads[0] + pads[1] >= extent);
          const lost = (input + pads[0] + pads[1] - extent) % stride;
          const forward = axisOf(input, window, pads, "NOTSET", false);
          const [back] = transposedWindows([forward.output], {
            kernel: [kernel],
            strides: [stride],
            dilations: [dilation],
            pads,
            autoPad: "NOTSET",
            outputPadding: [lost],
            outputSizes: null,
          });
          expect(back?.output).toBe(input);
        },
      ),
    );
  });

  it("of a wanted size share the padding, the odd cell first unless SAME_UPPER", () => {
    // Whole output: 9 positions.
    const one = (autoPad: AutoPad): readonly (number | undefined)[] => {
      const [axis] = transposedWindows([4], { ...attributes, autoPad, outputSizes: [6] });
      return [axis?.before, axis?.after, axis?.output];
    };
    expect(one("NOTSET")).toEqual([2, 1, 6]);
    expect(one("SAME_LOWER")).toEqual([2, 1, 6]);
    expect(one("SAME_UPPER")).toEqual([1, 2, 6]);
  });

  it("refuse padding that leaves nothing", () => {
    expect(() => transposedWindows([1], { ...attributes, pads: [2, 1] })).toThrow(/leaves nothing/);
  });
});
