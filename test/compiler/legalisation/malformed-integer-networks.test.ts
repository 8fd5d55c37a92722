/** Integer chains whose constants are no numbers that a chain can have: a diagnostic, or the integers of the interpreter. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { drawnModel, drawnNetworks } from "./drawn-integer-network.ts";
import { compiled, float, model, scalar } from "./small-models.ts";

const UGLY = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  3.4e38,
  -3.4e38,
  1e-45,
  2 ** 60,
  0.1,
];

/** Whether it compiled; anything but a diagnostic is thrown. */
function survives(graph: TensorGraph): boolean {
  try {
    compiled(legalise(graph, { where: "integers.onnx" }), {});
    return true;
  } catch (error) {
    if (error instanceof DiagnosticError) return false;
    throw error;
  }
}

describe("a malformed integer chain", () => {
  it.each([
    [Number.NaN, 200],
    [0, Number.NaN],
    [Number.NaN, Number.NaN],
    [5, 3],
  ])("with a clip from %d to %d is refused, and soon", (low, high) => {
    const graph = model([1, 1, 1, 2], { w: float([1, 1, 1, 1], [1]), low: scalar(low), high: scalar(high) }, [
      { name: "conv", operator: "Conv", inputs: ["x", "w"] },
      { name: "y", operator: "Clip", inputs: ["conv'", "low", "high"] },
    ]);
    expect(survives(graph)).toBe(false);
  });

  it("with one constant spoilt gives diagnostics or a program", () => {
    const spoils = fc.record({
      which: fc.nat(),
      values: fc.array(fc.constantFrom(...UGLY), { minLength: 1, maxLength: 4 }),
    });
    let refused = 0;
    fc.assert(
      fc.property(drawnNetworks, spoils, (network, { which, values }) => {
        const graph = drawnModel(network);
        const names = [...graph.constants.keys()];
        const name = names[which % names.length] ?? "";
        const old = graph.constants.get(name) as AnyTensor;
        const count = old.shape.reduce((product, side) => product * side, 1);
        const spoilt = tensorFrom(
          "float32",
          old.shape,
          Array.from({ length: count }, (_, at) => values[at % values.length] ?? 0),
        );
        if (!survives({ ...graph, constants: new Map([...graph.constants, [name, spoilt]]) })) refused++;
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 2000 : 150 },
    );
    expect(refused).toBeGreaterThan(10);
  });
});
