/** Model files from disk to a compiled program, as `macroscope compile` takes them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { DEFAULT_MACHINE } from "../../isa/machine.ts";
import { openModel } from "../../runtime/model.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { valueOrDiagnostics } from "./mutations.ts";

/** A folder for one model after the other; to be removed. */
export class ModelFolder {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "macroscope-fuzz-"));

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Opens and compiles the model; true where it came through, to a program that the check admits, false for diagnostics. */
  async comesThrough(model: Uint8Array | string, shard: Uint8Array): Promise<boolean> {
    const folder = this.#folder;
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
}
