/** A network for a divided input computes what it computed for the whole one, to the last bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { foldInputScale } from "../../../compiler/passes/fold-input-scale.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { resolveConfiguration } from "../../../runtime/configuration.ts";
import { openModel } from "../../../runtime/model.ts";
import { prepareModel } from "../../../runtime/session/compile-model.ts";
import { openFloatSide } from "../../../runtime/session/float.ts";
import { openData } from "../../../runtime/session/image-batches.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";

describe("foldInputScale", () => {
  it("gives the same values for the divided input, or says which node stands in the way", () => {
    let folded = 0;
    fc.assert(
      fc.property(graphWithInput(), fc.integer({ min: -8, max: 8 }), ({ graph, input }, exponent) => {
        try {
          const after = foldInputScale(graph, exponent);
          folded++;
          expect(verifyGraph(after, "after the pass")).toEqual([]);
          const divided = Float32Array.from(input, (value) => value * 2 ** -exponent);
          expect(evaluateGraph(after, divided)).toEqual(evaluateGraph(graph, input));
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
          for (const { code, where } of error.diagnostics)
            expect({ code, where }).toMatchObject({ code: "INPUT_SCALE" });
        }
      }),
      { numRuns: 400 },
    );
    expect(folded).toBeGreaterThan(100);
  });

  it("changes nothing for 2^0", () => {
    const [{ graph } = { graph: null }] = fc.sample(graphWithInput(), { numRuns: 1, seed: 3 });
    if (graph === null) throw new Error("no graph was drawn");
    expect(foldInputScale(graph, 0)).toBe(graph);
  });

  it("refuses an input that a layer without weights reads, by its name", () => {
    const builder = new GraphBuilder("g", { name: "input", shape: [3] }, "g");
    const graph = builder.finish(builder.add({ op: "softmax", name: "answer", inputs: ["input"] }));
    expect(() => foldInputScale(graph, 3, "net.onnx")).toThrow(/net\.onnx: node "answer" \(softmax\)/);
  });
});

describe("--fold-input-scale on the bundled LeNet", () => {
  it("leaves every float answer as it is while the input is an eighth", async () => {
    const answers = await Promise.all(
      [0, 3].map(async (inputShift) => {
        const configuration = resolveConfiguration({ images: 20, preprocessing: { inputShift } });
        const data = await openData(configuration, { shape: [28, 28, 1] }, 20);
        const prepared = await prepareModel(configuration, await openModel("lenet5"), data);
        const float = await openFloatSide(prepared);
        const { values } = await data.read(0, 20);
        const outputs = [await float.network.run(values, 20), await float.lowered.run(values, 20)];
        float.dispose();
        return { largest: values.reduce((a, b) => Math.max(a, b)), outputs };
      }),
    );
    const [plain, divided] = answers;
    expect(divided?.largest).toBe((plain?.largest ?? 0) / 8);
    expect(divided?.outputs).toEqual(plain?.outputs);
  });
});
