/** Damaged graph models, from files to a compiled program: diagnostics or a program that the check admits. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { DEFAULT_MACHINE } from "../../isa/machine.ts";
import { openModel } from "../../runtime/model.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { GRAPH_MODELS } from "../compiler/importers/graph-model-examples.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, valueOrDiagnostics } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

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

describe.each(GRAPH_MODELS)("%s", (_name, { json, weights }) => {
  it("comes through undamaged", async () => {
    expect(await comesThrough(JSON.stringify(json), weights)).toBe(true);
  });

  it("model.json with wild values, bytes, cuts and copies", async () => {
    const text = new TextEncoder().encode(JSON.stringify(json));
    await fc.assert(
      fc.asyncProperty(byteDamage(), jsonDamage(), fc.boolean(), async (bytes, values, which) => {
        await comesThrough(which ? bytes(text) : (JSON.stringify(values(json)) ?? ""), weights);
      }),
      cases(80),
    );
  });

  it("a shard with wild bytes, cuts and copies", async () => {
    const text = JSON.stringify(json);
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        await comesThrough(text, damage(weights));
      }),
      cases(30),
    );
  });
});
