import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { type FixedPointFormat, formatText } from "../../../isa/numerics/format.ts";
import type { MatrixWork } from "../matrix-work.ts";
import type { Missing, Opponent } from "./opponent.ts";

const NAME = "sc_fixed_fast";
/** In its place where nothing is to be compiled. */
export const SYSTEMC_LEFT_OUT: Missing = { name: NAME, missing: "not asked for" };

/** Where libsystemc-dev puts it. */
const HEADER = "/usr/include/systemc";

const SOURCE = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "./sc-fixed-fast.cpp" : "../../../../test/bench/opponents/sc-fixed-fast.cpp",
    import.meta.url,
  ),
);

export interface SystemcOpponent extends Opponent {
  /** Raws of all sums of the last run, work after work. */
  sums(): Promise<readonly number[]>;
}

/**
 * Matrix products in SystemC's `sc_fixed_fast`, compiled with -O2 into a temporary folder, one process. All words have
 * the format of the first operand. A unit of its work is `unit` for one pass over all products.
 */
export async function systemcMatrices(works: readonly MatrixWork[], unit: number): Promise<SystemcOpponent | Missing> {
  const [first] = works;
  if (first === undefined) throw new InvariantError("no work for SystemC");
  if (!existsSync(HEADER)) return { name: NAME, missing: "SystemC is not installed (libsystemc-dev)" };
  try {
    return await start(await compiledProgram(first.operand), works, unit);
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { name: NAME, missing: `SystemC's program was not built: ${reason}` };
  }
}

/** Programs by format, each compiled once, and the folder that goes when this process goes. */
const programs = new Map<string, Promise<string>>();

function compiledProgram(format: FixedPointFormat): Promise<string> {
  const key = formatText(format);
  const program = programs.get(key) ?? compiled(format);
  programs.set(key, program);
  return program;
}

async function compiled({ wordLength, fractionLength }: FixedPointFormat): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "macroscope-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "sc-fixed-fast");
  const format = [`-DWORD_LENGTH=${wordLength}`, `-DFRACTION_LENGTH=${fractionLength}`];
  await promisify(execFile)("c++", ["-std=c++17", "-O2", ...format, "-o", program, SOURCE, "-lsystemc"]);
  return program;
}

async function start(program: string, works: readonly MatrixWork[], unit: number): Promise<SystemcOpponent> {
  const folder = await mkdtemp(`${program}-`);
  const files = works.map((_, index) => join(folder, `work-${index}`));
  await Promise.all(works.map((work, index) => writeFile(files[index] as string, workBytes(work))));
  const child = spawn(program, files, { env: { ...process.env, SYSTEMC_DISABLE_COPYRIGHT_MESSAGE: "1" } });
  const answers = answersOf(child);
  const ask = (request: string): Promise<string> => {
    child.stdin.write(`${request}\n`);
    return answers();
  };
  const ready = await answers();
  await rm(folder, { recursive: true });
  return {
    name: NAME,
    version: `${ready.replace("ready ", "")}, C++ -O2`,
    grain: unit,
    run: async (amount) => {
      for (let done = 0; done < amount; done += unit) await ask("run");
    },
    sums: async () => (await ask("sums")).trim().split(" ").map(Number),
    close: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** The lines a process writes, one for each call; fails when it ends. */
function answersOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the program ended with code ${child.exitCode}`);
    return value;
  };
}

function workBytes({
  pixels,
  filters,
  steps,
  inputWords,
  pixelOffsets,
  stepOffsets,
  input,
  weights,
}: MatrixWork): Uint8Array {
  const header = [pixels, filters, steps, inputWords];
  const words = Int32Array.from([...header, ...pixelOffsets, ...stepOffsets, ...input, ...weights]);
  return new Uint8Array(words.buffer);
}
