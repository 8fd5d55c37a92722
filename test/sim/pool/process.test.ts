/** The pool in a process of its own: what keeps the process alive, and what Ctrl-C does. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "macroscope-pool-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function run(parameters: readonly string[], during: (kill: (signal: NodeJS.Signals) => void) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    during((signal) => void child.kill(signal));
  });
}

describe("Ctrl-C", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("%s in mid-run: exit code 130, one line, no output file", async (signal) => {
    const command = ["dist/runtime/cli/main.js", "run", "--engine", "reference", "--images", "40", "--workers", "2"];
    const json = join(folder, "result.json");
    const ended = await run([...command, "--json", json], (kill) => {
      // Both workers are in the middle of their first image then: the reference engine takes long over one.
      setTimeout(() => kill(signal), 8000);
    });
    expect(ended).toMatchObject({ code: 130, signal: null, stdout: "", stderr: "interrupted\n" });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("a process whose only worker dies", () => {
  it.each([
    ["in mid-run", "first.terminate();"],
    [
      "and whose next one dies while it is starting",
      `first.terminate();
       const timer = setInterval(() => {
         const next = pool.threads.find((thread) => thread !== first);
         if (next === undefined) return;
         clearInterval(timer);
         next.terminate();
       }, 1);`,
    ],
  ])("%s: waits for the replacement", async (_, kill) => {
    const built = (path: string): string => JSON.stringify(new URL(`../../../dist/${path}`, import.meta.url).href);
    const script = `
      import { SimulationPool } from ${built("sim/pool/pool.js")};
      import { compileLenet, openLenet } from ${built("test/bench/lenet-workload.js")};
      const { program, raws } = compileLenet(await openLenet(4), { format: "16,8", datapath: "intrinsic" });
      const pool = new SimulationPool("fast", 1);
      const [first] = pool.threads;
      const onProgress = (done) => {
        if (done > 1) return;
        ${kill}
      };
      const result = await pool.run(program, raws, 4, { batchImages: 1, observedImages: 0, onProgress });
      console.log(result.images, pool.threads.includes(first));
      await pool.close();
    `;
    const path = join(folder, "run.mjs");
    await writeFile(path, script);
    const ended = await run([path], () => undefined);
    expect(ended).toEqual({ code: 0, signal: null, stdout: "4 false\n", stderr: "" });
  });
});
