/** Drawn integer networks: the machine's integers are those of onnxruntime. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { encodeModel } from "../importers/onnx-model.ts";
import { runOnnxruntime, runs } from "../tensor-graph/onnxruntime.ts";
import { channelsLastElements } from "./compare.ts";
import { DRAWN_INPUT, type DrawnNetwork, drawnModel, drawnNetworks, storedOutput } from "./drawn-integer-network.ts";
import { compiled, runOnMachine } from "./small-models.ts";

const where = "drawn.onnx";

function encoded(network: DrawnNetwork, opset: number): Uint8Array {
  const { constants, nodes, outputs } = drawnModel(network);
  // Attributes of integers are bigint in a file.
  const stored = nodes.map((node) => ({
    ...node,
    attributes: Object.fromEntries(
      Object.entries(node.attributes).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map(BigInt) : typeof value === "number" ? BigInt(value) : value,
      ]),
    ),
  }));
  return encodeModel({
    opset,
    inputs: { x: { shape: DRAWN_INPUT } },
    constants: Object.fromEntries(constants),
    nodes: stored,
    outputs,
  });
}

it("chains of operators in any order give onnxruntime's integers", async () => {
  let [compared, refused] = [0, 0];
  const opsets = fc.constantFrom(13, 17, 19, 21);
  await fc.assert(
    fc.asyncProperty(drawnNetworks, opsets, async (network, opset) => {
      const bytes = encoded(network, opset);
      const image = tensorFrom("float32", DRAWN_INPUT, network.pixels);
      const [expected] = (await runOnnxruntime(bytes, new Map([["x", image]]))).values();
      let found: readonly number[];
      try {
        const compilation = compiled(legalise(readOnnxModel(bytes, where), { where }));
        found = runOnMachine(compilation, channelsLastElements(DRAWN_INPUT, network.pixels));
      } catch (error) {
        // A fraction that is cut and then scaled channel by channel is no one layer.
        if (!(error instanceof DiagnosticError)) throw error;
        expect(error.message).toMatch(/Floor|Round|Ceil|Cast/);
        refused++;
        return;
      }
      const integers = Array.from(expected?.data ?? [], Number);
      expect(found.map((value) => value + 0)).toEqual(storedOutput(network, integers));
      compared++;
    }),
    { numRuns: runs(60) },
  );
  expect(compared).toBeGreaterThan(10 * refused);
}, 120_000);
