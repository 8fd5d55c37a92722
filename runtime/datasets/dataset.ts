import { join } from "node:path";
import { diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { assetPath } from "../assets.ts";
import { isFolder, listFolder, readWholeFile } from "../files.ts";
import { readIdx } from "./idx.ts";

/** Images as stored, with their labels where there are any. */
export interface Dataset {
  readonly name: string;
  /** Rows, columns, channels of one image. */
  readonly shape: readonly [number, number, number];
  readonly count: number;
  /** count × rows × columns × channels bytes. */
  readonly pixels: Uint8Array;
  /** One class a picture; null where the data set has none. */
  readonly labels: Uint8Array | null;
}

/** How a stored byte becomes the network's input: byte · scale + offset. */
export interface Preprocessing {
  readonly scale: number;
  readonly offset: number;
}

/** Bundled data sets: name → files under runtime/assets/mnist. */
const BUNDLED: ReadonlyMap<string, string> = new Map([
  ["mnist-test", "test"],
  ["mnist-validation", "validation"],
]);

export const BUNDLED_DATASETS: readonly string[] = [...BUNDLED.keys()];

const IMAGES = /images.*idx.*|idx3/;
const LABELS = /labels.*idx.*|idx1/;

/**
 * Opens a bundled data set by name, or a folder that holds one IDX file of images and, if it likes, one of labels
 * (gzip or not), or an IDX file of images alone.
 */
export async function openDataset(nameOrPath: string): Promise<Dataset> {
  const bundled = BUNDLED.get(nameOrPath);
  if (bundled !== undefined) {
    const folder = assetPath("mnist");
    return readDataset(nameOrPath, join(folder, `${bundled}-images.idx.gz`), join(folder, `${bundled}-labels.idx.gz`));
  }
  if (!(await isFolder(nameOrPath))) {
    const nearest = nearestName(nameOrPath, BUNDLED_DATASETS);
    if (!/[./\\]/.test(nameOrPath) && nearest !== undefined) {
      throw diagnosticError("DATA", "--data", `no data set "${nameOrPath}"`, `did you mean ${nearest}?`);
    }
    return readDataset(nameOrPath, nameOrPath, null);
  }
  const names = await listFolder(nameOrPath);
  const one = (pattern: RegExp, what: string): string | null => {
    const found = names.filter((name) => pattern.test(name));
    if (found.length > 1) {
      throw diagnosticError(
        "DATA",
        nameOrPath,
        `several files of ${what}: ${found.join(", ")}`,
        "name one file instead",
      );
    }
    return found[0] === undefined ? null : join(nameOrPath, found[0]);
  };
  const images = one(IMAGES, "images");
  if (images === null) {
    throw diagnosticError(
      "DATA",
      nameOrPath,
      "no IDX file of images in this folder",
      `expected a name such as t10k-images-idx3-ubyte.gz, or use ${BUNDLED_DATASETS.join(" or ")}`,
    );
  }
  return readDataset(nameOrPath, images, one(LABELS, "labels"));
}

async function readDataset(name: string, imagesPath: string, labelsPath: string | null): Promise<Dataset> {
  const images = readIdx(await readWholeFile(imagesPath), imagesPath);
  const [count = 0, rows = 0, columns = 0, channels = 1] = images.shape;
  if (images.shape.length < 3 || images.shape.length > 4) {
    throw diagnosticError(
      "DATA",
      imagesPath,
      `found ${images.shape.length} dimensions, expected images × rows × columns [× channels]`,
      "is this a file of labels?",
    );
  }
  if (count * rows * columns * channels === 0) {
    throw diagnosticError("DATA", imagesPath, `no images: ${images.shape.join(" × ")}`, "give at least one image");
  }
  const labels = labelsPath === null ? null : readIdx(await readWholeFile(labelsPath), labelsPath);
  if (labels !== null && (labels.shape.length !== 1 || labels.shape[0] !== count)) {
    throw diagnosticError(
      "DATA",
      labelsPath ?? "",
      `found labels of shape ${labels.shape.join(" × ")}, expected one for each of ${count} images`,
      "use the label file that belongs to the images",
    );
  }
  return { name, shape: [rows, columns, channels], count, pixels: images.data, labels: labels?.data ?? null };
}

/**
 * The first `count` images as the network sees them, count × elements float32. Throws `DiagnosticError` where a byte would
 * leave float32.
 */
export function preprocess(dataset: Dataset, count: number, { scale, offset }: Preprocessing): Float32Array {
  const elements = dataset.shape[0] * dataset.shape[1] * dataset.shape[2];
  const table = Float32Array.from({ length: 256 }, (_, byte) => byte * scale + offset);
  if (!table.every(Number.isFinite)) {
    const what = `bytes × ${scale} + ${offset} leave the range of float32`;
    throw diagnosticError("PREPROCESSING", "preprocessing", what, "choose a smaller scale, e.g. 1/256");
  }
  return Float32Array.from(dataset.pixels.subarray(0, count * elements), (byte) => table[byte] ?? 0);
}
