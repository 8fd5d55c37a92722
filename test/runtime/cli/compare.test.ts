/** `compare` from files to its JSON result, its text and its exit code. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { invoke } from "./invoke.ts";

let folder: string;
let files: SmallFiles;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-compare-"));
  files = await writeSmallFiles(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const raw = z.union([z.int(), z.string().regex(/^-?[0-9]+$/)]);
const word = { raw, format: z.string(), value: z.number() };
const historyWord = z.strictObject({
  ...word,
  exact: z.number().nullable(),
  rounded: raw.nullable(),
  row: z.int().nullable(),
  column: z.int().nullable(),
  instruction: z.int().nullable(),
});
const names = z.array(z.string());
const partingSchema = z.strictObject({
  image: z.int().min(0),
  layer: z.string().nullable(),
  axes: z.array(z.string()),
  element: z.tuple([z.int(), z.int(), z.int()]),
  a: z.strictObject(word),
  b: z.strictObject(word),
  step: z.int().min(-1).nullable(),
  register: z.string(),
  reason: z.enum(["value", "order", "words"]),
  explanation: z.string().min(1),
  history: z.array(
    z.strictObject({
      step: z.int().min(-1),
      register: z.string(),
      a: historyWord.nullable(),
      b: historyWord.nullable(),
      differs: z.boolean(),
    }),
  ),
  rounding: z
    .strictObject({
      side: z.enum(["a", "b"]),
      different: z.int().min(1),
      tried: z.int().min(1),
      triedEqual: z.int(),
      fits: z.array(z.strictObject({ register: z.string(), rounding: z.string(), modes: z.array(z.string()).min(1) })),
    })
    .nullable(),
  layers: z.array(
    z.strictObject({ layer: z.string().nullable(), elements: z.int(), different: z.int(), largest: z.number() }),
  ),
});
const schema = z.strictObject({
  schema: z.literal("macroscope/compare/1"),
  sides: z.array(
    z.strictObject({
      label: z.string(),
      kind: z.enum(["machine", "dump"]),
      machine: z.string().nullable(),
      configuration: z.record(z.string(), z.unknown()).nullable(),
    }),
  ),
  model: z.string().nullable(),
  data: z.string().nullable(),
  images: z.int().min(1),
  equal: z.boolean(),
  pairs: z.array(
    z.strictObject({
      a: z.string(),
      b: z.string(),
      equal: z.boolean(),
      layers: names,
      onlyInA: names,
      onlyInB: names,
      comparedByValue: z.array(z.string().nullable()),
      differentOutputs: z.int().nullable(),
      differentClasses: z.int().nullable(),
      coverage: z.array(
        z.strictObject({
          layer: z.string().nullable(),
          words: z.int(),
          traced: z.int(),
          ties: z.record(z.string(), z.int()).nullable(),
        }),
      ),
      first: partingSchema.nullable(),
    }),
  ),
  resources: z.strictObject({ seconds: z.number(), peakMemoryBytes: z.int() }),
});

async function compare(code: number, ...args: readonly string[]) {
  const ran = await invoke("compare", ...args, "--model", files.model, "--data", files.data, "--json", "-");
  expect(ran.code, ran.stderr).toBe(code);
  return { ...schema.parse(JSON.parse(ran.stdout)), text: ran.stderr };
}

const BASE = { default: { datapath: "intrinsic", format: "16,6" } };

describe("compare", () => {
  it("of two format files names the layer and register that differ, and ends with code 1", async () => {
    const a = write("a.yaml", BASE);
    const b = write("b.yaml", { ...BASE, layers: { fc1: { product: { format: "16,6", rounding: "down" } } } });
    const { equal, pairs, text } = await compare(1, a, b);
    expect(equal).toBe(false);
    expect(pairs[0]).toMatchObject({ a, b, layers: ["conv1", "pool1", "fc1"], onlyInA: [], comparedByValue: [] });
    expect(pairs[0]?.first).toMatchObject({ image: 0, layer: "fc1", register: "product", reason: "value" });
    const { first } = pairs[0] ?? {};
    const parting = first?.history.find((row) => row.step === first.step && row.register === "product");
    expect(parting?.differs).toBe(true);
    expect(parting?.a?.exact).toBe(parting?.b?.exact);
    expect(first?.layers.map(({ layer, different }) => [layer, different > 0])).toEqual([
      [null, false],
      ["conv1", false],
      ["pool1", false],
      ["fc1", true],
    ]);
    expect(text).toContain("<- here");
    const fit = first?.rounding?.fits.find(({ register }) => register === "product");
    expect(fit).toMatchObject({ rounding: "nearest" });
    expect(fit?.modes).toContain("down");
    expect(text.replace(/\s+/g, " ")).toMatch(
      /of fc1 in this image fits? [^(]*down[^(]* instead of nearest in the product register/,
    );
  });

  it("of formats whose words differ compares values, and says so", async () => {
    const a = write("a.yaml", { default: { datapath: "intrinsic", format: "18,6" } });
    const b = write("wide.yaml", { default: { datapath: "intrinsic", format: "20,6" } });
    const wider = await compare(0, a, b);
    expect(wider.pairs[0]?.comparedByValue).toEqual([null, "conv1", "pool1", "fc1"]);
    const finer = await compare(1, a, write("finer.yaml", { default: { datapath: "intrinsic", format: "20,9" } }));
    expect(finer.pairs[0]?.first).toMatchObject({ image: 0, layer: null, register: "input", step: null });
  });

  it("of engines finds nothing, and of dataflows that clip the sum that does first", async () => {
    const engines = await compare(0, "--engines", "fast,reference", "--images", "2", "--array", "4x4");
    expect(engines).toMatchObject({ equal: true, images: 2 });
    expect(engines.sides.map(({ label }) => label)).toEqual(["fast", "reference"]);
    const options = ["--format", "7,4", "--overflow", "saturate-zero", "--array", "2x2"];
    const { pairs, sides } = await compare(1, "--dataflows", "os,ws,tree:2", ...options);
    expect(sides).toHaveLength(3);
    expect(pairs.map(({ a, b }) => [a, b])).toEqual([
      ["os", "ws"],
      ["os", "tree:2"],
    ]);
    const parted = pairs.filter(({ first }) => first !== null);
    expect(parted.length).toBeGreaterThan(0);
    for (const { first, differentOutputs, differentClasses } of parted) {
      expect(first).toMatchObject({ register: "accumulator", reason: "order" });
      expect(differentOutputs).toBeGreaterThanOrEqual(differentClasses ?? 0);
    }
  });

  it("of a dump with the run that wrote it finds nothing; one changed word is found", async () => {
    const path = join(folder, "words.jsonl");
    const formats = ["--format", "12,6", "--data", files.data, "--observe", "3"];
    const ran = await invoke("run", files.model, ...formats, "--workers", "1", "--dump", path);
    expect(ran.code, ran.stderr).toBe(0);
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    // Three observed images with input and three layers, the outputs of nine more, and the header.
    expect(lines).toHaveLength(1 + 3 * 4 + 9);
    const same = await compare(0, path, "--format", "12,6");
    expect(same.sides.map(({ kind }) => kind)).toEqual(["dump", "machine"]);
    const changed = lines.map((line, index) => {
      if (index === 0) return line;
      const record = JSON.parse(line) as { image: number; layer: string; raws: number[] };
      if (record.image !== 2 || record.layer !== "pool1") return line;
      record.raws[4] = (record.raws[4] ?? 0) + 1;
      return JSON.stringify(record);
    });
    const other = write("changed.jsonl", changed.join("\n"));
    const { pairs } = await compare(1, other, "--format", "12,6");
    // pool1 has 2 × 2 × 3 words.
    expect(pairs[0]?.first).toMatchObject({ image: 2, layer: "pool1", element: [0, 1, 1], reason: "words" });
    expect(pairs[0]?.first?.history.length).toBeGreaterThan(0);
    expect(pairs[0]).toMatchObject({ differentOutputs: 0, equal: false });
    // The input, conv1 4 × 4 × 3, pool1 and fc1 in three images, then fc1 alone.
    expect(pairs[0]?.coverage.map(({ layer, words, traced }) => [layer, words, traced])).toEqual([
      [null, 3 * 30, 0],
      ["conv1", 3 * 48, 48],
      ["pool1", 3 * 12, 12],
      ["fc1", 12 * 7, 7],
    ]);
    expect(pairs[0]?.first?.rounding).toMatchObject({ side: "b", different: 1, tried: 1, triedEqual: 11, fits: [] });
    const moved = lines.map((line) =>
      line.replace('"image":1,"input":true,"raws":[', '"image":1,"input":true,"raws":[1'),
    );
    const { pairs: ofInput } = await compare(1, write("moved.jsonl", moved.join("\n")), "--format", "12,6");
    expect(ofInput[0]?.first).toMatchObject({ image: 1, layer: null, element: [0, 0, 0], register: "input" });
    const page = join(folder, "compared.html");
    await compare(1, other, "--format", "12,6", "--report", page);
    const text = readFileSync(page, "utf8");
    expect(text).toContain("Covered: ");
    expect(text).toContain("No other rounding of one register");
    const two = await compare(1, path, other);
    expect(two.pairs[0]?.coverage.every(({ traced, ties }) => traced === 0 && ties === null)).toBe(true);
    expect(two).toMatchObject({ model: null, data: null, images: 12 });
    expect(two.pairs[0]?.first).toMatchObject({ layer: "pool1", history: [] });
  });

  it("takes programs and results of run", async () => {
    const program = join(folder, "small.macroscope");
    const result = join(folder, "result.json");
    const options = ["--format", "12,6", "--data", files.data];
    expect((await invoke("compile", files.model, "--format", "12,6", "-o", program)).code).toBe(0);
    expect((await invoke("run", files.model, ...options, "--workers", "1", "--json", result)).code).toBe(0);
    const ran = await invoke("compare", program, result, "--data", files.data, "--json", "-");
    expect(ran.code, ran.stderr).toBe(0);
    expect(schema.parse(JSON.parse(ran.stdout))).toMatchObject({ equal: true, images: 12 });
  });

  it.each([
    [[], "nothing to compare"],
    [["--dataflows", "os"], "two or more"],
    [["--dataflows", "os,os"], "two or more"],
    [["--dataflows", "os,sw"], "unknown dataflow"],
    [["--dataflows", "os,ws", "--dataflow", "is"], "leave --dataflow out"],
    [["--engines", "fast,quick"], "expected fast or reference"],
    [["--engines", "fast,reference", "--dataflows", "os,ws"], "more than one thing"],
    [["--engines", "fast,reference", "--datapath", "extrinsic"], "no words"],
    [["nowhere.yaml"], "no such file"],
  ])("%s is refused", async (args, expected) => {
    const ran = await invoke("compare", ...args, "--model", files.model, "--data", files.data);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(expected);
  });

  it("refuses a dump of another network, and a result of another command", async () => {
    const header = {
      schema: "macroscope/dump/1",
      images: 1,
      layers: [{ name: "fcl", shape: [1, 1, 7], format: "8,4" }],
    };
    const foreign = await invoke("compare", write("f.jsonl", header), "--model", files.model, "--data", files.data);
    expect(foreign.code).toBe(2);
    expect(foreign.stderr).toContain("no layer has the same name");
    const sweep = await invoke("compare", write("s.json", { schema: "macroscope/sweep/1", configuration: {} }));
    expect(sweep.code).toBe(2);
    expect(sweep.stderr).toContain("macroscope/sweep/1");
  });
});
