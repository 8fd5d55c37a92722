/** Damaged data sets of every kind: diagnostics or a sound value. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { zipSync } from "fflate";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { elementsOf } from "../../runtime/datasets/image-shape.ts";
import { openDataset } from "../../runtime/datasets/open-dataset.ts";
import { preprocessingFrom } from "../../runtime/datasets/preprocessing/recipes.ts";
import { cifarRecord, npyBytes, npyFile, tfExample, tfRecordFile } from "../runtime/datasets/files.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, textDamage, valueOrDiagnostics } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-fuzz-sets-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens and reads everything; what comes through is complete and finite. Says whether it did. */
async function readAll(path: string, preprocessing = preprocessingFrom({ scale: 1 })): Promise<boolean> {
  const read = await valueOrDiagnostics(async () => {
    const data = await openDataset(path, { preprocessing });
    return { data, batch: await data.read(0, Math.min(data.count, 5)) };
  });
  if (read === undefined) return false;
  const { data, batch } = read;
  expect(batch.values).toHaveLength(batch.count * elementsOf(data.shape));
  expect(batch.values.every(Number.isFinite)).toBe(true);
  if (batch.labels !== null) {
    expect(batch.labels).toHaveLength(batch.count);
    expect(batch.labels.every((label) => label >= 0)).toBe(true);
  }
  return true;
}

/** Damages a file many ways; the sound one must come through. */
async function damaged(name: string, content: Uint8Array, runs: number): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, content);
  expect(await readAll(path)).toBe(true);
  await fc.assert(
    fc.asyncProperty(byteDamage(), async (damage) => {
      writeFileSync(path, damage(content));
      await readAll(path);
    }),
    cases(runs),
  );
}

const NOISE = Uint8Array.from({ length: 3 * 12 * 10 }, (_, index) => (index * 7919) % 251);
const picture = () => sharp(NOISE, { raw: { width: 12, height: 10, channels: 3 } });

describe("damaged bytes", () => {
  it("NPY", () => damaged("x.npy", npyFile("<i2", [3, 4, 5], npyBytes("<i2", [...Array(60).keys()])), 300));

  it("NPY in Fortran order", () =>
    damaged("x.npy", npyFile("<f4", [3, 4, 5], npyBytes("<f4", [...Array(60).keys()]), true), 200));

  it.each([0, 6] as const)("NPZ, level %s", (level) => {
    const archive = {
      "images.npy": npyFile("|u1", [3, 4, 5], new Uint8Array(60).fill(7)),
      "labels.npy": npyFile("<i4", [3], npyBytes("<i4", [1, 2, 3])),
    };
    return damaged("x.npz", zipSync(archive, { level }), 300);
  });

  it("CIFAR-10", () =>
    damaged("test.bin", new Uint8Array(Buffer.concat([1, 2].map((label) => cifarRecord(label, () => 3)))), 60));

  it("PNG", async () => damaged("x.png", new Uint8Array(await picture().png().toBuffer()), 200));

  it("JPEG", async () => damaged("x.jpg", new Uint8Array(await picture().jpeg().toBuffer()), 200));

  it("TFRecord framing", async () => {
    const record = tfExample({ "image/encoded": await picture().jpeg().toBuffer(), "image/class/label": 3 });
    await damaged("x.tfrecord", tfRecordFile([record, record]), 200);
  });

  it("examples within sound framing", async () => {
    const record = tfExample({ "image/class/label": 3, "image/encoded": await picture().png().toBuffer() });
    const path = join(folder, "y.tfrecord");
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        writeFileSync(path, tfRecordFile([damage(record)]));
        await readAll(path);
      }),
      cases(200),
    );
  });

  it("label tables", async () => {
    const place = join(folder, "table");
    mkdirSync(place);
    writeFileSync(join(place, "x.npy"), npyFile("|u1", [3, 1, 1], Uint8Array.of(1, 2, 3)));
    const words = ['"', ";", "\t", ",", "label", "file", "-1", "1e9", "99999999999", "\r", "\u0000", "é"];
    await fc.assert(
      fc.asyncProperty(textDamage(words), byteDamage(), fc.boolean(), async (ofText, ofBytes, bytes) => {
        const text = "label\n1\n2\n3\n";
        const content = bytes ? ofBytes(new TextEncoder().encode(text)) : ofText(text);
        writeFileSync(join(place, "labels.csv"), content);
        await readAll(place);
      }),
      cases(300),
    );
  });
});

describe("wild preprocessing", () => {
  it("of pictures: any values of any field", async () => {
    const path = join(folder, "p.png");
    writeFileSync(path, await picture().png().toBuffer());
    const specification = {
      recipe: "torch-imagenet",
      colour: "bgr",
      resize: { rows: 9, columns: 7 },
      resizeKernel: "cubic",
      crop: { rows: 5, columns: 6 },
      scale: [1, 2, 3],
      mean: 4,
      standardDeviation: [1, 2, 3],
      inputShift: 2,
    };
    const { preprocessingSchema } = await import("../../runtime/configuration.ts");
    let read = 0;
    await fc.assert(
      fc.asyncProperty(jsonDamage(), async (damage) => {
        const parsed = preprocessingSchema.safeParse(JSON.parse(JSON.stringify(damage(specification)) ?? "null"));
        if (!parsed.success) return;
        const preprocessing = await valueOrDiagnostics(() => preprocessingFrom(parsed.data));
        if (preprocessing !== undefined && (await readAll(path, preprocessing))) read++;
      }),
      cases(400),
    );
    expect(read).toBeGreaterThan(10);
  });
});
