/** Damaged models, from files to a compiled program: diagnostics or a program that both checks admit. */
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { smallModel } from "../runtime/small-network.ts";
import { ModelFolder } from "./model-folder.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

const { json, weights } = smallModel();
const text = new TextEncoder().encode(JSON.stringify(json));

const models = new ModelFolder();

afterAll(() => models.remove());

describe("a damaged model file", () => {
  it("comes through undamaged", async () => {
    expect(await models.comesThrough(text, weights)).toBe(true);
  });

  it("model.json with wild bytes, cuts and copies", async () => {
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        await models.comesThrough(damage(text), weights);
      }),
      cases(250),
    );
  });

  it("model.json with wild values", async () => {
    let through = 0;
    await fc.assert(
      fc.asyncProperty(jsonDamage(), async (damage) => {
        if (await models.comesThrough(JSON.stringify(damage(json)) ?? "", weights)) through++;
      }),
      cases(250),
    );
    // Much of a model file is of no consequence; were all of it refused, this test would test little.
    expect(through).toBeGreaterThan(10);
  });

  it("a shard with wild bytes, cuts and copies", async () => {
    let through = 0;
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        if (await models.comesThrough(text, damage(weights))) through++;
      }),
      cases(150),
    );
    expect(through).toBeGreaterThan(20);
  });
});
