/** Running the command line: in this process for speed, or as the command that users start. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { runCommandLine } from "../../../runtime/cli/command-line.ts";

export interface Invocation {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built command; tests that start it need `npm run build` before them. */
export const COMMAND: string = fileURLToPath(new URL("../../../dist/runtime/cli/main.js", import.meta.url));

/** What the command would print and return, without starting a process. Not for commands that read standard input. */
export async function invoke(...args: readonly string[]): Promise<Invocation> {
  const streams = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      streams[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await runCommandLine(args), ...streams };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** A shell line in a folder, `macroscope` standing for the built command. */
export function shell(line: string, options: { readonly cwd: string; readonly input?: string }): Promise<Invocation> {
  const script = `macroscope() { "${process.execPath}" "${COMMAND}" "$@"; }; ${line}`;
  const child = spawn("bash", ["-c", script], { cwd: options.cwd, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (part) => {
    stdout += String(part);
  });
  child.stderr.on("data", (part) => {
    stderr += String(part);
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Every line of standard error in the form `error[CODE] where: what; hint`. */
export const DIAGNOSTIC_LINE: RegExp = /^error\[[A-Z_]+\] \S.*?: \S.*; \S.*$/;

/** The lines of standard error. */
export function errorLines({ stderr }: Invocation): readonly string[] {
  return stderr.split("\n").filter((line) => line !== "");
}
