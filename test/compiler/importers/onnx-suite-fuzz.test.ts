/** Damaged models of ONNX's own suite: every operator, with wild attributes, shapes and constants. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { inferTensors } from "../../../compiler/tensor-graph/evaluation/infer-tensors.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { zeros } from "../../../compiler/tensor-graph/tensor.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { IS_SUITE_PRESENT, isClaimed, suiteCases } from "./onnx-node-suite.ts";

const MODELS = suiteCases()
  .filter((entry) => entry.part === "node" && isClaimed(entry))
  .map(({ name, folder }) => ({ name, bytes: readFileSync(join(folder, "model.onnx")) }));

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 40_000 : 3000;

/** Larger values are only inferred: a run on them would take long, and be right. */
const FEW_ELEMENTS = 20_000;

function runDamaged(bytes: Uint8Array): void {
  try {
    const graph = readOnnxModel(bytes, "m.onnx");
    const sizes = new Map(
      graph.inputs.map(({ name, shape }) => [name, shape.map((size) => (typeof size === "number" ? size : 2))]),
    );
    const count = [...sizes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    if (count > FEW_ELEMENTS) return;
    const inputs = new Map(graph.inputs.map(({ name, type }) => [name, zeros(type, sizes.get(name) ?? [])]));
    const outputs = interpret(graph, inputs);
    // Inference may know less: a shape may depend on an input's elements.
    const known = inferTensors(graph, sizes);
    for (const [name, { type, shape }] of outputs) {
      expect([known.get(name)?.type, known.get(name)?.shape]).toEqual([type, shape]);
    }
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
  }
}

// Skipped where the Debian package libonnx-testdata is not installed.
describe.runIf(IS_SUITE_PRESENT)("a mutated model of the suite", () => {
  it("gives diagnostics, or outputs as inferred", () => {
    const wild = fc.constantFrom(0, 1, 2, 3, 127, 128, 255);
    const draw = fc.nat(MODELS.length - 1).chain((index) =>
      fc.tuple(
        fc.constant(MODELS[index]),
        fc.array(fc.tuple(fc.nat((MODELS[index]?.bytes.length ?? 1) - 1), fc.oneof(wild, fc.nat(255))), {
          maxLength: 3,
        }),
      ),
    );
    fc.assert(
      fc.property(draw, ([model, changes]) => {
        const mutated = Uint8Array.from(model?.bytes ?? []);
        for (const [at, value] of changes) mutated[at] = value;
        runDamaged(mutated);
      }),
      { numRuns: RUNS },
    );
  });

  it("every model as it is: outputs as inferred", () => {
    for (const { bytes } of MODELS) runDamaged(bytes);
  });
});
