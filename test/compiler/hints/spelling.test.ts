import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { misspelt } from "../../../compiler/hints/spelling.ts";
import { LAYER_RULES } from "../../../compiler/importers/tfjs/layers/table.ts";
import { OPERATOR_NAMES } from "../../../compiler/tensor-graph/operators/table.ts";

describe("a misspelt name", () => {
  it("is known by case, and by one letter too many, missing, exchanged or swapped", () => {
    const names = ["Conv", "Softmax", "MaxPool"];
    const found = (name: string): string | undefined => misspelt(name, names);
    expect(["conv", "CONV", "Convv", "Softmx", "Softmaxx", "Softnax", "Sotfmax", "maxpool"].map(found)).toEqual([
      "Conv",
      "Conv",
      "Conv",
      "Softmax",
      "Softmax",
      "Softmax",
      "Softmax",
      "MaxPool",
    ]);
  });

  it("is no other operator: those of ONNX that are not supported are near none that is", () => {
    const unsupported = ["If", "Loop", "Scan", "Gelu", "Mish", "Hardmax", "Optional", "Unique", "Compress", "LpPool"];
    const others = ["MaxUnpool", "RoiAlign", "GridSample", "NonZero", "STFT", "DFT", "Det", "Bernoulli", "Einsum"];
    for (const name of [...unsupported, ...others]) {
      if (OPERATOR_NAMES.includes(name)) continue;
      expect([name, misspelt(name, OPERATOR_NAMES)]).toEqual([name, undefined]);
    }
    // Conv and Gemm have no place where only others are allowed.
    expect(misspelt("Conv", ["Trunc", "Cos", "Cosh"])).toBeUndefined();
    expect(misspelt("If", ["Div", "Elu"])).toBeUndefined();
  });

  it("leads back to the name for every name and every single mistake, or to one as near", () => {
    const names = [...OPERATOR_NAMES, ...Object.keys(LAYER_RULES)].filter((name) => name.length > 5);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.constantFrom("drop", "double"), (name, pick, mistake) => {
        const at = pick % name.length;
        if (/[0-9.]/.test(name.charAt(at))) return;
        const wrong =
          name.slice(0, at) +
          (mistake === "double" ? name.charAt(at) : "") +
          name.slice(mistake === "drop" ? at + 1 : at);
        expect(misspelt(wrong, names)).toBeDefined();
      }),
    );
  });
});
