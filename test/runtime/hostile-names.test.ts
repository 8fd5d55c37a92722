/** Layers that bear names of JavaScript's own, or each other's names with a word behind: what is said of one reaches it and no other. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { tensorFrom } from "../../compiler/tensor-graph/tensor.ts";
import { encodeModel } from "../compiler/importers/onnx-model.ts";
import { invoke } from "./cli/invoke.ts";
import { npyBytes, npyFile } from "./datasets/files.ts";

const NAMES = ["__proto__", "constructor", "c", "c/weight", "toString", "c/bias"] as const;
const FORMATS = ["4,2", "5,2", "6,3", "7,3", "9,4", "10,5"] as const;

let folder = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "macroscope-names-"));
  // Layer i has weights of ±(i + 1) / 8 and a bias of (i + 1) / 4.
  const constants = NAMES.flatMap((name, index) => [
    [
      `${name}.w`,
      tensorFrom(
        "float32",
        [2, 2],
        [1, -1, 0, 1].map((sign) => (sign * (index + 1)) / 8),
      ),
    ] as const,
    [`${name}.b`, tensorFrom("float32", [2], [(index + 1) / 4, 0])] as const,
  ]);
  const nodes = NAMES.map((name, index) => ({
    operator: "Gemm",
    name,
    inputs: [index === 0 ? "x" : `${index}`, `${name}.w`, `${name}.b`],
    outputs: [`${index + 1}`],
  }));
  const inputs = { x: { shape: [1, 2] } };
  const model = encodeModel({ inputs, constants: Object.fromEntries(constants), nodes, outputs: [`${NAMES.length}`] });
  await writeFile(file("model.onnx"), model);
  const values = npyBytes("<f4", [0.5, -0.25, 1, 0.125, -1, 0.75]);
  await writeFile(file("x.npy"), npyFile("<f4", [3, 2], values));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Result {
  readonly layers: readonly {
    readonly name: string;
    readonly datapath: Readonly<Record<string, string>>;
    readonly registers: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
  }[];
  readonly configuration: { readonly assignment: unknown };
}

async function run(...flags: readonly string[]): Promise<Result> {
  const made = await invoke(
    "run",
    file("model.onnx"),
    "--data",
    file("x.npy"),
    "--json",
    file("result.json"),
    ...flags,
  );
  expect(made.stderr).toBe("");
  return JSON.parse(await readFile(file("result.json"), "utf8")) as Result;
}

/** Output format of each layer. */
function formats({ layers }: Result): Readonly<Record<string, string>> {
  return Object.fromEntries(layers.map(({ name, datapath }) => [name, datapath.output?.split(" ")[0] ?? ""]));
}

const EXPECTED = Object.fromEntries(NAMES.map((name, index) => [name, FORMATS[index]]));
const ASSIGNMENT = {
  default: { format: "12,6" },
  layers: Object.fromEntries(NAMES.map((name, index) => [name, { format: FORMATS[index] }])),
};

describe("layers called __proto__, constructor, c, c/weight, toString and c/bias", () => {
  it("take what YAML and JSON assignments and configurations say of them", async () => {
    await writeFile(file("a.yaml"), stringify(ASSIGNMENT));
    await writeFile(file("a.json"), JSON.stringify(ASSIGNMENT));
    await writeFile(file("c.json"), JSON.stringify({ assignment: ASSIGNMENT }));
    expect(formats(await run("--assign", file("a.yaml")))).toEqual(EXPECTED);
    expect(formats(await run("--assign", file("a.json")))).toEqual(EXPECTED);
    expect(formats(await run("--config", file("c.json")))).toEqual(EXPECTED);
    expect(formats(await run("--config", file("result.json")))).toEqual(EXPECTED);
  });

  it.each(["json", "csv", "hls4ml"])("keep it through %s", async (format) => {
    await writeFile(file("a.yaml"), stringify(ASSIGNMENT));
    const target = file(`again.${format}`);
    const made = await invoke("export", file("a.yaml"), file("model.onnx"), "--to", format, "-o", target);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(formats(await run("--assign", target))).toEqual(EXPECTED);
  });

  it("have measured ranges of their own for automatic formats, which a result repeats", async () => {
    const result = await run("--format", "12,auto", "--datapath", "wide");
    const again = await run("--config", file("result.json"));
    expect(again.layers.map(({ datapath }) => datapath)).toEqual(result.layers.map(({ datapath }) => datapath));
  });

  it("have the words of their own weights and biases in the report", async () => {
    const { layers } = await run("--format", "12,6");
    NAMES.forEach((name, index) => {
      const { weight, bias } = layers.find((layer) => layer.name === name)?.registers ?? {};
      expect([name, weight?.min, weight?.max]).toEqual([name, -(index + 1) / 8, (index + 1) / 8]);
      expect([name, bias?.min, bias?.max]).toEqual([name, 0, (index + 1) / 4]);
    });
  });
});
