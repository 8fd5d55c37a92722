/** How pictures become network input: geometry, colours, scale and offset, recipes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { resolveFlags } from "../../../../runtime/cli/configuration-options.ts";
import { parseYaml, readConfiguration, resolveConfiguration } from "../../../../runtime/configuration.ts";
import type { Elements, PictureSource } from "../../../../runtime/datasets/dataset.ts";
import type { ImageShape } from "../../../../runtime/datasets/image-shape.ts";
import { preprocessedDataset } from "../../../../runtime/datasets/preprocessing/apply-preprocessing.ts";
import type { Preprocessing } from "../../../../runtime/datasets/preprocessing/preprocessing.ts";
import { preprocessedShape, resizedSide } from "../../../../runtime/datasets/preprocessing/preprocessing.ts";
import {
  type PreprocessingSpecification,
  preprocessingFrom,
  RECIPE_NAMES,
} from "../../../../runtime/datasets/preprocessing/recipes.ts";

function sourceOf(shape: ImageShape, ...images: readonly Elements[]): PictureSource {
  return {
    name: "drawn",
    count: images.length,
    labelled: false,
    shape,
    elements: images[0] instanceof Uint8Array ? "bytes" : "numbers",
    read: async (first, count) => ({
      pictures: images.slice(first, first + count).map((elements) => ({ shape, elements })),
      labels: null,
    }),
  };
}

async function values(source: PictureSource, specification: PreprocessingSpecification): Promise<number[]> {
  const data = preprocessedDataset(source, preprocessingFrom(specification));
  return [...(await data.read(0, data.count)).values];
}

/** A picture whose bytes say where they stand: 100 · row + 10 · column + channel. */
function placed([rows, columns, channels]: ImageShape): Uint8Array {
  return Uint8Array.from({ length: rows * columns * channels }, (_, index) => {
    const pixel = Math.floor(index / channels);
    return 100 * Math.floor(pixel / columns) + 10 * (pixel % columns) + (index % channels);
  });
}

describe("scale and offset", () => {
  it("value = byte · scale[c] + offset[c], rounded once to float32, for every byte and channel", async () => {
    const perChannel = fc.array(fc.double({ min: -300, max: 300, noNaN: true }), { minLength: 3, maxLength: 3 });
    const bytes = Uint8Array.from({ length: 3 * 256 }, (_, index) => Math.floor(index / 3));
    await fc.assert(
      fc.asyncProperty(perChannel, perChannel, async (scale, offset) => {
        const found = await values(sourceOf([16, 16, 3], bytes), { scale, offset });
        const expected = Array.from(bytes, (byte, index) =>
          Math.fround(byte * (scale[index % 3] ?? 0) + (offset[index % 3] ?? 0)),
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it("mean and standard deviation are (byte · scale − mean) / deviation", async () => {
    const found = await values(sourceOf([1, 2, 3], Uint8Array.of(0, 128, 255, 7, 9, 11)), {
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      standardDeviation: [0.229, 0.224, 0.225],
    });
    const expected = [0, 128, 255, 7, 9, 11].map(
      (byte, index) => (byte / 255 - ([0.485, 0.456, 0.406][index % 3] ?? 0)) / ([0.229, 0.224, 0.225][index % 3] ?? 1),
    );
    found.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? 0, 6);
    });
  });

  it("numbers are scaled as they are", async () => {
    expect(await values(sourceOf([1, 1, 2], Float64Array.of(1e5, -0.5)), { scale: 2, offset: [1, 0] })).toEqual([
      200_001, -1,
    ]);
  });
});

describe("channels", () => {
  const colours = sourceOf([1, 2, 3], Uint8Array.of(10, 20, 30, 255, 0, 1));
  it.each([
    ["stored", [10, 20, 30, 255, 0, 1]],
    ["rgb", [10, 20, 30, 255, 0, 1]],
    ["bgr", [30, 20, 10, 1, 0, 255]],
    // (10 · 19595 + 20 · 38470 + 30 · 7471) / 2^16 = 18.15; 255 · 0.299 + 0.114 = 76.36
    ["grey", [18, 76]],
  ] as const)("%s of coloured pictures", async (colour, expected) => {
    expect(await values(colours, { colour, scale: 1 })).toEqual(expected);
  });

  it.each([
    ["stored", [5, 6]],
    ["grey", [5, 6]],
    ["rgb", [5, 5, 5, 6, 6, 6]],
    ["bgr", [5, 5, 5, 6, 6, 6]],
  ] as const)("%s of grey pictures", async (colour, expected) => {
    expect(await values(sourceOf([1, 2, 1], Uint8Array.of(5, 6)), { colour, scale: 1 })).toEqual(expected);
  });

  it("grey is what Pillow's luma gives, for every grey exactly itself", async () => {
    const greys = Uint8Array.from({ length: 3 * 256 }, (_, index) => Math.floor(index / 3));
    expect(await values(sourceOf([2, 128, 3], greys), { colour: "grey", scale: 1 })).toEqual([...Array(256).keys()]);
  });

  it("scale and offset are in the network's order, behind the exchange of red and blue", async () => {
    expect(await values(colours, { colour: "bgr", scale: 1, mean: [1, 2, 3] })).toEqual([29, 18, 7, 0, -2, 252]);
  });
});

describe("geometry", () => {
  it("the crop is the middle; an odd rest stays at the end", async () => {
    const shape: ImageShape = [2, 9, 1];
    const crop = { rows: 1, columns: 4 };
    expect(await values(sourceOf(shape, placed(shape)), { scale: 1, crop })).toEqual([20, 30, 40, 50]);
    const even: ImageShape = [2, 6, 2];
    expect(await values(sourceOf(even, placed(even)), { scale: 1, crop: { rows: 2, columns: 2 } })).toEqual([
      20, 21, 30, 31, 120, 121, 130, 131,
    ]);
  });

  it("the shorter side sets the size and proportions stay, rounded down", () => {
    expect(resizedSide(375, 500, { shorterSide: 256 })).toEqual([256, 341]);
    expect(resizedSide(500, 375, { shorterSide: 256 })).toEqual([341, 256]);
    expect(resizedSide(7, 7, { shorterSide: 3 })).toEqual([3, 3]);
    expect(resizedSide(3, 1000, { shorterSide: 1 })).toEqual([1, 333]);
    expect(resizedSide(9, 5, { rows: 2, columns: 8 })).toEqual([2, 8]);
  });

  it("nearest resize by a whole factor repeats pixels", async () => {
    const shape: ImageShape = [2, 3, 1];
    const found = await values(sourceOf(shape, placed(shape)), {
      scale: 1,
      resize: { rows: 4, columns: 6 },
      resizeKernel: "nearest",
    });
    expect(found).toEqual([
      0,
      0,
      10,
      10,
      20,
      20,
      0,
      0,
      10,
      10,
      20,
      20,
      ...[100, 100, 110, 110, 120, 120],
      ...[100, 100, 110, 110, 120, 120],
    ]);
  });

  it("linear resize to half is close to the mean of the pixels under it", async () => {
    const shape: ImageShape = [8, 12, 3];
    const bytes = Uint8Array.from({ length: 8 * 12 * 3 }, (_, index) => 40 + 5 * (Math.floor(index / 3) % 12));
    const data = preprocessedDataset(
      sourceOf(shape, bytes),
      preprocessingFrom({ scale: 1, resize: { shorterSide: 4 } }),
    );
    expect(data.shape).toEqual([4, 6, 3]);
    const found = [...(await data.read(0, 1)).values];
    // Inner columns 2k and 2k + 1 hold 40 + 10k and 45 + 10k.
    for (let column = 1; column < 5; column++) {
      expect(Math.abs((found[(2 * 6 + column) * 3] ?? 0) - (42.5 + 10 * column))).toBeLessThanOrEqual(1);
    }
  });

  it("a picture of the crop's size is taken as it is, others are resized", async () => {
    const preprocessing = preprocessingFrom({ scale: 1, resize: { shorterSide: 8 }, crop: { rows: 4, columns: 5 } });
    expect(preprocessedShape([4, 5, 1], preprocessing, "x")).toEqual([4, 5, 1]);
    expect(preprocessedShape([40, 90, 3], preprocessing, "x")).toEqual([4, 5, 3]);
    const found = await values(sourceOf([4, 5, 1], placed([4, 5, 1])), { recipe: "bytes", ...preprocessing });
    expect(found).toEqual([...placed([4, 5, 1])]);
  });

  it("a picture decoded from JPEG is what libjpeg's RGB values are, then cropped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "macroscope-jpeg-"));
    try {
      const flat = sharp({ create: { width: 20, height: 16, channels: 3, background: { r: 200, g: 100, b: 50 } } });
      writeFileSync(join(folder, "a.jpg"), await flat.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer());
      const { openDataset } = await import("../../../../runtime/datasets/open-dataset.ts");
      const preprocessing = preprocessingFrom({ recipe: "bytes", colour: "bgr", crop: { rows: 2, columns: 3 } });
      const data = await openDataset(folder, { preprocessing });
      expect(data.shape).toEqual([2, 3, 3]);
      const { values: found } = await data.read(0, 1);
      for (let index = 0; index < found.length; index++) {
        expect(Math.abs((found[index] ?? 0) - ([50, 100, 200][index % 3] ?? 0))).toBeLessThanOrEqual(2);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("refusals", () => {
  const grey = sourceOf([4, 4, 1], new Uint8Array(16));
  it.each<[string, PictureSource, PreprocessingSpecification, string]>([
    ["a list for another number of channels", grey, { scale: [1, 2, 3] }, "3 values for 1 channel"],
    ["a crop larger than the picture", grey, { crop: { rows: 5, columns: 1 } }, "fewer than the crop"],
    ["a resize of numbers", sourceOf([2, 2, 1], new Float64Array(4)), { resize: { shorterSide: 4 } }, "numbers"],
    [
      "a resize beyond memory",
      sourceOf([1, 9000, 1], new Uint8Array(9000)),
      { resize: { shorterSide: 9000 } },
      "pixels",
    ],
    ["colours of five channels", sourceOf([1, 1, 5], new Uint8Array(5)), { colour: "rgb" }, "5 channels"],
    ["a scale that leaves float32", grey, { scale: 1e38 }, "float32"],
    ["a mean without a scale", grey, { mean: 3 }, "without a scale"],
    ["a mean beside an offset", grey, { scale: 1, mean: 3, offset: 1 }, "beside a mean"],
    ["a deviation of 0", grey, { scale: 1, standardDeviation: [1, 0, 1] }, "deviation of 0"],
    ["lists of different lengths", grey, { scale: [1, 2], standardDeviation: [1, 2, 3] }, "different numbers"],
    ["an unknown recipe", grey, { recipe: "caffe-imagnet" }, "caffe-imagenet"],
  ])("%s", async (_name, source, specification, words) => {
    const refused = values(source, specification);
    await expect(refused).rejects.toThrow(DiagnosticError);
    await expect(refused).rejects.toThrow(words);
  });
});

describe("recipes", () => {
  it.each(RECIPE_NAMES)("%s is complete, and resolved again the same", (recipe) => {
    const once = preprocessingFrom({ recipe });
    expect(once.scale).not.toBe("automatic");
    expect(preprocessingFrom(JSON.parse(JSON.stringify(once)) as Preprocessing)).toEqual(once);
  });

  it("caffe-imagenet is BGR minus 104, 117, 123; its 224 × 224 pictures stay whole", async () => {
    const shape: ImageShape = [224, 224, 3];
    const bytes = new Uint8Array(224 * 224 * 3).fill(200);
    bytes[0] = 1;
    const found = await values(sourceOf(shape, bytes), { recipe: "caffe-imagenet" });
    expect(found.slice(0, 6)).toEqual([200 - 104, 200 - 117, 1 - 123, 96, 83, 77]);
    expect(found).toHaveLength(224 * 224 * 3);
  });

  it("fields win over the recipe; an offset replaces its mean, a mean its offset", () => {
    const torch = preprocessingFrom({ recipe: "torch-imagenet", crop: { rows: 200, columns: 200 }, offset: 0 });
    expect(torch).toMatchObject({ crop: { rows: 200, columns: 200 }, resize: { shorterSide: 256 }, offset: 0 });
    expect(torch.scale).toBe(1 / 255);
    expect(preprocessingFrom({ recipe: "tf-imagenet", mean: 2 })).toMatchObject({ scale: 1 / 127.5, offset: -2 });
    expect(preprocessingFrom({ recipe: "torch-imagenet", resize: null, crop: null })).toMatchObject({ crop: null });
  });
});

describe("in configurations and flags", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "macroscope-preprocessing-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function fromYaml(text: string): Promise<Preprocessing> {
    const path = join(folder, "c.yaml");
    writeFileSync(path, text);
    return resolveConfiguration(await readConfiguration(path)).preprocessing;
  }

  it("a file names a recipe, or fields with fractions", async () => {
    expect(await fromYaml("preprocessing: torch-cifar")).toEqual(preprocessingFrom({ recipe: "torch-cifar" }));
    expect(await fromYaml("preprocessing: { scale: 1/255, offset: [-1, 0, 1], colour: bgr }")).toMatchObject({
      scale: 1 / 255,
      offset: [-1, 0, 1],
      colour: "bgr",
    });
    expect(parseYaml("1/255", "x")).toBe("1/255");
  });

  it.each([
    ["preprocessing: { scle: 1 }", 'did you mean "scale"'],
    ["preprocessing: { scale: 1/x }", "preprocessing"],
    ["preprocessing: { resize: { shorterSide: 0 } }", "preprocessing"],
    ["preprocessing: { crop: 224 }", "preprocessing"],
    ["preprocessing: nothing-known", "no recipe"],
  ])("refuses %s", async (text, words) => {
    await expect(fromYaml(text)).rejects.toThrow(DiagnosticError);
    await expect(fromYaml(text)).rejects.toThrow(words);
  });

  it("flags win over the file, and a result's own preprocessing repeats", async () => {
    const config = join(folder, "f.yaml");
    writeFileSync(config, "preprocessing: { recipe: torch-imagenet }\nlabelOffset: 1\n");
    const flags = {
      config,
      crop: { rows: 299, columns: 299 },
      inputOffset: -1,
      inputScale: 1 / 127.5,
      colour: "bgr" as const,
    };
    const resolved = await resolveFlags(undefined, flags);
    expect(resolved).toMatchObject({ labelOffset: 1, labels: null });
    expect(resolved.preprocessing).toEqual({
      colour: "bgr",
      resize: { shorterSide: 256 },
      resizeKernel: "linear",
      crop: { rows: 299, columns: 299 },
      scale: 1 / 127.5,
      offset: -1,
      inputShift: 0,
    });
    writeFileSync(config, JSON.stringify({ schema: "macroscope/run/1", configuration: resolved }));
    expect((await resolveFlags(undefined, { config })).preprocessing).toEqual(resolved.preprocessing);
    expect((await resolveFlags(undefined, { config, inputMean: [1, 2, 3] })).preprocessing.offset).toEqual([
      -1, -2, -3,
    ]);
    expect((await resolveFlags(undefined, { config, preprocess: "mnist" })).preprocessing.colour).toBe("grey");
  });

  it("one drawn image is run unless more are asked for", () => {
    expect(resolveConfiguration({ data: "random:3" }).images).toBe(1);
    expect(resolveConfiguration({ data: "random:3", images: 4 }).images).toBe(4);
  });
});
