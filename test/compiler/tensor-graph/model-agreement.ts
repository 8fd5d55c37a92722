/** Models of several nodes through the interpreter and through onnxruntime. */
import { expect } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { encodeModel, type ModelSketch } from "../importers/onnx-model.ts";
import { runOnnxruntime } from "./onnxruntime.ts";

/** A model whose inputs have these values. */
export interface RunSketch extends Omit<ModelSketch, "inputs"> {
  readonly values: Readonly<Record<string, AnyTensor>>;
}

export function bytesOf({ values, ...sketch }: RunSketch): Uint8Array {
  const inputs = Object.fromEntries(Object.entries(values).map(([name, { type, shape }]) => [name, { type, shape }]));
  return encodeModel({ ...sketch, inputs });
}

/** What the interpreter says, by output. */
export function interpreted(sketch: RunSketch): ReadonlyMap<string, AnyTensor> {
  return interpret(readOnnxModel(bytesOf(sketch), "sketch.onnx"), new Map(Object.entries(sketch.values)));
}

/** Both agree: integers exactly, float32 to 1e−5 relative to the greatest element. */
export async function expectAgreement(sketch: RunSketch): Promise<void> {
  const found = interpreted(sketch);
  for (const [name, expected] of await runOnnxruntime(bytesOf(sketch), new Map(Object.entries(sketch.values)))) {
    const tensor = found.get(name);
    expect([name, tensor?.type, tensor?.shape]).toEqual([name, expected.type, [...expected.shape]]);
    const isFloat = expected.type === "float32" || expected.type === "float64";
    const scale = isFloat
      ? Array.from(expected.data, Number).reduce(
          (most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0),
          1e-3,
        )
      : 0;
    for (let i = 0; i < expected.data.length; i++) {
      const [a, b] = [tensor?.data[i], expected.data[i]];
      const near = a === b || Object.is(a, b) || Math.abs(Number(a) - Number(b)) <= 1e-5 * scale;
      expect(near, `${name}[${i}] is ${a}, onnxruntime says ${b}`).toBe(true);
    }
  }
}
