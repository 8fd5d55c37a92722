/** Damaged graph models, from files to a compiled program: diagnostics or a program that the check admits. */
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { GRAPH_MODELS } from "../compiler/importers/graph-model-examples.ts";
import { ModelFolder } from "./model-folder.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

const models = new ModelFolder();

afterAll(() => models.remove());

describe.each(GRAPH_MODELS)("%s", (_name, { json, weights }) => {
  it("comes through undamaged", async () => {
    expect(await models.comesThrough(JSON.stringify(json), weights)).toBe(true);
  });

  it("model.json with wild values, bytes, cuts and copies", async () => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    await fc.assert(
      fc.asyncProperty(byteDamage(), jsonDamage(), fc.boolean(), async (bytes, values, which) => {
        await models.comesThrough(which ? bytes(text) : (JSON.stringify(values(json)) ?? ""), weights);
      }),
      cases(80),
    );
  });

  it("a shard with wild bytes, cuts and copies", async () => {
    const text = JSON.stringify(json);
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        await models.comesThrough(text, damage(weights));
      }),
      cases(30),
    );
  });
});
