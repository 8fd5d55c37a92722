/** Wrong input through the command line: code 2, where and what and what to try, no file left behind. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../../runtime/datasets/formats/idx.ts";
import { type SmallFiles, writeSmallFiles } from "../small-network.ts";
import { DIAGNOSTIC_LINE, errorLines, type Invocation, invoke } from "./invoke.ts";

let folder: string;
let files: SmallFiles;
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-bad-"));
  files = await writeSmallFiles(folder);
  program = join(folder, "small.macroscope");
  expect((await invoke("compile", files.model, "--data", files.data, "-o", program)).code).toBe(0);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

afterEach(() => {
  for (const name of readdirSync(folder)) if (name.startsWith("result")) rmSync(join(folder, name));
});

/** A file of this test with the given content. */
function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A copy of the network's folder, to be damaged. */
function networkCopy(name: string, damage: (copy: { model: string; shard: string }) => void): string {
  const copy = join(folder, name);
  cpSync(join(folder, "network"), copy, { recursive: true });
  damage({ model: join(copy, "model.json"), shard: join(copy, "group1-shard1of1.bin") });
  return copy;
}

function replaceIn(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

/** Code 2, diagnostics in their form only, all of `words` in them, and neither result nor temporary file. */
function expectRefused(invocation: Invocation, ...words: readonly string[]): void {
  const lines = errorLines(invocation);
  expect(invocation).toMatchObject({ code: 2, stdout: "" });
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(DIAGNOSTIC_LINE);
  for (const word of words) expect(invocation.stderr).toContain(word);
  expect(readdirSync(folder).filter((name) => name.startsWith("result") || name.endsWith(".tmp"))).toEqual([]);
}

/** `run` on the small network and data, all results going to files that must not appear. */
function run(...args: readonly string[]): Promise<Invocation> {
  return invoke(
    "run",
    files.model,
    "--data",
    files.data,
    "--workers",
    "1",
    "--json",
    join(folder, "result.json"),
    ...args,
  );
}

function runModel(model: string, ...args: readonly string[]): Promise<Invocation> {
  return invoke("run", model, "--data", files.data, "--workers", "1", "--json", join(folder, "result.json"), ...args);
}

describe("a damaged model", () => {
  it.each([0, 1, 100, 900])("model.json cut after %i bytes is not JSON", async (length) => {
    const copy = networkCopy("cut", ({ model }) => writeFileSync(model, readFileSync(model).subarray(0, length)));
    expectRefused(await runModel(copy), join(copy, "model.json"), "not JSON");
  });

  it("model.json that is no text is not JSON", async () => {
    const copy = networkCopy("binary", ({ model }) => writeFileSync(model, Uint8Array.of(0xff, 0xfe, 0)));
    expectRefused(await runModel(copy), join(copy, "model.json"));
  });

  it("a shard cut in a weight names weight and bytes", async () => {
    const copy = networkCopy("short", ({ shard }) => writeFileSync(shard, readFileSync(shard).subarray(0, 90)));
    expectRefused(await runModel(copy), "weightsManifest", "90 bytes", "cut off");
  });

  it("a missing shard names its path", async () => {
    const copy = networkCopy("missing", ({ shard }) => rmSync(shard));
    expectRefused(await runModel(copy), "group1-shard1of1.bin", "no such file");
  });

  it("a shard outside the model's folder is refused", async () => {
    const copy = networkCopy("outside", ({ model }) => replaceIn(model, "group1-shard1of1.bin", "../network/x.bin"));
    expectRefused(await runModel(copy), "MODEL_PATH", "leads upwards");
  });

  it("a NaN weight names its layer and place", async () => {
    const copy = networkCopy("nan", ({ shard }) => {
      const bytes = readFileSync(shard);
      bytes.writeFloatLE(Number.NaN, 8);
      writeFileSync(shard, bytes);
    });
    expectRefused(await runModel(copy), "conv1", "kernel[0, 0, 0, 2] is NaN");
  });

  it("an infinite weight too", async () => {
    const copy = networkCopy("infinite", ({ shard }) => {
      const bytes = readFileSync(shard);
      bytes.writeFloatLE(Number.NEGATIVE_INFINITY, 0);
      writeFileSync(shard, bytes);
    });
    expectRefused(await runModel(copy), "conv1", "kernel[0, 0, 0, 0]");
  });

  it("a weight of another shape than its layer says so", async () => {
    const copy = networkCopy("shape", ({ model }) => replaceIn(model, '"shape":[3,2,1,3]', '"shape":[2,3,1,3]'));
    expectRefused(await runModel(copy), "conv1/kernel");
  });

  it("an unknown class of layer names layer and class and the nearest one", async () => {
    const copy = networkCopy("unknown", ({ model }) => replaceIn(model, '"MaxPooling2D"', '"MaxPoling2D"'));
    expectRefused(await runModel(copy), "UNKNOWN_LAYER", '"pool1"', "MaxPooling2D");
  });

  it("no model of that name, with the nearest", async () => {
    expectRefused(await runModel("lenet"), "lenet5");
    expectRefused(await runModel("constructor"), "constructor");
    expectRefused(await runModel(join(folder, "nothing.json")), "nothing.json", "no such file");
  });
});

describe("damaged data", () => {
  it.each([0, 3, 15, 200])("an image file cut after %i bytes", async (length) => {
    const cut = file("cut-images.idx", readFileSync(files.images).subarray(0, length));
    expectRefused(await run("--data", cut), cut);
  });

  it("a gzip file cut in the middle", async () => {
    const whole = gzipSync(readFileSync(files.images));
    const cut = file("cut-images.idx.gz", whole.subarray(0, whole.length / 2));
    expectRefused(await run("--data", cut), cut);
  });

  it("images of another size than the network takes", async () => {
    const other = file("other.idx", writeIdx({ shape: [2, 5, 6], data: new Uint8Array(60) }));
    expectRefused(await run("--data", other), "images of 5 × 6,", "6 × 5 × 1");
  });

  it("labels in the place of images", async () => {
    expectRefused(await run("--data", files.labels), files.labels, "1 dimensions");
  });

  it("labels for another number of images", async () => {
    const data = join(folder, "uneven");
    cpSync(files.data, data, { recursive: true });
    writeFileSync(join(data, "small-labels.idx"), writeIdx({ shape: [5], data: new Uint8Array(5) }));
    expectRefused(await run("--data", data), "small-labels.idx", "12 images");
  });

  it("no image at all", async () => {
    const none = file("none.idx", writeIdx({ shape: [0, 6, 5], data: new Uint8Array(0) }));
    expectRefused(await run("--data", none), "no images");
  });

  it("a folder without images, a name near a bundled one", async () => {
    expectRefused(await run("--data", join(folder, "network")), "no IDX file");
    expectRefused(await run("--data", "mnist-tset"), "mnist-test");
  });

  it("a scale that leaves float32", async () => {
    expectRefused(await run("--input-scale", "1e38"), "float32");
    expectRefused(await run("--input-scale", "0"), "--input-scale");
    expectRefused(await run("--input-scale", "1/0"), "--input-scale");
  });
});

describe("options", () => {
  it.each([
    [["--imges", "3"], "--images"],
    [["--images"], "--images"],
    [["--images", "0"], "--images"],
    [["--images", "0x10"], "--images"],
    [["--images", "1e3"], "--images"],
    [["--workers", "1.5"], "--workers"],
    [["--observe", "-1"], "--observe"],
    [["--seed", "4294967296"], "--seed"],
    [["--engine", "fats"], "fast"],
    [["--rounding", "neerest"], "nearest"],
    [["--rounding", "RND_CONV"], "nearest-even"],
    [["--overflow", "wrp"], "wrap"],
    [["--overflow", "wrap:65"], "--overflow"],
    [["--overflow", "saturate:2"], "--overflow"],
    [["--dialect", "hls"], "--dialect"],
    [["--datapath", "intrinsick"], "intrinsic"],
    [["--datapath", "intrinsic:3"], "--datapath"],
    [["--dataflow", "xs"], "--dataflow"],
    [["--array", "16"], "--array"],
    [["--array", "0x4"], "--array"],
    [["--array", "16x2048"], "--array"],
    [["--format", "16"], "--format"],
    [["--format", "0,0"], "W is 0"],
    [["--format", "65,8"], "W is 65"],
    [["--format", "8,193"], "F is 193"],
    [["--format", "8,-129"], "F is -129"],
    [["--format", "16,8,4"], "--format"],
    [["one", "too-many"], "too many arguments"],
  ])("%j names the option or the nearest value", async (args, word) => {
    expectRefused(await run(...args), word);
  });

  it("a command that does not exist", async () => {
    expectRefused(await invoke("rum"), "unknown command 'rum'", "run");
  });

  it("several wrong layers give several lines", async () => {
    const assign = file(
      "two.yaml",
      'layers: { conv1: { format: "99,1" }, fc1: { format: "3" }, pool1: { format: "1,1" } }',
    );
    const refused = await run("--assign", assign);
    expectRefused(refused, "conv1");
    expectRefused(await run("--assign", file("three.yaml", 'layers: { a: {}, "b*": {} }')), "layers.a", "layers.b*");
  });
});

describe("configuration, assignment and machine files", () => {
  it("a pattern that matches nothing names the file and the nearest layer", async () => {
    const assign = file("pattern.yaml", 'layers: { "conf*": { format: "8,4" } }');
    expectRefused(await run("--assign", assign), "UNKNOWN_LAYER", assign, "layers.conf*", '"conv1"');
  });

  it("an unknown key names the nearest", async () => {
    expectRefused(await run("--assign", file("key.yaml", 'layers: { conv1: { fromat: "8,4" } }')), '"format"');
    expectRefused(await run("--config", file("config.yaml", "imagse: 4")), '"images"');
    expectRefused(await run("--config", file("nested.yaml", "machine: { rowz: 4 }")), '"rows"');
    expectRefused(await run("--machine", file("deep.yaml", "dram: { latencyCycle: 4 }")), '"latencyCycles"');
  });

  it("a value of the wrong kind names its place", async () => {
    expectRefused(await run("--config", file("kind.yaml", "images: many")), "kind.yaml: images");
    expectRefused(await run("--config", file("list.yaml", "- 1")), "list.yaml");
    expectRefused(await run("--config", file("default.yaml", "assignment: { default: 8 }")), "default");
    expectRefused(await run("--assign", file("scalar.yaml", "16")), "scalar.yaml");
    expectRefused(await run("--machine", file("machine.yaml", "rows: 0")), "machine.yaml: rows");
  });

  it("no YAML", async () => {
    expectRefused(await run("--config", file("open.yaml", "a: [1, 2")), "open.yaml");
    expectRefused(await run("--config", file("bytes.yaml", Uint8Array.of(0xc3, 0x28))), "bytes.yaml");
    expectRefused(await run("--config", file("nest.yaml", "[".repeat(50_000))), "nest.yaml");
    const laughs = [..."abcdefgh"].map((name, index, all) =>
      index === 0
        ? `${name}: &${name} [x, x, x, x, x, x, x, x]`
        : `${name}: &${name} [${Array(8).fill(`*${all[index - 1]}`)}]`,
    );
    expectRefused(await run("--config", file("laughs.yaml", laughs.join("\n"))), "laughs.yaml");
  });

  it("a scratchpad too small for one tile", async () => {
    const machine = file("tiny.yaml", "weightScratchpad: { capacityBits: 8 }");
    expectRefused(await run("--machine", machine), "weightScratchpad");
    expectRefused(
      await run("--machine", file("tiny2.yaml", "accumulatorBank: { capacityBits: 3 }")),
      "accumulatorBank",
    );
    expectRefused(await run("--machine", file("tiny3.yaml", "dram: { capacityBits: 64 }")), "DRAM");
  });

  it("the extrinsic datapath on the reference engine", async () => {
    expectRefused(await run("--datapath", "extrinsic", "--engine", "reference"), "--engine reference");
  });
});

describe("program files and listings", () => {
  it.each([0, 7, 20, 3000, 6000])("a program cut after %i bytes", async (length) => {
    const cut = file("cut.macroscope", readFileSync(program).subarray(0, length));
    expectRefused(await invoke("disasm", cut, "-o", join(folder, "result.asm")), "cut.macroscope");
  });

  it("one changed byte fails the checksum", async () => {
    const bytes = readFileSync(program);
    bytes[4000] = (bytes[4000] ?? 0) ^ 1;
    const changed = file("changed.macroscope", bytes);
    expectRefused(await runModel(changed), "checksum");
    expectRefused(await invoke("disasm", changed), "checksum");
  });

  it("something else than a program", async () => {
    expectRefused(await invoke("disasm", files.model), "not a program file");
    expectRefused(await invoke("disasm", folder), "folder");
  });

  it("a listing with wrong lines names each", async () => {
    expect((await invoke("disasm", program, "-o", join(folder, "good.asm"))).code).toBe(0);
    const listing = readFileSync(join(folder, "good.asm"), "utf8");
    const wrong = file("wrong.asm", listing.replace("matrix ", "matrics ").replace(/rows=\d+/, "rows=many"));
    expectRefused(await invoke("asm", wrong, "-o", join(folder, "result.macroscope")), "wrong.asm:");
    const none = file("empty.asm", "");
    expectRefused(await invoke("asm", none, "-o", join(folder, "result.macroscope")), "empty.asm");
  });

  it("flags that a compiled program cannot follow", async () => {
    const refused = await runModel(program, "--format", "8,4", "--dataflow", "ws", "--seed", "3");
    expectRefused(refused, "--format", "--dataflow", "--seed");
    expect(errorLines(refused)).toHaveLength(3);
  });

  it("a configuration that contradicts a compiled program", async () => {
    expectRefused(await runModel(program, "--config", file("other.yaml", "seed: 9")), "seed");
  });

  it("compile refuses a program file as a model", async () => {
    expectRefused(await invoke("compile", program, "-o", join(folder, "result.macroscope")));
  });
});

describe("output files", () => {
  it("a folder that does not exist, before any work", async () => {
    expectRefused(await invoke("run", files.model, "--json", join(folder, "no", "x.json")), "folder does not exist");
    expectRefused(await invoke("compile", files.model, "-o", join(folder, "no", "x")), "folder does not exist");
    expectRefused(await invoke("disasm", program, "-o", join(folder, "no", "x")), "folder does not exist");
  });

  it("a folder in the place of a file", async () => {
    expectRefused(await invoke("compile", files.model, "--data", files.data, "-o", folder), "found a folder");
  });

  it("a missing -o", async () => {
    expectRefused(await invoke("compile", files.model), "-o");
    expectRefused(await invoke("asm", "listing"), "-o");
  });
});

describe("what is no file", () => {
  it("a pipe without a writer is not waited for, as model, data, labels or configuration", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const flag of ["--model", "--data", "--labels", "--config", "--assign", "--machine"]) {
      expectRefused(await invoke("run", flag, pipe), pipe, "found a pipe, expected a file");
    }
  });

  it("a device that never ends", async () => {
    for (const flag of ["--data", "--config"]) expectRefused(await invoke("run", flag, "/dev/zero"), "found a device");
  });
});

describe("sizes", () => {
  it("of values are bounded, and the bound is an option", async () => {
    expectRefused(await run("--data", files.data, "--limit-words", "10"), "--limit-words");
    expectRefused(await run("--data", files.data, "--limit-instructions", "4"), "--limit-instructions");
  });
});
