/** Damaged graph models give diagnostics or a sound graph, and nothing else. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { verifyStage } from "../../../compiler/graph/stages.ts";
import { importTfjsModel, tfjsWeightPaths } from "../../../compiler/importers/tfjs/index.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, valueOrDiagnostics } from "../../fuzz/mutations.ts";
import type { NodeJson } from "./graph-model.ts";
import { GRAPH_MODELS } from "./graph-model-examples.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

/** True where a graph comes of it. */
async function comesThrough(json: unknown, weights: Uint8Array): Promise<boolean> {
  const graph = await valueOrDiagnostics(() => {
    tfjsWeightPaths(json);
    return importTfjsModel(json, weights, "model.json");
  });
  if (graph !== undefined) expect(verifyStage(graph, "imported", "model.json")).toEqual([]);
  return graph !== undefined;
}

describe.each(GRAPH_MODELS)("%s", (_name, { json, weights }) => {
  const nodes = (json.modelTopology as { node: NodeJson[] }).node;

  it("is sound undamaged", async () => {
    expect(await comesThrough(json, weights)).toBe(true);
  });

  it("wild values anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(jsonDamage(), async (damage) => {
        await comesThrough(damage(json), weights);
      }),
      cases(200),
    );
  });

  it("other operators, inputs and attributes for a node", async () => {
    const node = fc.constantFrom(...nodes);
    const values = fc.constantFrom(...nodes.flatMap(({ name }) => [name, `${name}:0`, `${name}:1`]));
    const integer = fc.oneof(fc.integer({ min: -3, max: 9 }), fc.constantFrom(2 ** 20, 2 ** 31 - 1, -(2 ** 31)));
    const attribute = fc.oneof(
      fc.array(integer, { maxLength: 6 }).map((list) => ({ list: { i: list.map(String) } })),
      integer.map((value) => ({ i: value })),
      fc.boolean().map((value) => ({ b: value })),
      fc.double().map((value) => ({ f: value })),
      fc.constantFrom("VALID", "SAME", "EXPLICIT", "NHWC", "Relu").map((text) => ({ s: btoa(text) })),
    );
    const change = fc.record(
      {
        at: node,
        op: fc.option(node, { nil: undefined }),
        input: fc.option(fc.array(values, { maxLength: 4 }), { nil: undefined }),
        key: fc.nat(20),
        attribute: fc.option(attribute, { nil: undefined }),
      },
      { requiredKeys: ["at", "key"] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        const changed = changes.reduce(
          (list, { at, op, input, key, attribute }) =>
            list.map((old) => {
              if (old.name !== at.name) return old;
              const keys = Object.keys(old.attr ?? {});
              const name = keys[key % Math.max(keys.length, 1)];
              return {
                ...old,
                ...(op && { op: op.op }),
                ...(input && { input }),
                ...(attribute && name && { attr: { ...old.attr, [name]: attribute } }),
              };
            }),
          nodes,
        );
        await comesThrough({ ...json, modelTopology: { node: changed } }, weights);
      }),
      cases(300),
    );
  });

  it("wild numbers among the constants, such as shapes and axes; weights cut or longer", async () => {
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        await comesThrough(json, damage(weights));
      }),
      cases(60),
    );
    const word = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(2 ** 20, 2 ** 31 - 1, -(2 ** 31)));
    await fc.assert(
      fc.asyncProperty(fc.nat(weights.length / 4 - 1), word, async (at, value) => {
        const changed = weights.slice();
        new DataView(changed.buffer).setInt32(4 * at, value, true);
        await comesThrough(json, changed);
      }),
      cases(150),
    );
  });

  it("text with wild bytes, where the rest is still JSON", async () => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        let parsed: unknown;
        try {
          parsed = JSON.parse(new TextDecoder().decode(damage(text)));
        } catch {
          return;
        }
        await comesThrough(parsed, weights);
      }),
      cases(400),
    );
  });
});
