/** Damaged model files give diagnostics or a sound graph, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verifyStage } from "../../../compiler/graph/stages.ts";
import { importTfjsLayersModel } from "../../../compiler/importers/tfjs/import.ts";
import { tfjsWeightPaths } from "../../../compiler/importers/tfjs/model-json.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { functionalModel, sequentialModel } from "./keras-json.ts";

const inbound = (...names: string[]) => [names.map((name) => [name, 0, 0, {}])];

const MODELS = [
  functionalModel(
    [6, 5, 2],
    [
      {
        className: "Conv2D",
        name: "c",
        config: { filters: 4, kernel_size: [3, 2], strides: [2, 1], padding: "same", activation: "relu" },
        inbound: inbound("image"),
        weights: { kernel: [3, 2, 2, 4], bias: [4] },
      },
      {
        className: "BatchNormalization",
        name: "n",
        config: { axis: [3], epsilon: 0.001 },
        inbound: inbound("c"),
        weights: { gamma: [4], beta: [4], moving_mean: [4], moving_variance: [4] },
      },
      { className: "Concatenate", name: "both", config: { axis: -1 }, inbound: inbound("c", "n") },
      {
        className: "ZeroPadding2D",
        name: "z",
        config: {
          padding: [
            [1, 2],
            [0, 1],
          ],
        },
        inbound: inbound("both"),
      },
      {
        className: "DepthwiseConv2D",
        name: "d",
        config: { kernel_size: [3, 3], depth_multiplier: 1, use_bias: false },
        inbound: inbound("z"),
        weights: { depthwise_kernel: [3, 3, 8, 1] },
      },
      { className: "GlobalAveragePooling2D", name: "g", config: { keepdims: false }, inbound: inbound("d") },
      {
        className: "Dense",
        name: "fc",
        config: { units: 3, activation: "softmax" },
        inbound: inbound("g"),
        weights: { kernel: [8, 3], bias: [3] },
      },
    ],
  ),
  sequentialModel(
    [7, 5, 1],
    { className: "AveragePooling2D", name: "p", config: { pool_size: [2, 2], strides: null, padding: "same" } },
    { className: "Reshape", name: "r", config: { target_shape: [3, -1, 1] } },
    { className: "ReLU", name: "relu", config: { max_value: 6, negative_slope: 0 } },
    { className: "Flatten", name: "f", config: { data_format: "channels_last" } },
    { className: "Dense", name: "fc", config: { units: 2 }, weights: { kernel: [12, 2], bias: [2] } },
    { className: "Softmax", name: "s", config: { axis: -1 } },
  ),
];

type Path = readonly (string | number)[];

function paths(json: unknown, here: Path = []): Path[] {
  if (typeof json !== "object" || json === null) return [here];
  const entries = Array.isArray(json) ? json.map((value, index) => [index, value] as const) : Object.entries(json);
  return [here, ...entries.flatMap(([key, value]) => paths(value, [...here, key]))];
}

/** A copy of the JSON with the value at `path` replaced, or removed where `value` is undefined. */
function withValue(json: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(json)) {
    return json.flatMap((item, index) => {
      if (index !== key) return [item];
      return rest.length === 0 && value === undefined ? [] : [withValue(item, rest, value)];
    });
  }
  return { ...(json as object), [key]: withValue((json as Record<string, unknown>)[key], rest, value) };
}

const oddValues = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, 0, -1, 0.5, 1, 2, 7, 2 ** 31, 2 ** 53, 1e300, "", "same", "image", "c"),
  fc.constantFrom<unknown>([], {}, [null], [[]], [1, 1], [2 ** 20, 2 ** 20], ["image", 0, 0], { __proto__: 1 }, true),
  fc.constantFrom<unknown>("Conv2D", "Dense", "Add", "Softmax", "Flatten", "Reshape", "constructor", "InputLayer"),
  fc.jsonValue(),
);

function expectDiagnosticOrGraph(json: unknown, weights: Uint8Array): void {
  try {
    tfjsWeightPaths(json);
    const graph = importTfjsLayersModel(json, weights, "model.json");
    expect(verifyStage(graph, "imported", "model.json")).toEqual([]);
  } catch (error) {
    expect(error).toBeInstanceOf(DiagnosticError);
    expect((error as DiagnosticError).diagnostics.length).toBeGreaterThan(0);
  }
}

describe.each(MODELS)("a mutated model", ({ json, weights }) => {
  const places = paths(json);

  it("is sound unmutated", () => {
    expect(importTfjsLayersModel(json, weights, "model.json").nodes.length).toBeGreaterThan(4);
  });

  it("json: any value replaced or removed, up to three at once", () => {
    const mutation = fc.tuple(fc.constantFrom(...places), oddValues);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        const mutated = mutations.reduce<unknown>((current, [path, value]) => {
          try {
            return withValue(current, path, value);
          } catch {
            // The path vanished with an earlier mutation.
            return current;
          }
        }, json);
        expectDiagnosticOrGraph(mutated, weights);
      }),
      { numRuns: 800 },
    );
  });

  it("weights: cut, extended, or with wild bytes", () => {
    fc.assert(
      fc.property(
        fc.nat(weights.length + 8),
        fc.array(fc.tuple(fc.nat(weights.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.boolean(),
        (length, bytes, cut) => {
          const mutated = new Uint8Array(cut ? length : weights.length);
          mutated.set(weights.subarray(0, mutated.length));
          for (const [offset, value] of bytes) if (offset < mutated.length) mutated[offset] = value;
          expectDiagnosticOrGraph(json, mutated);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("text: characters replaced, where the rest is still JSON", () => {
    const text = JSON.stringify(json);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789-.,[]{}"eabc_'), (at, character) => {
        let parsed: unknown;
        try {
          parsed = JSON.parse(text.slice(0, at) + character + text.slice(at + 1));
        } catch {
          return;
        }
        expectDiagnosticOrGraph(parsed, weights);
      }),
      { numRuns: 1000 },
    );
  });
});
