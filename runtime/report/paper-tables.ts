/**
 * Tables 1 to 6 of Loroch, Wehn, Pfreundt, Keuper, "TensorQuant – A Simulation Toolbox for Deep Neural Network Quantization",
 * 2017, nearest rounding. ImageNet figures are of 400 images, LeNet's of the 10,000 MNIST test digits.
 */

export const PAPER_TOPOLOGIES = ["LeNet", "Inception V1", "Inception V3", "ResNet 50", "ResNet 152"] as const;
export type PaperTopology = (typeof PAPER_TOPOLOGIES)[number];

export interface PaperEntry {
  readonly relative: number;
  readonly fraction: number;
}

/** The best relative accuracy at a word length, and the fraction length that gave it. */
export type PaperRow = Readonly<Record<number, PaperEntry>>;

export interface PaperRows {
  /** Tables 1 (all) and 4: all layers at once, intrinsic. */
  readonly all: PaperRow | null;
  /** Table 1 (single): one subunit at a time, the rest in float, the worst of them. */
  readonly single: PaperRow | null;
  /** Table 2: the same. */
  readonly subunits: PaperRow | null;
  /** Table 3: all layers at once, extrinsic. */
  readonly extrinsic: PaperRow | null;
}

/** Relative accuracies of the columns of Tables 5 and 6. */
export const PAPER_THRESHOLDS: readonly number[] = [1, 0.99, 0.9];

/** A row of Tables 5 and 6: the least (W,F) that reaches each of the thresholds. */
export interface PaperSubunit {
  readonly name: string;
  readonly formats: readonly (readonly [wordLength: number, fractionLength: number])[];
}

function row(wordLengths: readonly number[], ...entries: readonly (readonly [number, number])[]): PaperRow {
  return Object.fromEntries(
    entries.map(([relative, fraction], index) => [wordLengths[index] ?? 0, { relative, fraction }]),
  );
}

const TABLE_1 = [8, 12, 16, 20];
const TABLE_2 = [8, 10, 12, 14, 16];
const TABLE_3 = [4, 6, 8, 10, 12];

export const PAPER_ROWS: Readonly<Record<PaperTopology, PaperRows>> = {
  LeNet: {
    all: row([4, 8, 12, 16, 20], [0.4, 3], [0.9, 4], [1, 6], [1, 8], [1, 8]),
    single: null,
    subunits: null,
    extrinsic: null,
  },
  "Inception V1": {
    all: row(TABLE_1, [0.01, 4], [0.99, 6], [1, 8], [1, 8]),
    single: row(TABLE_1, [0.46, 2], [1, 8], [1, 8], [1, 8]),
    subunits: row(TABLE_2, [0.46, 2], [0.98, 5], [1, 8], [1, 9], [1, 8]),
    extrinsic: row(TABLE_3, [0.32, 0], [0.76, 2], [0.98, 2], [1, 4], [1, 4]),
  },
  "Inception V3": {
    all: null,
    single: null,
    subunits: row(TABLE_2, [0.08, 2], [0.92, 7], [0.97, 6], [0.99, 7], [0.98, 6]),
    extrinsic: row(TABLE_3, [0.08, 0], [0.93, 2], [0.97, 2], [0.99, 4], [1, 6]),
  },
  "ResNet 50": {
    all: row(TABLE_1, [0, 0], [0.04, 6], [0.91, 6], [1, 10]),
    single: row(TABLE_1, [0.02, 2], [0.54, 4], [0.99, 6], [1, 10]),
    subunits: row(TABLE_2, [0.02, 2], [0.14, 3], [0.54, 4], [0.93, 5], [0.99, 6]),
    extrinsic: row(TABLE_3, [0.06, 0], [0.62, 0], [0.99, 2], [1, 4], [1, 4]),
  },
  "ResNet 152": {
    all: null,
    single: null,
    subunits: row(TABLE_2, [0.03, 2], [0.16, 3], [0.55, 4], [0.95, 5], [1, 6]),
    extrinsic: row(TABLE_3, [0.07, 0], [0.55, 0], [1, 2], [1, 2], [1, 2]),
  },
};

function subunit(name: string, ...formats: readonly (readonly [number, number])[]): PaperSubunit {
  return { name, formats };
}

/** Tables 5 and 6. */
export const PAPER_SUBUNITS: Readonly<Partial<Record<PaperTopology, readonly PaperSubunit[]>>> = {
  "Inception V3": [
    subunit("Conv2d_1a_3x3", [24, 6], [16, 12], [12, 6]),
    subunit("Conv2d_2a_3x3", [16, 6], [12, 6], [8, 2]),
    subunit("Conv2d_2b_3x3", [12, 6], [12, 6], [8, 4]),
    subunit("MaxPool_3a_3x3", [8, 4], [8, 4], [8, 0]),
    subunit("Conv2d_3b_1x1", [12, 6], [12, 6], [8, 4]),
    subunit("Conv2d_4a_3x3", [8, 4], [8, 4], [8, 4]),
    subunit("MaxPool_5a_3x3", [8, 0], [8, 0], [8, 0]),
    subunit("Mixed_5b", [8, 4], [8, 4], [8, 4]),
    subunit("Mixed_5c", [12, 4], [12, 4], [8, 4]),
    subunit("Mixed_5d", [16, 10], [16, 10], [8, 4]),
    subunit("Mixed_6a", [8, 4], [8, 4], [8, 4]),
    subunit("Mixed_6b", [12, 6], [12, 6], [8, 4]),
    subunit("Mixed_6c", [12, 6], [12, 6], [8, 6]),
    subunit("Mixed_6d", [12, 8], [12, 8], [12, 6]),
    subunit("Mixed_6e", [12, 8], [12, 8], [12, 6]),
    subunit("Mixed_7a", [24, 20], [16, 8], [8, 4]),
    subunit("Mixed_7b", [8, 6], [8, 6], [8, 6]),
    subunit("Mixed_7c", [8, 6], [8, 6], [8, 6]),
    subunit("AuxLogits", [8, 0], [8, 0], [8, 0]),
    subunit("PreLogits", [8, 0], [8, 0], [8, 0]),
    subunit("Logits", [12, 4], [12, 4], [12, 4]),
  ],
  "ResNet 50": [
    subunit("resnet_v1_50/conv1", [20, 8], [16, 6], [16, 6]),
    subunit("block1", [16, 10], [12, 6], [12, 6]),
    subunit("block2", [16, 10], [12, 6], [12, 6]),
    subunit("block3", [12, 8], [12, 8], [12, 6]),
    subunit("block4", [16, 10], [16, 8], [12, 6]),
    subunit("logits", [16, 8], [12, 4], [12, 4]),
  ],
};

/** Beginnings of the names by which models of a topology go, in lower case without separators. */
const NAMES: readonly (readonly [beginning: string, topology: PaperTopology])[] = [
  ["lenet", "LeNet"],
  ["googlenet", "Inception V1"],
  ["inceptionv1", "Inception V1"],
  ["inceptionv3", "Inception V3"],
  ["resnet50", "ResNet 50"],
  ["resnet152", "ResNet 152"],
];

/** The paper's network of a model's name; null where it has none. A LeNet on other data than MNIST is not the paper's. */
export function paperTopology(model: string): PaperTopology | null {
  const plain = model.toLowerCase().replace(/[^a-z0-9]/g, "");
  if (plain.includes("fashion")) return null;
  return NAMES.find(([beginning]) => plain.startsWith(beginning))?.[1] ?? null;
}
