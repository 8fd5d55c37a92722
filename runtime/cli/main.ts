#!/usr/bin/env node
import { runCommandLine } from "./command-line.ts";
import { EXIT, explainError } from "./exit-codes.ts";

// A closed pipe ends the program silently.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EXIT.done : EXIT.io));
}
// Node.js itself would end with 1, which says "the check answered no".
process.on("uncaughtException", (error) => {
  for (const line of explainError(error).lines) process.stderr.write(`${line}\n`);
  process.exit(EXIT.bug);
});

process.exitCode = await runCommandLine(process.argv.slice(2));
