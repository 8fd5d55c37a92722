/** Damaged ONNX files give diagnostics or a sound tensor graph, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onnxExternalFiles, readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { foldConstants } from "../../../compiler/tensor-graph/evaluation/fold-constants.ts";
import { inferTensors } from "../../../compiler/tensor-graph/evaluation/infer-tensors.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { tensorFrom, zeros } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { encodeModel } from "./onnx-model.ts";

const integers = (...values: number[]): AnyTensor => tensorFrom("int64", [values.length], values);

const MODEL = encodeModel({
  opset: 13,
  inputs: { x: { shape: [2, 3, 4] }, n: { type: "int64", shape: [1] } },
  constants: {
    w: tensorFrom("float32", [4], [1, -2, 0.5, 3]),
    starts: integers(1),
    ends: integers(3),
    axes: integers(2),
    pads: integers(0, 1, 0, 0, 0, 2),
    last: integers(-1),
  },
  nodes: [
    { operator: "Mul", name: "scale", inputs: ["x", "w"], outputs: ["a"] },
    { operator: "LeakyRelu", inputs: ["a"], outputs: ["b"], attributes: { alpha: 0.125 } },
    { operator: "Slice", inputs: ["b", "starts", "ends", "axes"], outputs: ["c"] },
    { operator: "Pad", inputs: ["c", "pads"], outputs: ["d"], attributes: { mode: "edge" } },
    { operator: "Shape", inputs: ["d"], outputs: ["shape"] },
    { operator: "Gather", inputs: ["shape", "last"], outputs: ["size"], attributes: { axis: 0n } },
    { operator: "Constant", inputs: [], outputs: ["open"], attributes: { value: integers(-1) } },
    { operator: "Concat", inputs: ["open", "size"], outputs: ["flat"], attributes: { axis: 0n } },
    { operator: "Reshape", inputs: ["d", "flat"], outputs: ["e"] },
    { operator: "Transpose", inputs: ["e"], outputs: ["f"], attributes: { perm: [1n, 0n] } },
    { operator: "Split", inputs: ["f"], outputs: ["g", "h"], attributes: { axis: 0n } },
    { operator: "ReduceMean", inputs: ["g"], outputs: ["y"], attributes: { axes: [-1n], keepdims: 0n } },
    { operator: "Tile", inputs: ["n", "last_positive"], outputs: ["z"] },
  ].map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === "last_positive" ? "starts" : name)) })),
  outputs: ["y", "h", "z"],
  outputTypes: { z: "int64" },
});

/** Reads, infers, folds and runs; anything thrown but diagnostics is a failure. */
function expectDiagnosticOrGraph(bytes: Uint8Array): "graph" | "diagnostic" {
  try {
    onnxExternalFiles(bytes, "m.onnx");
    const graph = readOnnxModel(bytes, "m.onnx");
    const known = inferTensors(graph);
    const folded = foldConstants(graph, { inputShapes: new Map() });
    const inputs = new Map(graph.inputs.map(({ name, type }) => [name, zeros(type, known.get(name)?.shape ?? [])]));
    const outputs = interpret(folded, inputs);
    for (const [name, tensor] of outputs) expect(tensor.shape).toEqual(known.get(name)?.shape);
    return "graph";
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    expect(error.diagnostics.length).toBeGreaterThan(0);
    return "diagnostic";
  }
}

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 20_000 : 1500;

describe("a mutated ONNX file", () => {
  it("is sound unmutated", () => {
    expect(expectDiagnosticOrGraph(MODEL)).toBe("graph");
  });

  it("cut anywhere", () => {
    for (let length = 0; length < MODEL.length; length++) expectDiagnosticOrGraph(MODEL.subarray(0, length));
  });

  it("with wild bytes", () => {
    const bytes = fc.array(fc.tuple(fc.nat(MODEL.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(bytes, (changes) => {
        const mutated = MODEL.slice();
        for (const [at, value] of changes) mutated[at] = value;
        expectDiagnosticOrGraph(mutated);
      }),
      { numRuns: RUNS },
    );
  });

  it("with bits flipped, parts left out and parts doubled", () => {
    const part = fc.tuple(fc.nat(MODEL.length), fc.nat(40), fc.constantFrom("out", "twice", "flip"));
    fc.assert(
      fc.property(part, ([start, length, how]) => {
        const end = Math.min(MODEL.length, start + length);
        const flipped = MODEL.slice(start, end).map((byte) => byte ^ (1 << (length % 8)));
        const middle = { out: [], twice: [...MODEL.slice(start, end), ...MODEL.slice(start, end)], flip: [...flipped] };
        expectDiagnosticOrGraph(Uint8Array.from([...MODEL.slice(0, start), ...middle[how], ...MODEL.slice(end)]));
      }),
      { numRuns: RUNS },
    );
  });

  it("of nothing but random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(expectDiagnosticOrGraph(bytes)).toBe("diagnostic");
      }),
      { numRuns: RUNS },
    );
  });
});

describe("sizes that grow", () => {
  it("constants that double their size again and again are stopped", () => {
    const nodes = Array.from({ length: 60 }, (_, index) => ({
      operator: "Concat",
      inputs: [`v${index}`, `v${index}`],
      outputs: [`v${index + 1}`],
      attributes: { axis: 0n },
    }));
    const bytes = encodeModel({ opset: 13, constants: { v0: integers(1, 2) }, nodes, outputs: ["v60"] });
    const graph = readOnnxModel(bytes, "m.onnx");
    expect(() => foldConstants(graph)).toThrow(DiagnosticError);
  });

  it("a message within a message within a message is no graph", () => {
    let bytes = new Uint8Array([0x0a, 0]);
    for (let depth = 0; depth < 5000; depth++) {
      const length = bytes.length;
      const size =
        length < 128
          ? [length]
          : length < 16384
            ? [(length & 127) | 128, length >> 7]
            : [(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14];
      bytes = Uint8Array.from([0x3a, ...size, ...bytes]);
    }
    expect(expectDiagnosticOrGraph(bytes)).toBe("diagnostic");
  });

  it("ten thousand nodes of one name are read in no time", () => {
    const nodes = Array.from({ length: 10_000 }, (_, index) => ({
      operator: "Relu",
      name: "same",
      inputs: [`v${index}`],
      outputs: [`v${index + 1}`],
    }));
    const bytes = encodeModel({ opset: 13, inputs: { v0: { shape: [1] } }, nodes, outputs: ["v10000"] });
    const graph = readOnnxModel(bytes, "m.onnx");
    expect(new Set(graph.nodes.map(({ name }) => name)).size).toBe(10_000);
  });
});
