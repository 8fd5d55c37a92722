/**
 * Rows of Loroch, Wehn, Pfreundt, Keuper, "TensorQuant – A Simulation Toolbox for Deep Neural Network Quantization", 2017,
 * nearest rounding: the best relative accuracy at a word length and the fraction length that gave it. ImageNet figures
 * are of 400 images, LeNet's of the 10,000 MNIST test digits.
 */
import type { RealNetworkName } from "./real-networks.ts";

export interface PaperEntry {
  readonly relative: number;
  readonly fraction: number;
}

/** By word length. */
export type PaperRow = Readonly<Record<number, PaperEntry>>;

export interface PaperRows {
  /** Table 4: all layers at once. */
  readonly intrinsic: PaperRow;
  /** Table 2: one subunit at a time, the rest in float, the worst of them; null where the paper has no such row. */
  readonly subunits: PaperRow | null;
  /** Table 3; null where the paper has no such row. */
  readonly extrinsic: PaperRow | null;
}

const entry = (relative: number, fraction: number): PaperEntry => ({ relative, fraction });

export const PAPER_ROWS: Readonly<Partial<Record<RealNetworkName, PaperRows>>> = {
  "lenet-mnist": {
    intrinsic: { 4: entry(0.4, 3), 8: entry(0.9, 4), 12: entry(1, 6), 16: entry(1, 8), 20: entry(1, 8) },
    subunits: null,
    extrinsic: null,
  },
  googlenet: {
    intrinsic: { 8: entry(0.01, 4), 12: entry(0.99, 6), 16: entry(1, 8), 20: entry(1, 8) },
    subunits: { 8: entry(0.46, 2), 10: entry(0.98, 5), 12: entry(1, 8), 14: entry(1, 9), 16: entry(1, 8) },
    extrinsic: { 4: entry(0.32, 0), 6: entry(0.76, 2), 8: entry(0.98, 2), 10: entry(1, 4), 12: entry(1, 4) },
  },
};
