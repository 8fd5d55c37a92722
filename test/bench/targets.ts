/** A rate the project holds itself to. */
export interface Target {
  /** What runs, in words. */
  readonly work: string;
  /** Name of the figure that is measured for it. */
  readonly figure: string;
  /** Below this, the benchmark says no. */
  readonly least: number;
  /** Null where there is none. */
  readonly aim: number | null;
}

/** Name of the figure of a case of cases.ts: its rate over TensorFlow.js, or over the plain product of its shape. */
export const FIGURE = {
  overFloat: (name: string): string => `${name} / float32`,
  overPlainProduct: (name: string): string => `${name} / plain product`,
  lenetOverLayers: "LeNet / its layers",
  secondWorker: "second worker / second thread",
  overBigint: "LeNet / BigInt",
} as const;

function overFloat(work: string, name: string, least: number, aim: number): Target {
  return { work, figure: FIGURE.overFloat(name), least, aim };
}

function overPlainProduct(name: string): Target {
  return {
    work: `convolution over the plain matrix product: ${name}`,
    figure: FIGURE.overPlainProduct(name),
    least: 0.93,
    aim: 0.99,
  };
}

const EXACT = "16-bit operands, exact products";

/** What must be seen with one worker: ratios between things that ran in turn. */
export const TARGETS: readonly Target[] = [
  overFloat("W 16, nearest", "W16 nearest", 0.45, 0.7),
  overFloat("W 16, zero", "W16 zero", 0.45, 0.7),
  overFloat("W 16, up", "W16 up", 0.5, 0.75),
  overFloat("W 16, down", "W16 down", 0.5, 0.75),
  overFloat("W 16, nearest-up", "W16 nearest-up", 0.5, 0.75),
  overFloat("W 16, nearest-even", "W16 nearest-even", 0.28, 0.45),
  overFloat("W 9 … 15 (12), nearest", "W12 nearest", 0.38, 0.6),
  overFloat("W 9 … 15 (12), nearest-up", "W12 nearest-up", 0.48, 0.7),
  overFloat("W 9 … 15 (12), down", "W12 down", 0.48, 0.7),
  overFloat("W ≤ 8 (8), nearest", "W8 nearest", 0.55, 0.9),
  overFloat("W ≤ 8 (8), nearest-up", "W8 nearest-up", 0.85, 1.3),
  overFloat("W ≤ 8 (8), down", "W8 down", 0.85, 1.3),
  overFloat(`${EXACT}, 32-bit accumulator, rounded once`, `${EXACT}, 32-bit accumulator`, 1.6, 2.3),
  overFloat(`${EXACT}, 24-bit accumulator, every addition saturated`, `${EXACT}, 24-bit accumulator`, 0.5, 1.5),
  overFloat("W 17 … 26 (24), nearest", "W24 nearest", 0.09, 0.18),
  overFloat("W 27 … 32 (32), nearest", "W32 nearest", 0.035, 0.1),
  overFloat("W 33 … 64 (64), nearest", "W64 nearest", 0.01, 0.03),
  overFloat("W ≤ 16 (16), stochastic", "W16 stochastic", 0.12, 0.25),
  overPlainProduct("W16 nearest"),
  overPlainProduct("W16 nearest-up"),
  overPlainProduct("W8 nearest-up"),
  overPlainProduct(`${EXACT}, 32-bit accumulator`),
  { work: "LeNet end to end over its layers alone, same lanes", figure: FIGURE.lenetOverLayers, least: 0.5, aim: 0.8 },
  {
    work: "gain of a second worker over that of a second thread",
    figure: FIGURE.secondWorker,
    least: 0.9,
    aim: 0.98,
  },
  { work: "LeNet over the same arithmetic in BigInt", figure: FIGURE.overBigint, least: 5, aim: null },
];
