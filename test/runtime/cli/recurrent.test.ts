/** What a run prints of recurrent layers: one row, its parts on request; the JSON has all of them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recurrentPart } from "../../../compiler/tensor-graph/recurrent/recurrent-names.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { layerRows } from "../../../runtime/report/recurrent-rows.ts";
import type { LayerEntry, RunReport } from "../../../runtime/results/run-report.ts";
import { encodeModel } from "../../compiler/importers/onnx-model.ts";
import { invoke } from "./invoke.ts";
import { checkedResult } from "./run-result.ts";

const STEPS = 7;
const [FEATURES, HIDDEN, CLASSES] = [3, 4, 2];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-recurrent-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function weights(seed: number, ...shape: readonly number[]): AnyTensor {
  const count = shape.reduce((product, side) => product * side, 1);
  return tensorFrom(
    "float32",
    shape,
    Array.from({ length: count }, (_, index) => (((index * 37 + seed * 11) % 17) - 8) / 8),
  );
}

/** A recurrent layer called `memory`, and a dense layer called `memory of all` behind its last states. */
function model(operator: "LSTM" | "GRU", direction: "forward" | "bidirectional"): Uint8Array {
  const gates = operator === "LSTM" ? 4 : 3;
  const sides = direction === "forward" ? 1 : 2;
  return encodeModel({
    inputs: { x: { shape: [STEPS, 1, FEATURES] } },
    constants: {
      w: weights(1, sides, gates * HIDDEN, FEATURES),
      r: weights(2, sides, gates * HIDDEN, HIDDEN),
      b: weights(3, sides, 2 * gates * HIDDEN),
      flat: tensorFrom("int64", [2], [1, -1]),
      v: weights(4, sides * HIDDEN, CLASSES),
    },
    nodes: [
      {
        name: "memory",
        operator,
        inputs: ["x", "w", "r", "b"],
        outputs: ["", "last"],
        attributes: { hidden_size: BigInt(HIDDEN), direction },
      },
      { name: "states", operator: "Reshape", inputs: ["last", "flat"], outputs: ["row"] },
      { name: "memory of all", operator: "MatMul", inputs: ["row", "v"], outputs: ["y"] },
    ],
    outputs: ["y"],
  });
}

async function run(
  operator: "LSTM" | "GRU",
  direction: "forward" | "bidirectional",
  ...args: readonly string[]
): Promise<{ readonly report: RunReport; readonly text: string }> {
  const file = join(folder, `${operator}-${direction}.onnx`);
  await writeFile(file, model(operator, direction));
  const data = ["--data", "random:5", "--images", "2", "--workers", "1", "--json", "-"];
  const ran = await invoke("run", file, ...data, ...args);
  expect(ran.code, ran.stderr).toBe(0);
  return { report: checkedResult(JSON.parse(ran.stdout)), text: ran.stderr };
}

const sum = (layers: readonly LayerEntry[], amount: (layer: LayerEntry) => number): number =>
  layers.reduce((total, layer) => total + amount(layer), 0);

describe.each([
  ["LSTM", "forward"],
  ["LSTM", "bidirectional"],
  ["GRU", "forward"],
] as const)("a run of an %s layer, %s", (operator, direction) => {
  it("says of every part in JSON to which layer and step it belongs", async () => {
    const { report } = await run(operator, direction, "--format", "12,auto");
    const parts = report.layers.filter(({ recurrent }) => recurrent?.layer === "memory");
    expect(report.layers.filter((layer) => !parts.includes(layer)).map(({ name }) => name)).toEqual(["memory of all"]);
    const steps = new Set(parts.flatMap(({ recurrent }) => recurrent?.step ?? []));
    expect(steps).toEqual(new Set(Array.from({ length: STEPS }, (_, step) => step)));
    for (const { name, recurrent } of parts) {
      if (recurrent?.step !== undefined) expect(name).toContain(`step ${recurrent.step}/`);
    }
  });

  it("has one row, which says what its parts take together", async () => {
    const { report, text } = await run(operator, direction, "--format", "6,4");
    const lines = text.trimEnd().split("\n");
    expect(lines.length).toBeLessThan(60);
    // The row of the layer, its tables, and the first row of its registers; the parts have none.
    expect(lines.filter((line) => /^memory( \*)? {2}/.test(line))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith("memory/"))).toEqual([]);
    const parts = report.layers.filter(({ recurrent }) => recurrent !== undefined);
    expect(text.replace(/\s+/g, " ")).toContain(`memory is ${parts.length} layers of ${STEPS} steps`);
    expect(text).toContain("memory of all");
    const row = lines.find((line) => line.startsWith("memory ")) ?? "";
    expect(row).toContain(` ${sum(parts, ({ macs }) => macs).toLocaleString("en-US")} `);
    expect(row).toContain(` ${sum(parts, ({ cycles }) => cycles).toLocaleString("en-US")} `);
  });

  it("is one row of the page and of the histograms, whose numbers are those of the text", async () => {
    const page = join(folder, "page.html");
    const { text } = await run(
      operator,
      direction,
      "--format",
      "12,auto",
      "--observe",
      "1",
      "--histograms",
      "--report",
      page,
    );
    const rows = readFileSync(page, "utf8").match(/<tr>.*?<\/tr>/gs) ?? [];
    const cells = rows.map((row) => /<td[^>]*>([^<]*)<\/td>/.exec(row)?.[1] ?? "");
    expect(cells.filter((name) => name.startsWith("memory/"))).toEqual([]);
    expect(rows.some((row) => row.includes(">memory<") && row.includes(">recurrent<"))).toBe(true);
    expect(text).not.toMatch(/^memory\//m);
    expect(text.split("\n").length).toBeLessThan(250);
  });

  it("has all rows with --steps", async () => {
    const { report, text } = await run(operator, direction, "--format", "6,4", "--steps");
    for (const { name } of report.layers) expect(text).toContain(`\n${name} `);
    expect(text).not.toContain("--steps shows");
  });

  it("keeps sums, extremes and counts", async () => {
    const { report } = await run(operator, direction, "--format", "6,4", "--observe", "1");
    const rows = layerRows(report.layers, true);
    expect(rows.map(({ name, steps }) => [name, steps])).toEqual([
      ["memory", STEPS],
      ["memory of all", 0],
    ]);
    const [memory] = rows;
    const parts = memory?.parts ?? [];
    expect(parts).toHaveLength(report.layers.length - 1);
    expect(memory?.whole.energyPj).toBeCloseTo(
      sum(parts, ({ energyPj }) => energyPj),
      6,
    );
    const [rowsOfArray, columnsOfArray] = [16, 16];
    const { macs = 0, cycles = 1 } = memory?.whole ?? {};
    expect(memory?.whole.utilization).toBeCloseTo(macs / (cycles * rowsOfArray * columnsOfArray), 12);
    for (const [register, entry] of Object.entries(memory?.whole.registers ?? {})) {
      const entries = parts.flatMap(({ registers }) => registers[register] ?? []);
      expect(entry.overflow).toBe(entries.reduce((total, { overflow }) => total + overflow, 0));
      expect(entry.min).toBe(Math.min(...entries.flatMap(({ min }) => min ?? [])));
      expect(entry.max).toBe(Math.max(...entries.flatMap(({ max }) => max ?? [])));
      expect(entry.unusedHighBits).toBe(Math.min(...entries.flatMap(({ unusedHighBits }) => unusedHighBits ?? [])));
    }
    const overflows = rows.flatMap(({ whole }) => Object.entries(whole.registers));
    const running = overflows.filter(([name]) => name !== "weight" && name !== "bias");
    expect(running.reduce((total, [, { overflow }]) => total + overflow, 0)).toBe(report.overflow.total);
  });
});

it("looks first at the layer, not at a step", async () => {
  const { report } = await run("LSTM", "forward", "--format", "6,4");
  expect(report.advice).toMatch(/ of memory[ ,.(]/);
  expect(report.advice).not.toMatch(/ of memory\//);
});

it("quantization behind float layers says the same of its layers", async () => {
  const { report, text } = await run("GRU", "forward", "--datapath", "extrinsic", "--format", "12,8");
  expect(new Set(report.layers.map(({ recurrent }) => recurrent?.layer))).toEqual(new Set(["memory", undefined]));
  expect(text.split("\n").length).toBeLessThan(60);
});

it("a name tells its recurrent layer only where the model has one of that name", () => {
  expect(recurrentPart("a/step 3/hidden", [])).toBeUndefined();
  expect(recurrentPart("a/step 3/hidden", ["b", "a/step"])).toBeUndefined();
  expect(recurrentPart("a/step 3/hidden", ["a"])).toEqual({ layer: "a", step: 3 });
  expect(recurrentPart("a/reverse step 12/hidden", ["a"])).toEqual({ layer: "a", step: 12 });
  expect(recurrentPart("a/Y/3", ["a"])).toEqual({ layer: "a" });
  expect(recurrentPart("a/b/step 0/x", ["a", "a/b"])).toEqual({ layer: "a/b", step: 0 });
});
