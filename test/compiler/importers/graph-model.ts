/** Graph models written by hand, run by TensorFlow.js's own executor, and imported. */
import { expect } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { importTfjsGraphModel } from "../../../compiler/importers/tfjs/index.ts";
import type { TensorFlow } from "../../../runtime/training/tensorflow.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";

export interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
}

interface PlaceholderJson {
  readonly attr: { readonly shape: { shape: { dim: { size: string }[] } }; readonly dtype: { type: string } };
}

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly values: readonly number[];
}

export interface GraphModelFile {
  readonly json: Record<string, unknown>;
  readonly weights: Uint8Array;
}

export const text = (value: string): unknown => ({ s: Buffer.from(value).toString("base64") });
export const texts = (...values: string[]): unknown => ({
  list: { s: values.map((value) => Buffer.from(value).toString("base64")) },
});
export const integers = (...values: number[]): unknown => ({ list: { i: values.map(String) } });
export const integer = (value: number): unknown => ({ i: String(value) });
export const number = (value: number): unknown => ({ f: value });
export const flag = (value: boolean): unknown => ({ b: value });
export const type = (value: string): unknown => ({ type: value });

/** Nodes one after the other; the last one is the output unless `output` names another. */
export class GraphModelBuilder {
  readonly nodes: NodeJson[] = [];
  readonly #weights: Weight[] = [];
  readonly #seed: number;

  constructor(inputShape: readonly number[], seed = 1, dtype = "DT_FLOAT") {
    this.#seed = seed;
    const dim = inputShape.map((size) => ({ size: String(size) }));
    this.nodes.push({ name: "image", op: "Placeholder", attr: { shape: { shape: { dim } }, dtype: type(dtype) } });
  }

  /** Random numbers around 0, fit for a layer of `terms` products. */
  weight(name: string, shape: readonly number[], low = -1, high = 1): string {
    const count = shape.reduce((a, b) => a * b, 1);
    const scale = shape.length > 1 ? 1.5 / Math.sqrt(count / (shape.at(-1) ?? 1)) : 1;
    const values = randomFloats(count, this.#seed + this.#weights.length, low * scale, high * scale);
    return this.constant(name, shape, Array.from(values));
  }

  constant(
    name: string,
    shape: readonly number[],
    values: readonly number[],
    dtype: Weight["dtype"] = "float32",
  ): string {
    this.#weights.push({ name, shape, values, dtype });
    const tensorType = type(dtype === "float32" ? "DT_FLOAT" : "DT_INT32");
    this.nodes.push({ name, op: "Const", attr: { dtype: tensorType } });
    return name;
  }

  /** A constant list of integers. */
  list(name: string, ...values: number[]): string {
    return this.constant(name, [values.length], values, "int32");
  }

  scalar(name: string, value: number): string {
    return this.constant(name, [], [value], "int32");
  }

  add(op: string, name: string, input: readonly string[], attr: Readonly<Record<string, unknown>> = {}): string {
    this.nodes.push({ name, op, input, attr: { T: type("DT_FLOAT"), ...attr } });
    return name;
  }

  file(output = `${this.nodes.at(-1)?.name}:0`): GraphModelFile {
    const specs = this.#weights.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    const buffers = this.#weights.map(({ dtype, values }) =>
      Buffer.from((dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values)).buffer),
    );
    const json = {
      format: "graph-model",
      signature: { inputs: { image: { name: "image:0" } }, outputs: { out: { name: output } } },
      modelTopology: { node: this.nodes, library: {}, versions: { producer: 1482, minConsumer: 12 } },
      weightsManifest: [{ paths: ["group1-shard1of1.bin"], weights: specs }],
    };
    return { json: JSON.parse(JSON.stringify(json)), weights: new Uint8Array(Buffer.concat(buffers)) };
  }
}

export function importGraph({ json, weights }: GraphModelFile): Graph {
  return importTfjsGraphModel(json, weights, "model.json");
}

/** What TensorFlow.js's executor yields for one input. */
export async function execute(
  tf: TensorFlow,
  { json, weights }: GraphModelFile,
  input: Float32Array,
  shape: readonly number[],
): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
  const [manifest] = json.weightsManifest as { weights: unknown }[];
  const model = await tf.loadGraphModel(
    tf.io.fromMemory({
      modelTopology: structuredClone(json.modelTopology) as object,
      signature: structuredClone(json.signature) as object,
      format: "graph-model",
      weightSpecs: structuredClone(manifest?.weights) as never,
      weightData: weights.slice().buffer,
    }),
  );
  const result = tf.tidy(() => {
    const tensor = tf.tensor(input, [...shape], isInteger(json) ? "int32" : "float32");
    return model.execute(tensor);
  });
  if (Array.isArray(result)) throw new Error("the model has several outputs");
  const found = { shape: result.shape, data: Float32Array.from(await result.data()) };
  result.dispose();
  model.dispose();
  return found;
}

function isInteger(json: Record<string, unknown>): boolean {
  const [placeholder] = (json.modelTopology as { node: [PlaceholderJson] }).node;
  return placeholder.attr.dtype.type === "DT_INT32";
}

/** The imported graph yields what TensorFlow.js's executor yields, to 1e-4 of the largest output. */
export async function expectSameAsExecutor(tf: TensorFlow, file: GraphModelFile, seed = 3): Promise<Graph> {
  const graph = importGraph(file);
  const [placeholder] = (file.json.modelTopology as { node: [PlaceholderJson] }).node;
  const shape = placeholder.attr.shape.shape.dim.map(({ size }) => Math.abs(Number(size)));
  const count = shape.reduce((a, b) => a * b, 1);
  const input = isInteger(file.json)
    ? Float32Array.from({ length: count }, (_, index) => (index * 37 + seed) % 256)
    : Float32Array.from(randomFloats(count, seed, -2, 2));
  const expected = await execute(tf, file, input, shape);
  const actual = evaluateGraph(graph, input);
  expect(actual.data.length).toBe(expected.data.length);
  const scale = Math.max(1e-3, ...expected.data.map(Math.abs));
  const worst = Math.max(...actual.data.map((value, index) => Math.abs(value - (expected.data[index] ?? Infinity))));
  expect(worst).toBeLessThanOrEqual(1e-4 * scale);
  return graph;
}
