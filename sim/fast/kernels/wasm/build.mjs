/**
 * Builds the WebAssembly kernels: compiles every module of assembly/ and writes them, base64, to
 * dist/sim/fast/kernels/wasm/module.cjs. Part of `npm run build`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = ["dot", "element-wise", "float64", "int8", "int16", "int32", "int64", "lanes", "stochastic"];

/** Kernels work on a memory that the program shares with them; nothing is allocated inside. */
const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime=stub",
  "--importMemory",
  "--noExportMemory",
  "--sharedMemory",
  "--initialMemory=1",
  "--maximumMemory=65536",
  "--enable=simd",
  "--enable=threads",
];

const { default: asc } = await import(process.env.ASC ?? "assemblyscript/asc");
const folder = fileURLToPath(new URL("./assembly/", import.meta.url));
const target = fileURLToPath(new URL("../../../../dist/sim/fast/kernels/wasm/module.cjs", import.meta.url));

const built = {};
for (const name of MODULES) {
  const { error, stderr } = await asc.main([`${name}.ts`, "--baseDir", folder, "-o", `${name}.wasm`, ...OPTIONS], {
    writeFile: (file, contents) => {
      if (file.endsWith(".wasm")) built[name] = Buffer.from(contents).toString("base64");
    },
  });
  if (error) {
    process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
    process.exit(1);
  }
}
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, `module.exports = ${JSON.stringify(built, null, 2)};\n`);
