/** From the name or path of `--data` to a data set of what the network sees. */
import { join } from "node:path";
import { diagnosticError, nearestName } from "../../isa/diagnostic.ts";
import { assetPath } from "../assets.ts";
import { isFolder } from "../files.ts";
import type { Dataset, PictureSource } from "./dataset.ts";
import type { ImageShape } from "./image-shape.ts";
import { withLabelFile, withLabelOffset } from "./labelled-source.ts";
import { type GivenLabels, readClassNames } from "./labels.ts";
import { openFile, openIdx } from "./open-file.ts";
import { openFolder } from "./open-folder.ts";
import { inNetworkOrder, withLayout } from "./preprocessing/apply-layout.ts";
import { preprocessedDataset } from "./preprocessing/apply-preprocessing.ts";
import type { Layout, NetworkInputShape } from "./preprocessing/layout.ts";
import { DEFAULT_PREPROCESSING, type Preprocessing } from "./preprocessing/preprocessing.ts";
import { randomImages, randomSeed } from "./random-images.ts";

/** Bundled data sets: name → files under runtime/assets/mnist. */
const BUNDLED: ReadonlyMap<string, string> = new Map([
  ["mnist-test", "test"],
  ["mnist-validation", "validation"],
]);

export const BUNDLED_DATASETS: readonly string[] = [...BUNDLED.keys()];

export interface OpenOptions {
  readonly preprocessing?: Preprocessing;
  /** File of labels; null takes those that come with the images. */
  readonly labels?: string | null;
  /** File of the classes' names in the order of the network's outputs, for labels that are names. */
  readonly labelNames?: string | null;
  /** Added to every label. */
  readonly labelOffset?: number;
  /** Images that will be asked for, at most: where counting takes time, it ends there. */
  readonly images?: number;
  /** The network's input, whose shape drawn images take, and by which the axes of arrays are told apart. */
  readonly input?: NetworkInputShape;
  readonly layout?: Layout;
}

/**
 * Opens a bundled data set by name, `random:<seed>`, an IDX (gzip or not), NPY, NPZ, CIFAR-10, TFRecord, JPEG or PNG file,
 * or a folder of one of these kinds with its labels. Throws `DiagnosticError` for anything else.
 */
export async function openDataset(nameOrPath: string, options: OpenOptions = {}): Promise<Dataset> {
  const preprocessing = options.preprocessing ?? DEFAULT_PREPROCESSING;
  const seed = randomSeed(nameOrPath);
  if (seed !== null) {
    const source = randomImages(nameOrPath, seed, drawnShape(options.input?.shape));
    // They are drawn in the shape the network takes: only scale and offset apply.
    return preprocessedDataset(source, { ...preprocessing, colour: "stored", resize: null, crop: null });
  }
  const limit = options.images ?? Number.POSITIVE_INFINITY;
  const labels = { path: options.labels ?? null, names: await classNames(options.labelNames ?? null) };
  const source = await openSource(nameOrPath, labels, limit);
  const labelled = withLabelOffset(source, options.labelOffset ?? 0);
  const pictures = withLayout(labelled, options.input, options.layout ?? "automatic");
  return inNetworkOrder(preprocessedDataset(pictures, preprocessing), options.input);
}

async function classNames(path: string | null): Promise<readonly string[] | null> {
  return path === null ? null : await readClassNames(path);
}

async function openSource(nameOrPath: string, labels: GivenLabels, limit: number): Promise<PictureSource> {
  const bundled = BUNDLED.get(nameOrPath);
  if (bundled !== undefined) {
    const folder = assetPath("mnist");
    const source = await openIdx(nameOrPath, join(folder, `${bundled}-images.idx.gz`));
    return withLabelFile(source, labels.path ?? join(folder, `${bundled}-labels.idx.gz`), labels.names);
  }
  if (await isFolder(nameOrPath)) return openFolder(nameOrPath, labels, limit);
  const nearest = nearestName(nameOrPath, BUNDLED_DATASETS);
  if (!/[./\\]/.test(nameOrPath) && nearest !== undefined) {
    throw diagnosticError("DATA", "--data", `no data set "${nameOrPath}"`, `did you mean ${nearest}?`);
  }
  const source = await openFile(nameOrPath, limit);
  return labels.path === null ? source : withLabelFile(source, labels.path, labels.names);
}

function drawnShape(inputShape: readonly number[] | undefined): ImageShape {
  if (inputShape === undefined) {
    throw diagnosticError("DATA", "--data", "drawn images need a network, whose shape they take", "name a model");
  }
  const [rows = 1, columns = 1, channels = 1] = inputShape.length === 1 ? [1, 1, inputShape[0] ?? 1] : inputShape;
  return [rows, columns, channels];
}
