/** Every form a data set comes in: what is read is what was written; what is damaged is a diagnostic. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { zipSync } from "fflate";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { crc32c } from "../../../runtime/datasets/formats/crc32c.ts";
import { writeIdx } from "../../../runtime/datasets/formats/idx.ts";
import { NPY_TYPES } from "../../../runtime/datasets/formats/npy.ts";
import { type OpenOptions, openDataset } from "../../../runtime/datasets/open-dataset.ts";
import { preprocessingFrom } from "../../../runtime/datasets/preprocessing/recipes.ts";
import { cifarRecord, crc32cBitwise, npyBytes, npyFile, tfExample, tfRecordFile } from "./files.ts";

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "macroscope-datasets-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes files into a new folder and returns its path. */
function folderOf(contents: Readonly<Record<string, Uint8Array | string>>): string {
  const place = join(folder, `set${files++}`);
  mkdirSync(place);
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), content);
  }
  return place;
}

function fileOf(name: string, content: Uint8Array | string): string {
  return join(folderOf({ [name]: content }), name);
}

const BYTES: OpenOptions = { preprocessing: preprocessingFrom({ scale: 1 }) };

/** All of a data set as plain numbers. */
async function all(path: string, options: OpenOptions = BYTES) {
  const data = await openDataset(path, options);
  const { values, labels } = await data.read(0, data.count);
  return { shape: data.shape, count: data.count, values: [...values], labels: labels === null ? null : [...labels] };
}

async function refusal(path: string, options: OpenOptions = BYTES): Promise<string> {
  try {
    await all(path, options);
  } catch (error) {
    if (error instanceof DiagnosticError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe("NPY", () => {
  it.each(NPY_TYPES.filter((type) => type !== "f2").flatMap((type) => [`<${type}`, `>${type}`]))(
    "elements of type %s",
    async (descr) => {
      const values = descr.endsWith("b1") ? [0, 1, 1, 0, 1, 0] : [0, 1, 2, 100, 7, 127];
      const path = fileOf("x.npy", npyFile(descr, [2, 3, 1], npyBytes(descr, values)));
      expect(await all(path)).toEqual({ shape: [3, 1, 1], count: 2, values, labels: null });
    },
  );

  it("half floats: one, least subnormal, largest, minus two", async () => {
    const data = new Uint8Array(Uint16Array.of(0x3c00, 0x0001, 0x7bff, 0xc000).buffer);
    expect((await all(fileOf("x.npy", npyFile("<f2", [1, 2, 2], data)))).values).toEqual([1, 2 ** -24, 65504, -2]);
  });

  it("Fortran order is read as C order: every shape gives back its indices", async () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const elements = shape.reduce((product, side) => product * side, 1);
        const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, side) => product * side, 1));
        const stored = new Uint8Array(elements);
        for (let index = 0; index < elements; index++) {
          let rest = index;
          let at = 0;
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            at += (rest % (shape[axis] ?? 1)) * (strides[axis] ?? 1);
            rest = Math.floor(rest / (shape[axis] ?? 1));
          }
          stored[at] = index;
        }
        expect((await all(fileOf("x.npy", npyFile("|u1", shape, stored, true)))).values).toEqual(count(elements));
      }),
      { numRuns: 20 },
    );
  });

  it("a range is the same as that part of all", async () => {
    const values = count(7 * 6).map((value) => value * 1000);
    const path = fileOf("x.npy", npyFile(">i4", [7, 3, 2], npyBytes(">i4", values)));
    const data = await openDataset(path);
    expect([...(await data.read(2, 3)).values]).toEqual(values.slice(12, 30));
  });

  it("images × features are one row of one column", async () => {
    const path = fileOf("x.npy", npyFile("<f4", [2, 5], npyBytes("<f4", count(10))));
    expect(await all(path)).toMatchObject({ shape: [1, 1, 5], count: 2 });
  });

  it("numbers that are no bytes are not scaled unless asked for; bytes are", async () => {
    const numbers = fileOf("x.npy", npyFile("<f8", [1, 1, 2], npyBytes("<f8", [0.25, -3])));
    expect((await all(numbers, {})).values).toEqual([0.25, -3]);
    expect((await openDataset(numbers)).preprocessing.scale).toBe(1);
    const bytes = fileOf("x.npy", npyFile("|u1", [1, 1, 2], Uint8Array.of(64, 128)));
    expect((await all(bytes, {})).values).toEqual([0.25, 0.5]);
    expect((await openDataset(bytes)).preprocessing.scale).toBe(1 / 256);
  });

  it("a folder pairs images with labels, as NPY or as a table", async () => {
    const images = npyFile("|u1", [3, 1, 2], Uint8Array.from(count(6)));
    const labels = npyFile("<i8", [3, 1], npyBytes("<i8", [300, 0, 999]));
    expect((await all(folderOf({ "x_test.npy": images, "y_test.npy": labels }))).labels).toEqual([300, 0, 999]);
    expect((await all(folderOf({ "images.npy": images, "labels.csv": "label\n5\n6\n70000\n" }))).labels).toEqual([
      5, 6, 70_000,
    ]);
    // Labels that were given stand in the place of the folder's own.
    const given = fileOf("own.npy", npyFile("<i8", [3], npyBytes("<i8", [7, 8, 9])));
    for (const folder of [
      folderOf({ "x_test.npy": images }),
      folderOf({ "x_test.npy": images, "y_test.npy": labels }),
    ]) {
      expect((await all(folder, { ...BYTES, labels: given })).labels).toEqual([7, 8, 9]);
    }
  });

  it.each([
    ["a size that is not the header's", npyFile("<f4", [2, 2, 2], new Uint8Array(31)), "the header announces"],
    ["strings", npyFile("<U4", [1, 1, 1], new Uint8Array(16)), "<U4"],
    ["a huge shape", npyFile("<f4", [2 ** 30, 2 ** 30, 9], new Uint8Array(4)), "a shape of"],
    ["no images", npyFile("<f4", [0, 3, 3], new Uint8Array(0)), "no images"],
    ["not a number", npyFile("<f4", [1, 1, 1], npyBytes("<f4", [Number.NaN])), "not finite"],
    ["half a header", npyFile("<f4", [1, 1, 1], new Uint8Array(4)).slice(0, 20), "a header of"],
  ])("refuses %s", async (_name, content, words) => {
    expect(await refusal(fileOf("x.npy", content))).toContain(words);
  });

  it("refuses labels that are no class numbers", async () => {
    const images = npyFile("|u1", [2, 1, 1], Uint8Array.of(1, 2));
    const floats = npyFile("<f4", [2], npyBytes("<f4", [0, 1]));
    const negative = npyFile("<i4", [2], npyBytes("<i4", [0, -1]));
    const three = npyFile("<i4", [3], npyBytes("<i4", [0, 1, 2]));
    expect(await refusal(folderOf({ "x.npy": images, "y.npy": floats }))).toContain("type f4");
    expect(await refusal(folderOf({ "x.npy": images, "y.npy": negative }))).toContain("label -1");
    expect(await refusal(folderOf({ "x.npy": images, "y.npy": three }))).toContain("3 labels");
  });
});

describe("NPZ", () => {
  const images = npyFile("|u1", [2, 2, 1], Uint8Array.of(1, 2, 3, 4));
  const labels = npyFile("<i4", [2], npyBytes("<i4", [4, 2]));

  it.each([
    ["deflated", 9, "x_test", "y_test"],
    ["stored", 0, "images", "labels"],
    ["positional", 6, "arr_0", "arr_1"],
  ] as const)("%s, test data before training data", async (_name, level, x, y) => {
    const archive = zipSync(
      { [`${x}.npy`]: images, [`${y}.npy`]: labels, "x_train.npy": npyFile("|u1", [1, 1], Uint8Array.of(9)) },
      { level },
    );
    expect(await all(fileOf("d.npz", archive))).toEqual({
      shape: [2, 1, 1],
      count: 2,
      values: [1, 2, 3, 4],
      labels: [4, 2],
    });
  });

  it("one array of any name is the images, and labels may come from elsewhere", async () => {
    const path = fileOf("d.npz", zipSync({ "mine.npy": images }));
    expect((await all(path)).labels).toBeNull();
    expect((await all(path, { ...BYTES, labels: fileOf("l.txt", "8\n9\n") })).labels).toEqual([8, 9]);
  });

  it("refuses what it does not know, and announced sizes that cannot be", async () => {
    const two = zipSync({ "a.npy": images, "b.npy": images });
    expect(await refusal(fileOf("d.npz", two))).toContain("a, b");
    expect(await refusal(fileOf("d.npz", zipSync({ "readme.txt": images })))).toContain("no arrays");
    const bomb = Buffer.from(zipSync({ "images.npy": images }, { level: 9 }));
    // The central directory's uncompressed size.
    const central = bomb.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bomb.writeUInt32LE(0xfffffff0, central + 24);
    expect(await refusal(fileOf("d.npz", bomb))).toContain("announces 4294967280 bytes");
  });
});

describe("CIFAR-10", () => {
  const record = (label: number): Uint8Array =>
    cifarRecord(label, (row, column, channel) => (7 * row + 3 * column + 90 * channel + label) % 256);

  it("becomes rows × columns × channels, read by ranges over several files", async () => {
    const place = folderOf({
      "data_batch_1.bin": Buffer.concat([record(3), record(4)]),
      "data_batch_2.bin": Buffer.concat([record(5), record(6), record(9)]),
    });
    const data = await openDataset(place, BYTES);
    expect(data).toMatchObject({ shape: [32, 32, 3], count: 5, labelled: true });
    const { values, labels } = await data.read(1, 3);
    expect([...(labels ?? [])]).toEqual([4, 5, 6]);
    for (const [image, label] of [4, 5, 6].entries()) {
      const at = (row: number, column: number, channel: number): number | undefined =>
        values[image * 3072 + (row * 32 + column) * 3 + channel];
      expect(at(0, 0, 0)).toBe(label);
      expect(at(2, 31, 1)).toBe((14 + 93 + 90 + label) % 256);
      expect(at(31, 5, 2)).toBe((217 + 15 + 180 + label) % 256);
    }
  });

  it("takes the test set of a folder that holds both", async () => {
    const place = folderOf({ "test_batch.bin": record(1), "data_batch_1.bin": record(2) });
    expect((await all(place)).labels).toEqual([1]);
  });

  it("refuses another size, and labels above 9 where they stand", async () => {
    expect(await refusal(fileOf("test.bin", record(1).slice(1)))).toContain("3072 bytes");
    expect(await refusal(fileOf("test.bin", Buffer.concat([record(1), record(10)])))).toContain("record 1: label 10");
  });
});

describe("labels", () => {
  const images = writeIdx({ shape: [3, 1, 1], data: Uint8Array.of(1, 2, 3) });

  it.each([
    ["a column", "1\n2\n3\n"],
    ["a named column", "label\n1\n2\n3"],
    ["names beside others", "id;class;x\n7;1;a\n8;2;b\n9;3;c\n"],
    ["a byte order mark and empty lines", "\ufefflabel\r\n1\r\n\r\n2\r\n3\r\n"],
  ])("from a table: %s", async (_name, text) => {
    expect((await all(folderOf({ "a-images.idx": images, "labels.csv": text }))).labels).toEqual([1, 2, 3]);
  });

  it.each([
    ["alone", "dog\ncat\nbird\n"],
    ["beside files, with names of columns", "x,label\n1,dog\n2,cat\n3,bird\n"],
    ["mixed with numbers", "label\n1\ncat\n2\n"],
  ])("that are names, %s, take the numbers of the list", async (_name, text) => {
    const folder = folderOf({ "a-images.idx": images, "labels.csv": text, "classes.txt": "cat\ndog\r\nbird\n\n" });
    const labels = (await all(folder, { ...BYTES, labelNames: join(folder, "classes.txt") })).labels;
    expect(labels).toEqual([1, 0, 2]);
  });

  it.each([
    ["an unknown name", "cat\ndgo\nbird\n", "cat\ndog\nbird", "did you mean dog?"],
    ["a list with a name twice", "cat\ncat\ncat\n", "cat\ndog\ncat", "line 3 is there twice"],
    ["a list with an empty line", "cat\ncat\ncat\n", "cat\n\ndog", "line 2 is empty"],
    ["an empty list", "cat\ncat\ncat\n", "\n", "no names"],
  ])("refuse %s", async (_name, text, names, words) => {
    const folder = folderOf({ "a-images.idx": images, "labels.csv": text, "names.txt": names });
    expect(await refusal(folder, { ...BYTES, labelNames: join(folder, "names.txt") })).toContain(words);
  });

  it("move by an offset, never below 0", async () => {
    const path = folderOf({ "a-images.idx": images, "labels.csv": "1\n2\n3\n" });
    expect((await all(path, { ...BYTES, labelOffset: 1 })).labels).toEqual([2, 3, 4]);
    expect((await all(path, { ...BYTES, labelOffset: -1 })).labels).toEqual([0, 1, 2]);
    expect(await refusal(path, { ...BYTES, labelOffset: -2 })).toContain("label 1 becomes -1");
  });

  it.each([
    ["too few", "1\n2\n", "2 labels"],
    ["a word in the place of a label", "label\n1\ncat\n3\n", 'row 3: label "cat"'],
    ["a negative one", "label\n1\n-1\n3\n", 'label "-1"'],
    ["beyond 2^31 − 1", "label\n1\n2147483648\n3\n", "2147483648"],
    ["columns without a label", "x,name\na,b\n", "none of them label"],
    ["a word without a list of names", "a.png,cat\n", "--label-names classes.txt"],
    ["rows of uneven length", "file,label\na,1,2\n", "LABELS"],
    ["nothing", "", "no labels"],
    ["names without rows", "label\n", "no labels"],
  ])("refuses %s", async (_name, text, words) => {
    expect(await refusal(folderOf({ "a-images.idx": images, "labels.csv": text }))).toContain(words);
  });
});

/** A PNG of bytes. */
async function png(width: number, height: number, channels: 1 | 3, data: readonly number[]): Promise<Uint8Array> {
  const raw = sharp(Uint8Array.from(data), { raw: { width, height, channels } });
  return new Uint8Array(
    await raw
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .png()
      .toBuffer(),
  );
}

describe("pictures", () => {
  it("are read in the order of the label file, from its folder or the one beside it", async () => {
    const [a, b, c] = await Promise.all([png(2, 1, 1, [1, 2]), png(2, 1, 1, [3, 4]), png(2, 1, 1, [5, 6])]);
    const expected = { shape: [1, 2, 1], count: 2, values: [5, 6, 1, 2], labels: [900, 7] };
    const inside = folderOf({ "a.png": a, "b.png": b, "c.png": c, "labels.csv": "file,label\nc.png,900\na.png,7\n" });
    expect(await all(inside)).toEqual(expected);
    const beside = folderOf({ "images/a.png": a, "images/c.png": c, "labels.csv": "label,file\n900,c.png\n7,a.png\n" });
    expect(await all(beside)).toEqual(expected);
    expect(await all(join(beside, "images"))).toEqual(expected);
    const named = folderOf({
      "images/a.png": a,
      "images/c.png": c,
      "labels.csv": "images/c.png 900\nimages/a.png 7\n",
    });
    expect(await all(named)).toEqual(expected);
  });

  it("without labels stand in the order of their names; one file is one image", async () => {
    const place = folderOf({ "b.png": await png(1, 1, 1, [3]), "a.png": await png(1, 1, 1, [4]), "notes.md": "x" });
    expect(await all(place)).toEqual({ shape: [1, 1, 1], count: 2, values: [4, 3], labels: null });
    expect((await all(join(place, "b.png"))).values).toEqual([3]);
  });

  it("lose alpha, and 16 bits become 8", async () => {
    const alpha = await sharp(Uint8Array.of(10, 20, 30, 0), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect((await all(fileOf("a.png", alpha))).values).toEqual([10, 20, 30]);
    const deep = await sharp(Uint16Array.of(0x1234, 0xfedc), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect(await all(fileOf("a.png", deep))).toMatchObject({ shape: [1, 2, 1], values: [0x12, 0xfe] });
  });

  it("grey ones among coloured ones get three equal channels; coloured ones among grey ones are refused", async () => {
    const [grey, colour] = await Promise.all([png(1, 1, 1, [9]), png(1, 1, 3, [1, 2, 3])]);
    expect((await all(folderOf({ "a.png": colour, "b.png": grey }))).values).toEqual([1, 2, 3, 9, 9, 9]);
    expect(await refusal(folderOf({ "a.png": grey, "b.png": colour }))).toMatch(/b\.png: .*1 × 1 × 3/);
  });

  it("of other sizes, other kinds, cut off or missing are refused by name", async () => {
    const small = await png(2, 2, 1, [1, 2, 3, 4]);
    const large = await png(3, 2, 1, [1, 2, 3, 4, 5, 6]);
    expect(await refusal(folderOf({ "a.png": small, "b.png": large }))).toMatch(/b\.png.*--resize/);
    expect(await refusal(folderOf({ "a.png": small, "b.png": "<svg/>" }))).toContain("neither a JPEG nor a PNG");
    const noise = Array.from({ length: 3 * 64 * 64 }, (_, index) => (index * 7919) % 251);
    const jpeg = await sharp(await png(64, 64, 3, noise))
      .jpeg()
      .toBuffer();
    expect(await refusal(fileOf("a.jpg", jpeg.subarray(0, jpeg.length / 2)))).toContain("a.jpg");
    expect(await refusal(folderOf({ "a.png": small, "labels.csv": "file,label\nz.png,1\n" }))).toContain("z.png");
    expect(await refusal(folderOf({ "a.png": small, "labels.csv": "file,label\n../z.png,1\n" }))).toContain(
      "leads out",
    );
    expect(await refusal(folderOf({ "a.png": small, "labels.csv": "1\n2\n" }))).toContain("2 labels");
  });

  it("of more pixels than fit memory are refused from their header", async () => {
    const bytes = Buffer.from(await png(1, 1, 1, [0]));
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    const header = bytes.subarray(12, 29);
    const { crc32 } = await import("node:zlib");
    if (typeof crc32 === "function") bytes.writeUInt32BE(crc32(header), 29);
    expect(await refusal(fileOf("a.png", bytes))).toContain("PICTURE");
  });
});

describe("TFRecord", () => {
  const imagenet = async (label: number, grey: number): Promise<Uint8Array> =>
    tfExample({
      "image/encoded": await png(2, 1, 3, [grey, 1, 2, 3, 4, 5]),
      "image/class/label": label,
      "image/class/synset": "n01440764",
      "image/height": 1,
    });

  it("labels of ImageNet's script count from 1, plain ones from 0", async () => {
    const file = tfRecordFile([await imagenet(1, 7), await imagenet(1000, 8)]);
    expect(await all(fileOf("validation-00000-of-00001", file))).toEqual({
      shape: [1, 2, 3],
      count: 2,
      values: [7, 1, 2, 3, 4, 5, 8, 1, 2, 3, 4, 5],
      labels: [0, 999],
    });
    const plain = tfExample({ image: await png(1, 1, 1, [3]), label: 0 });
    expect((await all(fileOf("a.tfrecord", tfRecordFile([plain])))).labels).toEqual([0]);
  });

  it("a folder of shards is one set, counted no further than asked for", async () => {
    const shard = tfRecordFile([await imagenet(5, 1), await imagenet(6, 2)]);
    const place = folderOf({ "validation-00000-of-00002": shard, "validation-00001-of-00002": shard });
    expect((await all(place)).labels).toEqual([4, 5, 4, 5]);
    expect((await openDataset(place, { images: 3 })).count).toBe(3);
  });

  it("without labels has none", async () => {
    const record = tfExample({ "image/encoded": await png(1, 1, 1, [3]), "image/class/label": -1 });
    expect((await all(fileOf("a.tfrecord", tfRecordFile([record])))).labels).toBeNull();
  });

  it("checks both checksums and all lengths", async () => {
    const file = tfRecordFile([await imagenet(1, 7)]);
    const flip = (at: number): Uint8Array => file.map((byte, index) => (index === at ? byte ^ 1 : byte));
    expect(await refusal(fileOf("a.tfrecord", flip(40)))).toContain("checksum of its bytes");
    expect(await refusal(fileOf("a.tfrecord", file.slice(0, -1)))).toContain("the file ends before");
    const second = tfRecordFile([await imagenet(1, 7), await imagenet(1, 7)]).map((byte, index) =>
      index === file.length ? byte ^ 1 : byte,
    );
    expect(await refusal(fileOf("a.tfrecord", second))).toContain("record 1: the checksum of its length");
    expect(await refusal(fileOf("a.tfrecord", tfRecordFile([Uint8Array.of(1, 2, 3)])))).toContain("tf.train.Example");
    expect(await refusal(fileOf("a.tfrecord", tfRecordFile([tfExample({ text: "x" })])))).toContain("features text");
  });

  it("CRC-32C: the check value of its definition, and bit by bit", () => {
    expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(crc32c(bytes)).toBe(crc32cBitwise(bytes));
      }),
    );
  });
});

describe("folders", () => {
  it("of two kinds are refused, as are empty ones", async () => {
    const idx = writeIdx({ shape: [1, 1, 1], data: Uint8Array.of(1) });
    const npy = npyFile("|u1", [1, 1, 1], Uint8Array.of(1));
    expect(await refusal(folderOf({ "a-images.idx": idx, "x.npy": npy }))).toContain("IDX images, NPY arrays");
    expect(await refusal(folderOf({ "a-images.idx": idx, "p.png": await png(1, 1, 1, [1]) }))).toContain("pictures");
    expect(await refusal(folderOf({ "a.npz": npy, "b.npz": npy }))).toContain("several files");
    expect(await refusal(folderOf({ "notes.txt": "x" }))).toContain("no IDX file");
  });
});

describe("drawn images", () => {
  it("have the network's shape, depend on seed and position only, and have no labels", async () => {
    const options = { input: { shape: [3, 5, 2] } };
    const data = await openDataset("random:7", options);
    expect(data).toMatchObject({ shape: [3, 5, 2], labelled: false });
    const { values } = await data.read(0, 4);
    expect((await data.read(2, 1)).values).toEqual(values.slice(60, 90));
    expect((await (await openDataset("random:8", options)).read(0, 4)).values).not.toEqual(values);
    expect((await openDataset("random:7", { input: { shape: [4] } })).shape).toEqual([1, 1, 4]);
  });

  it("are bytes, all of them about equally often", async () => {
    const data = await openDataset("random:1", { ...BYTES, input: { shape: [64, 64, 4] } });
    const seen = new Array<number>(256).fill(0);
    for (const value of (await data.read(0, 4)).values) seen[value] = (seen[value] ?? 0) + 1;
    expect(Math.min(...seen)).toBeGreaterThan(180);
    expect(Math.max(...seen)).toBeLessThan(340);
  });

  it("need a seed and a network", async () => {
    expect(await refusal("random:x")).toContain('seed "x"');
    expect(await refusal("random:1")).toContain("need a network");
  });
});

describe("a folder of classes", () => {
  const grey = (value: number) => png(1, 1, 1, [value]);

  it("numbers them by their sorted names and takes their pictures in turn", async () => {
    const folder = folderOf({
      "dog/2.png": await grey(20),
      "dog/1.png": await grey(10),
      "Zebra/a.png": await grey(30),
      "10/x.png": await grey(40),
      "2/x.png": await grey(50),
      "2/notes.txt": "no picture",
      "empty/notes.txt": "no picture",
    });
    const data = await openDataset(folder, BYTES);
    expect(data.classNames).toEqual(["10", "2", "Zebra", "dog"]);
    const { values, labels } = await data.read(0, data.count);
    expect([...values]).toEqual([40, 50, 30, 10, 20]);
    expect([...(labels ?? [])]).toEqual([0, 1, 2, 3, 3]);
  });

  it("follows a list of names, which must have them all", async () => {
    const folder = folderOf({ "a/1.png": await grey(1), "b/1.png": await grey(2), "names.txt": "b\nc\na\n" });
    const options = { ...BYTES, labelNames: join(folder, "names.txt") };
    expect((await all(folder, options)).labels).toEqual([2, 0]);
    const short = folderOf({ "a/1.png": await grey(1), "b/1.png": await grey(2), "names.txt": "b\nc\n" });
    expect(await refusal(short, { ...BYTES, labelNames: join(short, "names.txt") })).toContain(
      "the folder a is no class of the list of names",
    );
  });

  it("takes a table that names pictures of its folders instead", async () => {
    const folder = folderOf({
      "a/1.png": await grey(1),
      "b/1.png": await grey(2),
      "list.csv": "file,label\nb/1.png,7\na/1.png,3\n",
    });
    const found = await all(folder, { ...BYTES, labels: join(folder, "list.csv") });
    expect([found.values, found.labels]).toEqual([
      [2, 1],
      [7, 3],
    ]);
  });
});
