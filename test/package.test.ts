/** What users install: the files of the package, their types, and the command without anything of development beside it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-package-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
let files: readonly string[] = [];

beforeAll(() => {
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", FOLDER], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename, files: found }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = found.map(({ path }) => path);
  execFileSync("tar", ["xzf", filename], { cwd: FOLDER });
  // Its dependencies alone, and Node's types, as a project has them.
  const modules = join(FOLDER, "node_modules");
  for (const name of [...Object.keys(MANIFEST.dependencies), "@types/node"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  renameSync(join(FOLDER, "package"), join(modules, "macroscope"));
}, 120_000);

describe("the package", () => {
  it("holds every entry, the command and the bundled data, and nothing of tests, benchmarks and training", () => {
    const entries = Object.values(MANIFEST.exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : [entry.types, entry.default],
    );
    for (const entry of [
      ...entries,
      "./dist/runtime/cli/main.js",
      "./runtime/assets/lenet5/weights.bin",
      "./LICENSE",
    ]) {
      expect(files).toContain(entry.replace("./", ""));
    }
    expect(files.filter((path) => path.endsWith(".map") || path.endsWith(".test.js"))).toEqual([]);
    const unwanted = ["test/", "compiler/", "sim/", "dist/test/bench/", "dist/test/results/", "dist/runtime/training/"];
    expect(files.filter((path) => unwanted.some((folder) => path.startsWith(folder)))).toEqual([]);
    expect(files.length).toBeLessThan(2000);
  });

  it("has types that a strict project takes without skipLibCheck", () => {
    const names = Object.keys(MANIFEST.exports).filter((name) => name !== "./package.json");
    const imports = names.map((name, index) => `import * as e${index} from "macroscope${name.slice(1)}";`);
    const used = names.map((_, index) => `e${index}`).join(", ");
    writeFileSync(
      join(FOLDER, "consumer.ts"),
      `${imports.join("\n")}\nexport const all: readonly object[] = [${used}];\n`,
    );
    const compilerOptions = { strict: true, module: "nodenext", target: "es2022", noEmit: true, skipLibCheck: false };
    writeFileSync(
      join(FOLDER, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...compilerOptions, types: [] }, files: ["consumer.ts"] }),
    );
    let printed = "";
    try {
      execFileSync(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", FOLDER], { encoding: "utf8" });
    } catch (error) {
      printed = (error as { stdout: string }).stdout;
    }
    expect(printed).toBe("");
  }, 120_000);

  it("runs with the dependencies of production alone", () => {
    const command = join(FOLDER, "node_modules", "macroscope", "dist", "runtime", "cli", "main.js");
    const printed = execFileSync(process.execPath, [command, "run", "--images", "1", "--format", "8,auto"], {
      cwd: FOLDER,
      encoding: "utf8",
    });
    expect(printed).toContain("lenet5 on mnist-test, 1 image");
    expect(printed).toContain("float      tfjs 4.22.0 (wasm");
  }, 120_000);
});
