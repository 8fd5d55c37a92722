import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DATAFLOWS } from "../isa/dataflow/table.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["isa", "compiler", "sim", "runtime"] as const;

interface Import {
  readonly file: string;
  /** Path from the root for a file of the project, else the module's name. */
  readonly target: string;
  readonly own: boolean;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const specifiers = [
    ...text.matchAll(/(?:^|\s)(?:import|export)\s[^;'"]*?["']([^"']+)["']|import\(\s*["']([^"']+)["']/g),
  ];
  return specifiers.map((match) => {
    const name = match[1] ?? match[2] ?? "";
    const own = name.startsWith(".");
    return { file, own, target: own ? normalize(relative(ROOT, join(ROOT, dirname(file), name))) : name };
  });
}

const IMPORTS: readonly Import[] = FOLDERS.flatMap(sourceFiles).flatMap(importsOf);

/** Imports from `from` (a path prefix) to `to` (a path prefix or module name), but for those inside `except`. */
function arrows(from: string, to: string, except = "\0"): string[] {
  return IMPORTS.filter(
    ({ file, target }) => file.startsWith(from) && target.startsWith(to) && !target.startsWith(except),
  ).map(({ file, target }) => `${file} -> ${target}`);
}

/** Files that import one of the modules. */
function importers(module: RegExp): string[] {
  return [...new Set(IMPORTS.filter(({ own, target }) => !own && module.test(target)).map(({ file }) => file))].sort();
}

describe("folders", () => {
  const ALLOWED: Record<(typeof FOLDERS)[number], readonly string[]> = {
    isa: ["isa"],
    compiler: ["isa", "compiler"],
    sim: ["isa", "sim"],
    runtime: ["isa", "compiler", "sim", "runtime"],
  };

  it.each(FOLDERS)("%s imports only the folders it may", (folder) => {
    const wrong = IMPORTS.filter(
      ({ file, own, target }) =>
        own && file.startsWith(`${folder}/`) && !ALLOWED[folder].includes(target.split("/")[0] ?? ""),
    );
    expect(wrong).toEqual([]);
  });

  it("sees imports at all", () => {
    expect(IMPORTS.length).toBeGreaterThan(100);
    expect(arrows("sim/", "isa/").length).toBeGreaterThan(10);
  });

  it("no file imports itself in a circle", () => {
    const next = new Map<string, string[]>();
    for (const { file, own, target } of IMPORTS) if (own) next.set(file, [...(next.get(file) ?? []), target]);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const target of next.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe("rooms", () => {
  /** Folders that are neither within the other. */
  const apart = (a: string, b: string): boolean => !`${a}/`.startsWith(`${b}/`) && !`${b}/`.startsWith(`${a}/`);

  it("no folder imports another in a circle, but for those within it", () => {
    const next = new Map<string, Set<string>>();
    for (const { file, own, target } of IMPORTS) {
      const [from, to] = [dirname(file), dirname(target)];
      if (own && apart(from, to)) next.set(from, (next.get(from) ?? new Set()).add(to));
    }
    const reaches = (from: string): Set<string> => {
      const seen = new Set<string>();
      const visit = (folder: string): void => {
        for (const target of next.get(folder) ?? []) {
          if (seen.has(target)) continue;
          seen.add(target);
          visit(target);
        }
      };
      visit(from);
      return seen;
    };
    expect([...next.keys()].filter((folder) => reaches(folder).has(folder))).toEqual([]);
  });
});

describe("rooms that never meet", () => {
  it("the reference engine and the fast engine share only the contract", () => {
    expect(arrows("sim/reference/", "sim/fast/")).toEqual([]);
    expect(arrows("sim/fast/", "sim/reference/")).toEqual([]);
    expect(arrows("sim/reference/", "sim/timing/")).toEqual([]);
    expect(arrows("sim/reference/", "sim/check/")).toEqual([]);
  });

  it("an importer knows no pass and no other importer", () => {
    expect(arrows("compiler/importers/", "compiler/passes/")).toEqual([]);
    expect(arrows("compiler/importers/", "compiler/lowering/")).toEqual([]);
  });

  it("a pass knows no pass", () => {
    expect(arrows("compiler/passes/", "compiler/passes/")).toEqual([]);
  });

  it("dataflows are named in their own folder, and once as a default", () => {
    const names = Object.keys(DATAFLOWS).map((name) => `"${name}"`);
    const naming = FOLDERS.flatMap(sourceFiles).filter((file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      return !file.startsWith("isa/dataflow/") && names.some((name) => text.includes(name));
    });
    expect(naming).toEqual(["isa/machine.ts"]);
  });

  it("kernels know no program", () => {
    expect(arrows("sim/fast/kernels/", "isa/program")).toEqual([]);
    expect(arrows("sim/fast/kernels/", "isa/instructions")).toEqual([]);
  });

  it("timing knows no values and energy knows no timing", () => {
    for (const values of [
      "isa/numerics/quantize",
      "isa/numerics/raws",
      "isa/numerics/rounding",
      "isa/numerics/overflow",
      "sim/evidence",
      "sim/fast",
    ]) {
      expect(arrows("sim/timing/", values)).toEqual([]);
    }
    expect(arrows("sim/energy/", "sim/timing")).toEqual([]);
    expect(arrows("sim/energy/", "sim/cycles")).toEqual([]);
  });

  it("histories of words know neither engine", () => {
    expect(arrows("sim/history/", "sim/reference/")).toEqual([]);
    expect(arrows("sim/history/", "sim/fast/")).toEqual([]);
  });

  it("a report renders its own data", () => {
    expect(arrows("runtime/report/", "sim/fast")).toEqual([]);
    expect(arrows("runtime/report/", "sim/reference")).toEqual([]);
    expect(arrows("runtime/report/", "compiler/")).toEqual([]);
  });
});

describe("the shell is at the edge", () => {
  it("packages with side effects are imported in one named place each", () => {
    expect(importers(/^piscina$/)).toEqual(["sim/pool/pool.ts"]);
    expect(importers(/^sharp$/)).toEqual(["runtime/datasets/preprocessing/pictures.ts"]);
    expect(importers(/^echarts/)).toEqual(["runtime/report/charts/echarts.ts"]);
    expect(importers(/^fflate$/)).toEqual(["runtime/datasets/formats/npz.ts"]);
    expect(importers(/^csv-parse/)).toEqual(["runtime/csv.ts"]);
    expect(importers(/^bigint-buffer/)).toEqual(["isa/numerics/bit-packing.ts"]);
    expect(importers(/^@tensorflow\//)).toEqual([
      "runtime/float-reference/backend.ts",
      "runtime/training/tensorflow.ts",
    ]);
    // The whole package is a dependency of development: nothing but training may ask for it.
    expect(arrows("runtime/", "runtime/training/").filter((arrow) => !arrow.startsWith("runtime/training/"))).toEqual(
      [],
    );
    expect(importers(/^(node:)?fs(\/promises)?$/)).toEqual(["runtime/files.ts"]);
    expect(importers(/^(node:)?worker_threads$/)).toEqual([]);
  });
});
