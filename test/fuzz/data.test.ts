/** Damaged data, configuration, machine and assignment files: diagnostics or a sound value. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, prepareGraph } from "../../compiler/compile.ts";
import { importTfjsLayersModel } from "../../compiler/importers/tfjs/import.ts";
import { checkMachine, DEFAULT_MACHINE } from "../../isa/machine.ts";
import { resolveFlags } from "../../runtime/cli/configuration-options.ts";
import type { RunConfiguration } from "../../runtime/configuration.ts";
import { elementsOf } from "../../runtime/datasets/image-shape.ts";
import { openDataset } from "../../runtime/datasets/open-dataset.ts";
import { smallImages, smallModel } from "../runtime/small-network.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, textDamage, valueOrDiagnostics } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-fuzz-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("damaged IDX files", () => {
  const { images, labels } = smallImages(12);

  /** Opens the folder as `--data` does; what comes through is complete. */
  async function open(): Promise<void> {
    const data = await valueOrDiagnostics(() => openDataset(folder));
    if (data === undefined) return;
    const { values, labels } = await data.read(0, data.count);
    expect(values).toHaveLength(data.count * elementsOf(data.shape));
    if (data.labelled) expect(labels).toHaveLength(data.count);
  }

  it.each([
    ["plain", (bytes: Uint8Array) => bytes],
    ["gzip", (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))],
  ])("%s: images and labels", async (_name, pack) => {
    await fc.assert(
      fc.asyncProperty(byteDamage(), byteDamage(), fc.nat(2), async (first, second, which) => {
        written("x-images.idx", which === 0 ? pack(images) : first(pack(images)));
        written("x-labels.idx", which === 1 ? pack(labels) : second(pack(labels)));
        await open();
      }),
      cases(300),
    );
  });

  it("a damaged header under sound compression", async () => {
    written("x-labels.idx", labels);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(16), async (header, kept) => {
        const bytes = Uint8Array.from(images);
        bytes.set(header.subarray(kept), kept);
        written("x-images.idx", gzipSync(bytes));
        await open();
      }),
      cases(200),
    );
  });
});

const CONFIGURATION = {
  model: "lenet5",
  data: "mnist-test",
  images: 10,
  seed: 7,
  engine: "reference",
  workers: 2,
  observe: 3,
  machine: { name: "m", rows: 8, columns: 4, dataflow: "weight-stationary", dram: { latencyCycles: 3, wordBits: 32 } },
  assignment: {
    default: { datapath: "intrinsic", format: "10,5", rounding: "nearest", overflow: "saturate", dialect: "sc" },
    layers: {
      conv1: { weight: "12,10", product: { format: "20,12", rounding: "zero" }, accumulator: { overflow: "wrap" } },
      "fc*": { datapath: "wide", format: "u12,6", marginBits: 1, averageDivider: true },
      pool1: { quantizeInput: true, avgPoolCountPadding: false },
    },
  },
  weights: null,
  labels: "labels.csv",
  labelOffset: 1,
  preprocessing: {
    recipe: "torch-imagenet",
    colour: "bgr",
    resize: { shorterSide: 30 },
    resizeKernel: "cubic",
    crop: { rows: 28, columns: 28 },
    scale: [0.5, "1/3", 2],
    mean: -1,
    standardDeviation: [1, 2, 3],
  },
  calibration: { images: 4, ranges: { conv1: { min: -1, max: 2 } } },
};

const { json, weights } = smallModel();
const graph = prepareGraph(importTfjsLayersModel(json, weights, "small"));

/** Everything that a configuration decides before images are read: it is resolved, and the network compiled with it. */
async function useConfiguration(flags: Parameters<typeof resolveFlags>[1]): Promise<RunConfiguration | undefined> {
  const configuration = await valueOrDiagnostics(() => resolveFlags("lenet5", flags));
  if (configuration === undefined) return undefined;
  expect(checkMachine(configuration.machine)).toEqual([]);
  const { machine, assignment, calibration, seed } = configuration;
  const ranges = calibration.ranges ?? {};
  await valueOrDiagnostics(() => compile(graph, { machine, assignment, calibration: ranges, seed }));
  return configuration;
}

describe("damaged configurations", () => {
  it("JSON with wild values", async () => {
    written(CONFIGURATION.labels, "");
    let resolved = 0;
    await fc.assert(
      fc.asyncProperty(jsonDamage(), async (damage) => {
        const path = written("configuration.json", JSON.stringify(damage(CONFIGURATION)) ?? "");
        if ((await useConfiguration({ config: path })) !== undefined) resolved++;
      }),
      cases(400),
    );
    expect(resolved).toBeGreaterThan(20);
  });

  it("YAML with wild words", async () => {
    const text = `machine: { rows: 4 }
assignment:
  default: { datapath: tensorquant, format: "9,4" }
  layers:
    conv1: &entry
      weight: "12,10"
      product: { format: "20,12", rounding: zero }
    "fc*": *entry
images: 10
preprocessing:
  scale: 0.5
`;
    const words = [
      "&a",
      "*entry",
      "*x",
      "!!map",
      "!!binary",
      "<<",
      "|",
      ">",
      "%",
      "---",
      "...",
      "? ",
      "- ",
      "{",
      "]",
      "~",
      ".nan",
      "-.inf",
    ];
    await fc.assert(
      fc.asyncProperty(textDamage(words), byteDamage(), fc.boolean(), async (ofText, ofBytes, bytes) => {
        const encoded = new TextEncoder().encode(text);
        await useConfiguration({ config: written("configuration.yaml", bytes ? ofBytes(encoded) : ofText(text)) });
      }),
      cases(400),
    );
  });

  it("machine and assignment files with wild values", async () => {
    await fc.assert(
      fc.asyncProperty(jsonDamage(), jsonDamage(), fc.boolean(), async (ofMachine, ofAssignment, which) => {
        const machine = written("machine.json", JSON.stringify(ofMachine(DEFAULT_MACHINE)) ?? "");
        const assign = written("assign.json", JSON.stringify(ofAssignment(CONFIGURATION.assignment)) ?? "");
        await useConfiguration(which ? { machine } : { assign });
      }),
      cases(400),
    );
  });
});
