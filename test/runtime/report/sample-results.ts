/** Made-up results of every kind: their figures are not of any network, their shapes are those of real ones. */

import type { BitsReport, Measured, MeasuredAssignment, Trial } from "../../../runtime/results/bits-report.ts";
import type { CompareReport, HistoryRow, HistoryWord } from "../../../runtime/results/compare-report.ts";
import type { CandidateCost } from "../../../runtime/results/evaluation.ts";
import type { ExperimentEntry } from "../../../runtime/results/experiment-report.ts";
import type {
  Accuracy,
  HistogramEntry,
  LayerEntry,
  RegisterEntry,
  RunReport,
} from "../../../runtime/results/run-report.ts";
import type { SweepRecord, SweepReport } from "../../../runtime/results/sweep-report.ts";

export const RESOURCES: RunReport["resources"] = { seconds: 12.5, peakMemoryBytes: 2 ** 28 };

export function sampleAccuracy(fixed: number, float = 0.98): Accuracy {
  return {
    float,
    fixed,
    relative: fixed / float,
    top5: Math.min(1, fixed + 0.01),
    agreement: fixed,
    fixed95: [Math.max(0, fixed - 0.03), Math.min(1, fixed + 0.02)],
    relative95: [(fixed - 0.02) / float, (fixed + 0.01) / float],
    ties: 1,
    mcnemar: {
      onlyFloat: Math.round(1000 * Math.max(0, float - fixed)),
      onlyFixed: 2,
      pValue: fixed > 0.96 ? 0.4 : 1e-6,
    },
  };
}

function histogram(around: number, width: number): HistogramEntry {
  const octaves = Array.from({ length: width }, (_, index) => {
    const integerBits = around - width + 1 + index;
    const count = Math.round(9000 / (1 + (index - width / 2) ** 2));
    return { integerBits, negative: Math.round(count * 0.7), positive: count };
  });
  return { octaves, zero: 4000, underflow: [{ integerBits: around - width, count: 700 }] };
}

const REGISTERS = ["input", "weight", "product", "accumulator", "bias", "output"] as const;

function register(layer: number, index: number): RegisterEntry {
  const overflow = (layer * 7 + index) % 11 === 3 ? 1234 * (layer + 1) : 0;
  return {
    format: "16,8 nearest saturate",
    overflow,
    first:
      overflow > 0 && index !== 1 && index !== 4
        ? {
            image: 3,
            axes: ["row", "column", "channel"],
            element: [1, 2, layer],
            step: 17,
            cycle: 123_456,
            row: 2,
            column: 5,
            before: 40_000,
            after: 32_767,
          }
        : null,
    min: -3.5,
    max: 120.25,
    unusedHighBits: overflow > 0 ? 0 : (layer + 2 * index) % 13,
    flushedToZero: index === 2 ? 719_474 : 0,
    unusedLowBits: index === 0 ? 2 : 0,
    meanRoundingError: index === 2 ? -0.0123 : 0,
    expectedRoundingError: index === 2 ? 0 : null,
    histogram: histogram(overflow > 0 ? 9 : ((layer + index) % 7) + 1, 12),
  };
}

/** A run with as many layers as there are names. */
export function sampleRun(names: readonly string[], wordLength = 16): RunReport {
  const layers = names.map(
    (name, index): LayerEntry => ({
      name,
      kind: index % 3 === 2 ? "pool" : "conv2d",
      datapath: { input: "16,8 nearest saturate" },
      macs: index % 3 === 2 ? 0 : 1_000_000 * (index + 1),
      cycles: 1000 * (index + 1),
      formula: "",
      energyPj: 5e6 * ((index * 13) % 17) + 1e5,
      utilization: 0.5,
      sqnrDb: 40 - (index % 20),
      noise: index % 3 === 2 ? null : { ownSqnrDb: 45, outputSqnrDb: 30 + (index % 9), gain: 1.5 },
      doubleRounding: false,
      registers:
        index % 3 === 2
          ? {}
          : Object.fromEntries(REGISTERS.map((register_, place) => [register_, register(index, place)])),
    }),
  );
  const total = (of: (layer: LayerEntry) => number): number => layers.reduce((sum, layer) => sum + of(layer), 0);
  const cycles = total((layer) => layer.cycles);
  const energyPj = total((layer) => layer.energyPj);
  const fixed = 0.98 - 0.6 * 2 ** (4 - wordLength);
  return {
    schema: "macroscope/run/1",
    configuration: {
      model: "sample",
      images: 100,
      assignment: {
        default: { datapath: "intrinsic", format: `${wordLength},${wordLength / 2}`, rounding: "nearest" },
      },
    },
    model: "sample",
    weights: null,
    data: "sample-images",
    images: 1000,
    input: { preparation: "× 1/256", shape: [28, 28, 1], range: [0, 0.99609375], layout: "declared", classes: null },
    machine: "default-16x16: 16 × 16, output-stationary, 200 MHz",
    engine: "fast: WebAssembly SIMD: wasm int16",
    floatBackend: "tfjs 4.22.0 (wasm, SIMD)",
    accuracy: sampleAccuracy(fixed),
    accuracyMissing: null,
    agreement: { share: fixed, share95: [fixed - 0.02, fixed + 0.01], top5: 1, ties: 1 },
    classes: Array.from({ length: 10 }, (_, index) => ({
      class: index,
      images: 100,
      fixed: fixed - 0.002 * index,
      float: 0.98,
      fixed95: [fixed - 0.04, fixed + 0.01],
    })),
    error: { mae: 0.0123, maxAbs: 1.5, sqnrDb: 31.2 },
    cycles: {
      total: 1000 * cycles,
      perImage: cycles,
      clockHz: 2e8,
      imagesPerSecond: 2e8 / cycles,
      byUnit: {
        load: { busy: 600 * cycles, stalls: { store: 250 * cycles, space: 100 * cycles }, idle: 50 * cycles },
        compute: { busy: 500 * cycles, stalls: { input: 100 * cycles, weights: 400 * cycles }, idle: 0 },
        store: { busy: 50 * cycles, stalls: { compute: 950 * cycles }, idle: 0 },
      },
    },
    energy: {
      totalPj: 1000 * energyPj,
      perImagePj: energyPj,
      perImageSpreadPj: [0.9 * energyPj, 2 * energyPj],
      table: "horowitz-45nm",
      byComponent: {
        dram: 800 * energyPj,
        weightScratchpad: 150 * energyPj,
        multiplier: 49 * energyPj,
        leakage: energyPj,
      },
    },
    overflow: { total: total(({ registers }) => sumOverflow(registers)), compile: 0 },
    layers,
    digest: "0123456789abcdef".repeat(4),
    observedImages: 2,
    advice: "the accumulator register of the first layer overflows most: give it integer bits before anything else.",
    notModelled: ["the host"],
    resources: RESOURCES,
  };
}

function sumOverflow(registers: LayerEntry["registers"]): number {
  return Object.values(registers).reduce((sum, { overflow }) => sum + overflow, 0);
}

/** The names that ResNet-152 gives its layers, long ones. */
export function manyNames(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) => `resnet_v1_152/block${1 + (index % 4)}/unit_${index}/bottleneck_v1/conv${1 + (index % 3)}/Conv2D`,
  );
}

export function sampleCost(storedBits: number): CandidateCost {
  return {
    constantBits: 0.9 * storedBits,
    activationBits: 0.1 * storedBits,
    storedBits,
    dspBlocks: 256,
    cyclesPerImage: 100_000,
    energyPjPerImage: 200 * storedBits,
  };
}

function sampleEntry(wordLength: number, figure: number): ExperimentEntry {
  const fractionLength = wordLength / 2;
  return {
    wordLength,
    fractionLength,
    figure,
    figure95: [figure - 0.02, figure + 0.01],
    subunit: null,
    bottleneck: wordLength === 8,
  };
}

export function sampleSweep(): SweepReport {
  const records: SweepRecord[] = [];
  for (const datapath of ["intrinsic", "extrinsic"])
    for (const rounding of ["nearest", "nearest-even", "down", "stochastic"])
      for (const wordLength of [4, 6, 8, 10, 12, 16])
        for (const fractionLength of [wordLength / 2, wordLength / 2 + 1]) {
          const loss =
            (rounding === "down" ? 2 : 1) * (datapath === "extrinsic" ? 0.5 : 1) * (fractionLength > 5 ? 1.1 : 1);
          const fixed = Math.max(0.1, 0.985 - 6 * loss * 2 ** -(wordLength - 2));
          records.push({
            key: `${datapath}${rounding}${wordLength}${fractionLength}`,
            point: {
              datapath,
              wordLength,
              fractionLength,
              rounding,
              overflow: null,
              subunit: null,
              layers: null,
              images: 1000,
            },
            result: {
              accuracy: sampleAccuracy(fixed),
              agreement: { share: fixed, share95: [fixed - 0.01, fixed + 0.01], top5: null, ties: 0 },
              error: { mae: 0.1, maxAbs: 1, sqnrDb: 6 * wordLength },
              overflow: { total: 100, compile: 3, worst: { layer: "fc1", register: "accumulator", overflow: 80 } },
              cost: datapath === "extrinsic" ? null : sampleCost(60_000 * wordLength),
              digest: null,
            },
            seconds: 1,
          });
        }
  return {
    schema: "macroscope/sweep/1",
    configuration: { model: "sample", images: 1000 },
    request: { wordLengths: "4,6,8,10,12,16", rounding: "nearest,nearest-even,down,stochastic" },
    model: "sample",
    weights: null,
    data: "sample-images",
    floatBackend: "tfjs 4.22.0 (wasm, SIMD)",
    experiment: {
      name: "best-fraction",
      measure: "relative accuracy",
      tables: [
        {
          paper: "Table 4",
          title: "the best fraction length per word length",
          rowTitle: "Topology",
          columns: ["8 bit", "16 bit"],
          form: "figure and fraction",
          rows: [
            { name: "sample", source: "macroscope", entries: [sampleEntry(8, 0.91), sampleEntry(16, 0.999)] },
            { name: "sample", source: "paper", entries: [{ ...sampleEntry(8, 0.9), figure95: null }, null] },
          ],
          notes: ["F is the best of all that were tried."],
        },
      ],
    },
    records,
    resources: RESOURCES,
  };
}

function measured(figure: number, images: number): Measured {
  return {
    images,
    figure,
    figure95: [figure - 0.004, figure + 0.003],
    accuracy: sampleAccuracy(0.98 * figure),
    agreement: null,
    error: { mae: 0.1, maxAbs: 1, sqnrDb: 30 },
    overflow: 12,
    digest: null,
  };
}

export function sampleBits(names: readonly string[]): BitsReport {
  const trials = Array.from({ length: 60 }, (_, index): Trial => {
    const figure = 1.001 - 0.0004 * index - 0.002 * ((index * 7) % 5);
    return {
      key: `${index}`,
      change: `${names[index % names.length]} weight ${16 - (index % 9)},7`,
      images: 500,
      figure,
      cost: sampleCost(1_000_000 - 11_000 * index + 40_000 * ((index * 3) % 4)),
      verdict: figure >= 0.99 ? "kept" : "missed",
      early: index % 4 === 0,
    };
  });
  const front = trials.flatMap((trial, index) => {
    const bettered = trials.some(
      (other) =>
        other !== trial &&
        other.figure >= trial.figure &&
        (other.cost?.storedBits ?? 0) <= (trial.cost?.storedBits ?? 0),
    );
    return bettered ? [] : [index];
  });
  const assignment = (name: string, bits: number, figure: number): MeasuredAssignment => ({
    name,
    assignment: { default: { datapath: "intrinsic", format: "10,6" }, layers: { fc1: { weight: "6,5" } } },
    cost: sampleCost(bits),
    search: measured(figure, 500),
    final: measured(figure - 0.001, 1000),
  });
  return {
    schema: "macroscope/bits/1",
    configuration: { model: "sample" },
    request: {
      target: { kind: "relative", value: 0.99, margin: 0.003 },
      objective: "weighted",
      weights: { bits: 1, energy: 2, dsp: 0 },
      strategy: "greedy",
      searchData: null,
      errorProbability: 0.01,
    },
    model: "sample",
    weights: null,
    floatBackend: "tfjs 4.22.0 (wasm, SIMD)",
    target: { kind: "relative", value: 0.99, margin: 0.003 },
    objective: "bits",
    strategy: "greedy",
    search: { data: "mnist-validation", span: { first: 0, images: 500 } },
    final: { data: "mnist-test", span: { first: 0, images: 1000 } },
    uniform: assignment("uniform 9,5", 900_000, 0.995),
    chosen: assignment("chosen", 560_000, 0.994),
    kept: true,
    trials,
    front,
    layers: names.map((name, layer) => ({
      name,
      registers: Object.fromEntries(
        REGISTERS.map((register_, index) => {
          const wordLength = 3 + ((layer * 5 + index * 3) % 18);
          return [
            register_,
            {
              format: `${wordLength},${Math.floor(wordLength / 2)} nearest saturate`,
              observedIntegerBits: 4,
              provenIntegerBits: index === 1 ? null : 9,
              identicalWordLength: wordLength + 3,
              targetWordLength: wordLength,
              bottleneck: layer === 1 && index === 3,
            },
          ];
        }),
      ),
    })),
    resources: RESOURCES,
  };
}

/** Names of layers as nobody would write them, unless to break a page. */
export const HOSTILE_NAMES: readonly string[] = [
  "<script>alert(1)</script>",
  `"><img src=x onerror=alert(1)>`,
  "</style></svg><iframe src=//example.invalid>",
  "a very long name ".repeat(40),
  "x".repeat(5000),
  "line\nbreak\ttab\u0000nul\u202eright to left\ud800",
  "{a|rich} {b} {value} $[x] %s &amp; &lt; ]]> --> ' \"",
  "__proto__",
  "",
  "卷积层一二三四五六七八九十卷积层一二三四五六七八九十",
  'class="zr0-cls-0" style="font-size:99px" ecmeta_x="y"',
];

export function sampleCompare(names: readonly string[]): CompareReport {
  const word = (raw: bigint): { raw: bigint; format: string; value: number } => ({
    raw,
    format: "8,4",
    value: Number(raw) / 16,
  });
  const history = Array.from({ length: 30 }, (_, step): HistoryRow => {
    const side = (raw: bigint): HistoryWord => ({
      ...word(raw),
      exact: Number(raw) / 16,
      rounded: raw,
      row: 1,
      column: 2,
      instruction: 3,
    });
    return {
      step,
      register: "accumulator",
      a: side(BigInt(step)),
      b: side(BigInt(step < 20 ? step : step + 1)),
      differs: step >= 20,
    };
  });
  return {
    schema: "macroscope/compare/1",
    sides: ["os", "ws"].map((label) => ({
      label,
      kind: "machine",
      machine: `${label}: 16 × 16`,
      configuration: { model: "sample" },
    })),
    model: "sample",
    data: "sample-images",
    images: 20,
    equal: false,
    pairs: [
      {
        a: "os",
        b: "ws",
        equal: false,
        layers: names,
        onlyInA: [],
        onlyInB: [],
        comparedByValue: [],
        differentOutputs: 7,
        differentClasses: 1,
        coverage: names.map((layer) => ({ layer, words: 3000, traced: 1000, ties: { product: 12, output: 3 } })),
        first: {
          image: 2,
          layer: names[0] ?? "layer",
          axes: ["row", "column", "channel"],
          element: [0, 3, 1],
          a: word(20n),
          b: word(21n),
          step: 20,
          register: "accumulator",
          reason: "order",
          explanation: "Both add the same products in another order, and at this step one of them clips.",
          history,
          rounding: { side: "a", different: 1, tried: 1, triedEqual: 999, fits: [] },
          layers: names.map((layer, index) => ({
            layer,
            elements: 1000,
            different: 7 * index + 1,
            largest: 0.25 * index,
          })),
        },
      },
    ],
    resources: RESOURCES,
  };
}

const LENET: readonly string[] = ["conv1", "pool1", "conv2", "fc1", "fc2"];

/** One result of every command as JSON text, by the command's name. */
export const SAMPLES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["run", sampleRun(LENET)] as const,
    ["sweep", sampleSweep()] as const,
    ["bits", sampleBits(LENET)] as const,
    ["compare", sampleCompare(LENET)] as const,
  ].map(([name, result]) => [
    name,
    JSON.stringify(result, (_key, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
  ]),
);
