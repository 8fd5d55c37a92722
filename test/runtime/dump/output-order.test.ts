/** Output words and classes stand in the order of the model's own output, whatever order the machine's memory has. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../../runtime/datasets/formats/idx.ts";
import { encodeModel, type ModelSketch } from "../../compiler/importers/onnx-model.ts";
import { invoke } from "../cli/invoke.ts";
import { npyBytes, npyFile } from "../datasets/files.ts";

let folder = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "macroscope-order-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Case {
  readonly sketch: ModelSketch;
  /** [C, H, W] of the input. */
  readonly input: readonly [number, number, number];
  readonly output: readonly number[];
  /** Element of the input, in its own order, that element i of the output is. */
  readonly source: (element: number) => number;
}

/** Axes 1 and 2 exchanged behind a ReLU. */
const TRANSPOSED: Case = {
  sketch: {
    inputs: { x: { shape: [1, 2, 3, 4] } },
    nodes: [
      { operator: "Relu", name: "r", inputs: ["x"], outputs: ["h"] },
      { operator: "Transpose", name: "t", inputs: ["h"], outputs: ["y"], attributes: { perm: [0n, 2n, 1n, 3n] } },
    ],
    outputs: ["y"],
  },
  input: [2, 3, 4],
  output: [1, 3, 2, 4],
  source: (element) => {
    const [h, c, w] = [Math.floor(element / 8), Math.floor(element / 4) % 2, element % 4];
    return (c * 3 + h) * 4 + w;
  },
};

/** ONNX's SpaceToDepth with blocks of 2: output channel (i · 2 + j) · C + c holds pixel (2h + i, 2w + j) of channel c. */
const SPACE_TO_DEPTH: Case = {
  sketch: {
    inputs: { x: { shape: [1, 2, 4, 6] } },
    nodes: [{ operator: "SpaceToDepth", name: "s", inputs: ["x"], outputs: ["y"], attributes: { blocksize: 2n } }],
    outputs: ["y"],
  },
  input: [2, 4, 6],
  output: [1, 8, 2, 3],
  source: (element) => {
    const [channel, h, w] = [Math.floor(element / 6), Math.floor(element / 3) % 2, element % 3];
    const [i, j, c] = [Math.floor(channel / 4), Math.floor(channel / 2) % 2, channel % 2];
    return (c * 4 + 2 * h + i) * 6 + 2 * w + j;
  },
};

const IMAGES = 3;

/** Positive words, all of an image different. */
function pixels({ input }: Case): number[] {
  const count = input.reduce((product, side) => product * side, 1);
  return Array.from({ length: IMAGES * count }, (_, index) => 1 + ((index * 29 + 7 * Math.floor(index / count)) % 97));
}

/** Writes model, data [N, H, W, C] and labels: the place of the largest word of each image's output. Returns those words. */
async function write(each: Case): Promise<number[][]> {
  const [channels, rows, columns] = each.input;
  const values = pixels(each);
  const count = channels * rows * columns;
  const channelsLast = values.map((_, index) => {
    const [image, rest] = [Math.floor(index / count), index % count];
    const [pixel, channel] = [Math.floor(rest / channels), rest % channels];
    return (values[image * count + channel * rows * columns + pixel] ?? 0) / 16;
  });
  const expected = Array.from({ length: IMAGES }, (_, image) =>
    Array.from({ length: count }, (_, element) => values[image * count + each.source(element)] ?? 0),
  );
  await writeFile(file("model.onnx"), encodeModel(each.sketch));
  await writeFile(file("x.npy"), npyFile("<f4", [IMAGES, rows, columns, channels], npyBytes("<f4", channelsLast)));
  const labels = expected.map((words) => words.indexOf(Math.max(...words)));
  await writeFile(file("labels.idx"), writeIdx({ shape: [IMAGES], data: Uint8Array.from(labels) }));
  return expected;
}

const DATA = ["--format", "12,4", "--images", `${IMAGES}`, "--observe", "1"];

describe.each([
  ["a transpose as the model's last node", TRANSPOSED],
  ["SpaceToDepth as the model's last node", SPACE_TO_DEPTH],
])("%s", (_, each) => {
  it("is dumped in the order of the model's output, which the header says, and class i is its element i", async () => {
    const expected = await write(each);
    const data = ["--data", file("x.npy"), "--labels", file("labels.idx")];
    const ran = await invoke(
      "run",
      file("model.onnx"),
      ...DATA,
      ...data,
      "--dump",
      file("words.jsonl"),
      "--json",
      file("r.json"),
    );
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    const [header, ...records] = (await readFile(file("words.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const last = header.layers.at(-1);
    expect(last).toMatchObject({ shape: each.output, outputs: [{ name: "y", shape: each.output }] });
    expect(last.axes).toEqual(["axis 0", "axis 1", "axis 2", "axis 3"]);
    expect(records.filter(({ layer }) => layer === last.name).map(({ raws }) => raws)).toEqual(expected);
    expect(JSON.parse(await readFile(file("r.json"), "utf8")).accuracy).toMatchObject({ fixed: 1, float: 1 });
    const extrinsic = await invoke(
      "run",
      file("model.onnx"),
      ...DATA,
      ...data,
      "--datapath",
      "extrinsic",
      "--json",
      file("r.json"),
    );
    expect([extrinsic.code, extrinsic.stderr]).toEqual([0, ""]);
    expect(JSON.parse(await readFile(file("r.json"), "utf8")).accuracy).toMatchObject({ fixed: 1, float: 1 });
  });

  it("keeps its order in a program file, and compare brings a dump's words and the machine's together", async () => {
    await write(each);
    const compiled = await invoke("compile", file("model.onnx"), "--format", "12,4", "-o", file("m.macroscope"));
    expect([compiled.code, compiled.stderr]).toEqual([0, ""]);
    const data = ["--data", file("x.npy"), "--images", `${IMAGES}`];
    const ran = await invoke("run", file("m.macroscope"), ...data, "--observe", "1", "--dump", file("words.jsonl"));
    expect([ran.code, ran.stderr]).toEqual([0, ""]);
    const same = await invoke("compare", file("words.jsonl"), file("m.macroscope"), ...data);
    expect([same.code, same.stderr]).toEqual([0, ""]);
    // One word of the last image changed: it is found where it stands in the model's output.
    const lines = (await readFile(file("words.jsonl"), "utf8")).trimEnd().split("\n");
    const record = JSON.parse(lines.at(-1) ?? "");
    record.raws[9]++;
    await writeFile(file("changed.jsonl"), [...lines.slice(0, -1), JSON.stringify(record)].join("\n"));
    const other = await invoke(
      "compare",
      file("changed.jsonl"),
      file("m.macroscope"),
      ...data,
      "--json",
      file("c.json"),
    );
    expect([other.code, other.stderr]).toEqual([1, ""]);
    const [, b = 1, c = 1, d = 1] = each.output;
    const { first } = JSON.parse(await readFile(file("c.json"), "utf8")).pairs[0];
    expect(b * c * d).toBeGreaterThan(9);
    expect(first).toMatchObject({
      image: IMAGES - 1,
      axes: ["axis 0", "axis 1", "axis 2", "axis 3"],
      element: [0, Math.floor(9 / (c * d)), Math.floor(9 / d) % c, 9 % d],
    });
    expect(first.a.raw - first.b.raw).toBe(1);
    expect(first.history.at(-1).b.raw).toBe(first.b.raw);
  });
});

it("a model without axes to move, and words in rows, columns and channels, are compared as ever", async () => {
  await write(TRANSPOSED);
  const header = (shape: readonly number[]): string =>
    JSON.stringify({
      schema: "macroscope/dump/2",
      images: 1,
      layers: [{ name: "r", shape, axes: shape.map((_, axis) => `${axis}`), format: "12,4" }],
    });
  await writeFile(file("other.jsonl"), header([3, 8]));
  const refused = await invoke(
    "compare",
    file("other.jsonl"),
    "--model",
    file("model.onnx"),
    "--data",
    file("x.npy"),
    "--format",
    "12,4",
  );
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /error\[COMPARE\] .*layer "r" is 3 × 8 \(0, 1\) here and .* \(row, column, channel\) there/,
  );
});
