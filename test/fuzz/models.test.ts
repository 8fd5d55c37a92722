/** Damaged models, from files to a compiled program: diagnostics or a program that both checks admit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { DEFAULT_MACHINE } from "../../isa/machine.ts";
import { openModel } from "../../runtime/model.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { smallModel } from "../runtime/small-network.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, valueOrDiagnostics } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

const { json, weights } = smallModel();
const text = new TextEncoder().encode(JSON.stringify(json));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-fuzz-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens and compiles the model as `macroscope compile` does; true where it came through. */
async function comesThrough(model: Uint8Array | string, shard: Uint8Array): Promise<boolean> {
  writeFileSync(join(folder, "model.json"), model);
  writeFileSync(join(folder, "group1-shard1of1.bin"), shard);
  const program = await valueOrDiagnostics(async () => {
    const { graph } = await openModel(folder);
    return compile(graph, {
      machine: DEFAULT_MACHINE,
      assignment: { default: { datapath: "wide", format: "10,4" } },
      seed: 1,
      modelName: folder,
    }).program;
  });
  if (program !== undefined) expect(checkProgram(program)).toBeNull();
  return program !== undefined;
}

describe("a damaged model file", () => {
  it("comes through undamaged", async () => {
    expect(await comesThrough(text, weights)).toBe(true);
  });

  it("model.json with wild bytes, cuts and copies", async () => {
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        await comesThrough(damage(text), weights);
      }),
      cases(250),
    );
  });

  it("model.json with wild values", async () => {
    let through = 0;
    await fc.assert(
      fc.asyncProperty(jsonDamage(), async (damage) => {
        if (await comesThrough(JSON.stringify(damage(json)) ?? "", weights)) through++;
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
        if (await comesThrough(text, damage(weights))) through++;
      }),
      cases(150),
    );
    expect(through).toBeGreaterThan(20);
  });
});
