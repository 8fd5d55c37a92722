/** Words of registers inside a layer, and of the network's input, against sums done by hand. */
import { describe, expect, it } from "vitest";
import { compile, prepareGraph } from "../../../compiler/compile.ts";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import type { Program } from "../../../isa/program/program.ts";
import { DumpSide, INPUT, MachineSide } from "../../../runtime/compare/side.ts";
import { parseDump } from "../../../runtime/dump/parse-dump.ts";
import { RunDump } from "../../../runtime/dump/run-dump.ts";
import { quantizeImages } from "../../../runtime/session/host-input.ts";
import { openOn } from "../../conformance/compare.ts";
import { denseNetwork } from "../exports/hls4ml/dense.ts";

/** 1.5 · 0.5 = 0.75, 1 · −1.25, −2.25 · 0.75 = −1.6875 to nearest quarters: 3, −5, −7; then 0.25, a quarter. */
const IMAGE = [1.5, 1, -2.25];
const GRAPH = denseNetwork([0.5, -1.25, 0.75], 0.25);

function programOn(dataflow: Dataflow, accumulator = "4,2"): Program {
  const machine = { ...DEFAULT_MACHINE, rows: 2, columns: 1, dataflow };
  const fc = { datapath: "intrinsic", format: "8,4", product: "6,2", accumulator } as const;
  return compile(prepareGraph(GRAPH), { machine, assignment: { layers: { fc } }, seed: 1 }).program;
}

function dumpOf(program: Program, images: number, window = 5): string {
  const values = Float32Array.from(Array.from({ length: images }, () => IMAGE).flat());
  const { raws } = quantizeImages(program, values, images, 0);
  const options = { statistics: false, capture: true };
  const { outputs, captured } = openOn("fast", program).run({ firstImage: 0, count: images, raws }, options);
  const dump = new RunDump({ registers: ["product", "accumulator"], window });
  dump.add({ program, first: 0, inputs: raws, outputs, captured });
  return dump.text(images);
}

function linesOf(text: string): readonly Record<string, unknown>[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("a dump with registers", () => {
  it.each<[Dataflow, readonly number[], readonly number[]]>([
    // −2 − 7 is −9, beyond the 4 bits; the bias follows.
    ["output-stationary", [0, 1, 2, -1], [3, -2, -8, -7]],
    // The second group of two rows begins at 0 and is added to the bank.
    ["weight-stationary", [0, 1, 2, 2, -1], [3, -2, -7, -8, -7]],
    ["input-stationary", [0, 1, 2, 2, -1], [3, -2, -7, -8, -7]],
    // Two products at once.
    ["tree", [1, 2, -1], [-2, -8, -7]],
  ])("has the words in the order of the sums: %s", (dataflow, steps, raws) => {
    const [header, ...lines] = linesOf(dumpOf(programOn(dataflow), 1));
    expect(header).toMatchObject({
      input: { name: "fc_input", format: "8,4", axes: ["row", "column", "channel"] },
      layers: [{ name: "fc", registers: { product: "6,2", accumulator: "4,2" } }],
    });
    expect(lines[0]).toEqual({ image: 0, input: true, raws: [24, 16, -36] });
    expect(lines.slice(2)).toEqual([
      { image: 0, layer: "fc", register: "product", element: 0, steps: [0, 1, 2], raws: [3, -5, -7] },
      { image: 0, layer: "fc", register: "accumulator", element: 0, steps, raws },
    ]);
  });

  it("shows no more words of a layer than the window, and long ones as text", () => {
    const wide = compile(prepareGraph(GRAPH), {
      machine: DEFAULT_MACHINE,
      assignment: { layers: { fc: { datapath: "wide:100", format: "40,36", bias: "40,36" } } },
      seed: 1,
    }).program;
    const text = dumpOf(wide, 2);
    const [header, ...lines] = linesOf(text);
    expect(header).toMatchObject({ layers: [{ registers: { product: "80,72", accumulator: "100,72" } }] });
    const interior = lines.filter(({ register }) => register !== undefined);
    expect(interior.map(({ image, register }) => `${image} ${register}`)).toEqual([
      "0 product",
      "0 accumulator",
      "1 product",
      "1 accumulator",
    ]);
    expect(interior[0]?.raws).toEqual(["3541774862152233910272", "-5902958103587056517120", "-7968993439842526298112"]);
    expect(parseDump(text, "words.jsonl").images).toBe(2);
    expect(linesOf(dumpOf(wide, 1, 0)).some(({ register }) => register !== undefined)).toBe(false);
  });

  it("read back has the input, which a comparison takes before every layer", () => {
    const program = programOn("tree");
    const dump = parseDump(dumpOf(program, 2), "words.jsonl");
    expect(dump.inputWords(1)).toEqual(Int32Array.of(24, 16, -36));
    const side = new DumpSide("dump", dump);
    const machine = new MachineSide("machine", program, openOn("fast", program));
    expect(side.layers.map(({ name }) => name)).toEqual(machine.layers.map(({ name }) => name));
    expect(side.take({ first: 1, count: 1, values: null }).words(INPUT, 0)).toEqual(Int32Array.of(24, 16, -36));
  });
});
