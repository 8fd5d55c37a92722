/** Configurations and results that name files, used from another folder than they were written for. Needs the build. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withMovedPaths } from "../../../runtime/configuration-paths.ts";
import { writeSmallFiles } from "../small-network.ts";
import { DIAGNOSTIC_LINE, errorLines, type Invocation, invoke, shell } from "./invoke.ts";

let root: string;
const at = (path: string): string => join(root, path);
const result = (path: string) => JSON.parse(readFileSync(at(path), "utf8"));

/** A line in a folder below the root. */
const inside = (folder: string, line: string): Promise<Invocation> => shell(line, { cwd: at(folder) });

async function digestOf(folder: string, line: string): Promise<string> {
  const ran = await inside(folder, `${line} --json -`);
  expect(ran).toMatchObject({ code: 0 });
  return JSON.parse(ran.stdout).digest;
}

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "macroscope-stored-")));
  await writeSmallFiles(root);
  for (const folder of ["results", "elsewhere/deep", "work"]) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("labels.csv"), Array.from({ length: 12 }, (_, index) => `${"abcdefg"[index % 7]}\n`).join(""));
  writeFileSync(at("names.txt"), "a\nb\nc\nd\ne\nf\ng\n");
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const RUN =
  "macroscope run network/model.json --data data/small-images.idx --labels labels.csv --label-names names.txt --images 6 --workers 1 --format 7,auto";

describe("a result of run", () => {
  it("runs from every folder, also after its project moved", async () => {
    const ran = await inside("", `${RUN} --json results/run.json --report results/run.html`);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const { configuration, digest } = result("results/run.json");
    expect(configuration).toMatchObject({
      model: "../network/model.json",
      data: "../data/small-images.idx",
      labels: "../labels.csv",
      labelNames: "../names.txt",
      weights: null,
    });
    expect(readFileSync(at("results/run.html"), "utf8")).toContain("model: ../network/model.json");
    expect(await digestOf("", "macroscope run --config results/run.json")).toBe(digest);
    expect(await digestOf("results", "macroscope run --config run.json")).toBe(digest);
    expect(await digestOf("elsewhere/deep", `macroscope run --config ../../results/run.json`)).toBe(digest);
    symlinkSync(at("results"), at("elsewhere/deep/link"));
    expect(await digestOf("elsewhere/deep", `macroscope run --config link/run.json`)).toBe(digest);
    cpSync(root, at("../macroscope-stored-moved"), { recursive: true, verbatimSymlinks: true });
    renameSync(at("../macroscope-stored-moved"), at("moved"));
    renameSync(at("network"), at("network-gone"));
    try {
      expect(await digestOf("elsewhere", "macroscope run --config ../moved/results/run.json")).toBe(digest);
    } finally {
      renameSync(at("network-gone"), at("network"));
    }
  });

  it("written to standard output has absolute paths", async () => {
    const ran = await inside(
      "",
      `${RUN} --json - > results/piped.json; macroscope run --config results/piped.json --json -`,
    );
    expect(JSON.parse(ran.stdout).digest).toBe(result("results/piped.json").digest);
    expect(result("results/piped.json").configuration).toMatchObject({
      model: at("network/model.json"),
      labelNames: at("names.txt"),
    });
    expect(await digestOf("elsewhere", "cat ../results/piped.json | macroscope run --config /dev/stdin")).toBe(
      result("results/piped.json").digest,
    );
  });

  it("names that come along stay names, a folder of such a name stays a folder", async () => {
    await inside("", "cp -r network work/lenet5; cp -r data work/mnist-test");
    const line = "macroscope run ./lenet5 --data ./mnist-test --images 3 --workers 1 --json lenet5.json";
    expect(await inside("work", line)).toMatchObject({ code: 0 });
    expect(result("work/lenet5.json").configuration).toMatchObject({ model: "./lenet5", data: "./mnist-test" });
    expect(await inside("", "macroscope run --config work/lenet5.json --json work/again.json")).toMatchObject({
      code: 0,
    });
    expect(result("work/again.json").configuration).toMatchObject({ model: "./lenet5", data: "./mnist-test" });
    expect(result("work/again.json").digest).toBe(result("work/lenet5.json").digest);
    expect(
      withMovedPaths({ configuration: { model: "lenet5", weights: "lenet5", data: "random:3" } }, "/a", "/b"),
    ).toEqual({
      configuration: { model: "lenet5", weights: "lenet5", data: "random:3" },
    });
  });
});

describe("results of other commands", () => {
  it("sweep, bits and compare write paths as run does, and the first two are configurations", async () => {
    const common = "network/model.json --data data --images 6 --workers 1";
    expect(
      await inside(
        "",
        `macroscope sweep ${common} --word-lengths 6 --json results/sweep.json --journal results/j.jsonl`,
      ),
    ).toMatchObject({ code: 0 });
    const bits = `macroscope bits ${common} --strategy uniform --target 0.1 --search-images 6 --json results/bits.json`;
    expect((await inside("", bits)).code).toBeOneOf([0, 1]);
    const compare = `macroscope compare --model network/model.json --data data --images 6 --dataflows os,ws --json results/compare.json --report results/c.html`;
    expect((await inside("", compare)).code).toBeOneOf([0, 1]);
    const paths = { model: "../network/model.json", data: "../data" };
    for (const name of ["sweep", "bits"]) {
      expect(result(`results/${name}.json`).configuration).toMatchObject(paths);
      const again = `macroscope run --config ../results/${name}.json --images 2 --json -`;
      expect(await inside("elsewhere", again)).toMatchObject({ code: 0 });
    }
    for (const side of result("results/compare.json").sides) expect(side.configuration).toMatchObject(paths);
    expect(readFileSync(at("results/c.html"), "utf8")).toContain("data: ../data");
    // The journal knows a point by its content, wherever it is asked for from.
    const more =
      "macroscope sweep --config ../results/sweep.json --word-lengths 6 --journal ../results/j.jsonl --json s.json";
    expect(await inside("elsewhere", more)).toMatchObject({ code: 0 });
    expect(readFileSync(at("results/j.jsonl"), "utf8").trim().split("\n")).toHaveLength(2);
  });

  it("compare and export take a result from another folder", async () => {
    await inside("", `${RUN} --json results/side.json`);
    const compared = await inside("elsewhere", "macroscope compare ../results/side.json ../results/side.json --json -");
    expect(compared.code).toBe(0);
    const exported = await inside("elsewhere", "macroscope export ../results/side.json --to csv -o ../work/side.csv");
    expect(exported).toMatchObject({ code: 0, stderr: "" });
  });

  it("report writes paths as they stand from its page", async () => {
    await inside(
      "",
      `${RUN} --json results/paged.json; macroscope report results/paged.json -o elsewhere/deep/page.html`,
    );
    expect(readFileSync(at("elsewhere/deep/page.html"), "utf8")).toContain("model: ../../network/model.json");
  });
});

describe("a written configuration", () => {
  it("starts at its own folder", async () => {
    writeFileSync(at("work/own.yaml"), "model: ../network\ndata: ../data\nimages: 3\nworkers: 1\n");
    const here = await digestOf("", "macroscope run network --data data --images 3 --workers 1");
    for (const [folder, path] of [
      ["work", "own.yaml"],
      ["", "work/own.yaml"],
      ["elsewhere", "../work/own.yaml"],
    ] as const) {
      expect(await digestOf(folder, `macroscope run --config ${path}`)).toBe(here);
    }
  });

  it("with a program file", async () => {
    await inside("", "macroscope compile network/model.json -o work/small.macroscope");
    writeFileSync(at("work/program.yaml"), "model: ./small.macroscope\ndata: ../data\nimages: 3\nworkers: 1\n");
    const digest = await digestOf("work", "macroscope run ./small.macroscope --data ../data --images 3");
    expect(await digestOf("elsewhere", "macroscope run --config ../work/program.yaml")).toBe(digest);
  });

  it.each([
    [
      "model: network/model.json\ndata: ../data",
      "work/f.yaml: model",
      "work/network/model.json is not there",
      "--model network/model.json",
    ],
    [
      "model: network/model.json\ndata: ../data",
      "starts at the folder of work/f.yaml",
      "write ../network/model.json in the file",
    ],
    ["model: ../gone/model.json\ndata: ../data", "gone/model.json is not there", "--model <path>"],
    ["model: /nowhere/m.onnx\ndata: ../data", "f.yaml: model: /nowhere/m.onnx is not there", "--model <path>"],
    ["model: ../network\ndata: data", "work/f.yaml: data", "write ../data in the file, or give --data data"],
    ["model: ../network\ndata: ../data\nlabels: gone.csv", "f.yaml: labels", "--labels <path>"],
    ["model: ../network\ndata: ../data\nlabelNames: gone.txt", "f.yaml: labelNames", "--label-names <path>"],
    ["model: squeezenet\nweights: gone.onnx", "f.yaml: weights", "--weights <path>"],
    ["model: lenet6", 'no model "lenet6"', "did you mean lenet5"],
    ["data: mnist-tset", 'no data set "mnist-tset"', "did you mean mnist-test"],
  ])("%j says where it looked and how to overrule it", async (text, ...words) => {
    writeFileSync(at("work/f.yaml"), text);
    const ran = await inside("", "macroscope run --config work/f.yaml");
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    for (const line of errorLines(ran)) expect(line).toMatch(DIAGNOSTIC_LINE);
    for (const word of words) expect(ran.stderr).toContain(word);
  });

  it("with a path that is gone runs with the option that overrules it", async () => {
    writeFileSync(at("work/gone.yaml"), "model: gone/model.json\ndata: gone\nimages: 3\nworkers: 1\n");
    const line = ["run", "--config", at("work/gone.yaml"), "--model", at("network/model.json"), "--data", at("data")];
    expect(await invoke(...line)).toMatchObject({ code: 0 });
    expect(await invoke(...line.slice(0, 5))).toMatchObject({ code: 2, stderr: expect.stringContaining("--data") });
  });
});

it("paths moved to another folder and back lead to the same place", () => {
  const name = fc.constantFrom("a", "b.c", "lenet5", "mnist-test", "random:1", "..", ".", "é ü", "resnet50");
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => `./${parts.join("/")}`);
  const folder = fc.array(name, { maxLength: 4 }).map((parts) => join("/", ...parts));
  fc.assert(
    fc.property(path, path, folder, folder, (model, data, from, to) => {
      const moved = withMovedPaths({ configuration: { model, data, labels: null, images: 3 } }, from, to).configuration;
      expect(withMovedPaths({ configuration: moved }, to, null).configuration).toEqual({
        model: join(from, model).replace(/(.)\/$/, "$1"),
        data: join(from, data).replace(/(.)\/$/, "$1"),
        labels: null,
        images: 3,
      });
    }),
  );
});
