import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { matlabFunction } from "../../../runtime/exports/matlab.ts";
import type { ExportSubject } from "../../../runtime/exports/subject.ts";
import { uglySubject } from "./tools.ts";

const OPTIONS = {
  explicitInput: false,
  countPadding: undefined,
  lookupBits: 12,
  interpolate: true,
  tableRange: null,
  averageDivider: false,
  biasOrder: "last" as const,
  weightQuantizer: undefined,
};

describe("MATLAB types", () => {
  it("have the sign, the lengths and the names of Fixed-Point Designer", () => {
    const subject: ExportSubject = {
      model: "LeNet 5",
      layers: [
        {
          name: "conv/1",
          kind: "conv2d",
          options: OPTIONS,
          registers: [
            { register: "input", spec: register(fixedPoint(8, 9, false), "nearest-up"), exact: false, constant: false },
            { register: "weight", spec: register(fixedPoint(4, -2), "stochastic"), exact: false, constant: true },
            { register: "accumulator", spec: register(fixedPoint(90, 70)), exact: true, constant: false },
            { register: "output", spec: register(fixedPoint(16, 8), "down", "wrap"), exact: false, constant: false },
          ],
        },
      ],
    };
    const text = matlabFunction(subject);
    expect(text.split("\n").filter((line) => line.startsWith("types."))).toEqual([
      "types.conv_1.input.type = numerictype(0, 8, 9);",
      "types.conv_1.input.math = fimath('RoundingMethod', 'Nearest', 'OverflowAction', 'Saturate');",
      "types.conv_1.weight.type = numerictype(1, 4, -2); % 4,-2 stochastic saturate: fimath has no rounding stochastic; these words are made before they are stored",
      "types.conv_1.accumulator.type = numerictype(1, 90, 70); % exact: nothing is lost here",
      "types.conv_1.output.type = numerictype(1, 16, 8);",
      "types.conv_1.output.math = fimath('RoundingMethod', 'Floor', 'OverflowAction', 'Wrap');",
    ]);
    expect(text).toMatch(/^function types = LeNet_5_types\(\)\n[\s\S]*\nend\n$/);
  });

  it("whose modes MATLAB lacks are diagnostics", () => {
    expect(() => matlabFunction(uglySubject("sc"))).toThrow(/EXPORT_MODE[\s\S]*fimath has no (rounding|overflow)/);
  });
});
