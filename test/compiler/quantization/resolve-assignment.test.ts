import { describe, expect, test } from "vitest";
import type { LayerFacts } from "../../../compiler/quantization/layer-facts.ts";
import {
  type Calibration,
  resolveAssignment,
  resolveOutputs,
} from "../../../compiler/quantization/resolve-assignment.ts";
import {
  type AssignmentSpecification,
  type LayerEntry,
  parseAssignmentSpecification,
} from "../../../compiler/quantization/specification.ts";
import { type RegisterSpec, register, registerText } from "../../../isa/numerics/register.ts";
import { DATAPATH_REGISTERS, type DatapathSpec } from "../../../isa/program/datapath.ts";

function layer(name: string, facts: Partial<LayerFacts> = {}): LayerFacts {
  const weights = new Float32Array([0.25, -1.5, 0.75]);
  const bias = new Float32Array([0.5]);
  const usual = {
    kind: "conv2d",
    arithmetic: "matrix",
    producers: ["image"],
    terms: 25,
    requantization: null,
    secondMultipliers: null,
    slopes: null,
  } as const;
  return { name, ...usual, weights, bias, ...facts };
}

const CONV1 = layer("conv1");
const MAXIMUM = layer("pool1", {
  kind: "pool",
  arithmetic: "maximumPool",
  producers: ["conv1"],
  terms: 4,
  weights: null,
  bias: null,
});
const AVERAGE = layer("pool2", {
  kind: "pool",
  arithmetic: "averagePool",
  producers: ["pool1"],
  terms: 6,
  weights: null,
  bias: null,
});
const FC = layer("fc", { kind: "dense", producers: ["pool2"], terms: 800 });
const NETWORK = [CONV1, MAXIMUM, AVERAGE, FC];

function resolve(
  specification: AssignmentSpecification,
  layers: readonly LayerFacts[] = NETWORK,
  calibration: Calibration = {},
): Readonly<Record<string, DatapathSpec>> {
  const parsed = parseAssignmentSpecification(structuredClone(specification), "spec");
  return resolveAssignment({ specification: parsed, layers, input: "image", calibration, where: "spec" }).formats;
}

/** `register: text` of every register. */
function texts(datapath: DatapathSpec | undefined): Record<string, string> {
  return Object.fromEntries(
    DATAPATH_REGISTERS.flatMap((name) => {
      const spec = datapath?.[name];
      return spec === undefined ? [] : [[name, registerText(spec)]];
    }),
  );
}

describe("the presets", () => {
  test("intrinsic is one word length everywhere, rounded and saturated at every operation", () => {
    const { conv1, pool2 } = resolve({ default: { datapath: "intrinsic", format: "16,8", rounding: "zero" } });
    const word = "16,8 zero saturate";
    expect(texts(conv1)).toEqual({
      input: word,
      weight: word,
      product: word,
      accumulator: word,
      bias: word,
      output: word,
    });
    expect(texts(pool2)).toMatchObject({ accumulator: word, output: word });
  });

  test("tensorquant rounds products, sums exactly and has a sum register before the bias", () => {
    const { conv1, pool2 } = resolve({ default: { datapath: "tensorquant", format: "12,6" } });
    const word = "12,6 nearest saturate";
    expect(texts(conv1)).toMatchObject({ product: word, sum: word, bias: word, output: word, weight: word });
    // ⌈log2(25 + 1)⌉ = 5 bits of growth.
    expect(conv1?.accumulator.format).toEqual({ wordLength: 17, fractionLength: 6, signed: true });
    // Six values grow by three bits.
    expect(pool2?.accumulator.format).toEqual({ wordLength: 15, fractionLength: 6, signed: true });
  });

  test("wide multiplies exactly into the smallest of 32, 48 and 64 bits that holds every sum, wrapping", () => {
    const { conv1, fc } = resolve({ default: { datapath: "wide", format: "16,8" } });
    expect(texts(conv1)).toMatchObject({
      product: "32,16 nearest saturate",
      accumulator: "48,16 nearest wrap",
      bias: "48,16 nearest saturate",
      output: "16,8 nearest saturate",
    });
    expect(fc?.accumulator.format.wordLength).toBe(48);
    expect(resolve({ default: { datapath: "wide", format: "13,6" } }).conv1?.accumulator.format.wordLength).toBe(32);
    expect(resolve({ default: { datapath: "wide", format: "14,6" } }).conv1?.accumulator.format.wordLength).toBe(48);
    expect(resolve({ default: { datapath: "wide:20", format: "16,8" } }).conv1?.accumulator.format.wordLength).toBe(20);
    expect(() => resolve({ default: { datapath: "wide", format: "32,16" } })).toThrow(/WIDE_ACCUMULATOR/);
  });

  test("wide counts a sign bit more where both operands are unsigned", () => {
    const { conv1 } = resolve({ default: { datapath: "wide", format: "u13,6" } });
    expect(conv1?.accumulator.format).toEqual({ wordLength: 32, fractionLength: 12, signed: true });
    const limit = resolve({ default: { datapath: "wide", format: "u8,4" } }, [layer("conv1", { terms: 2 ** 16 - 1 })]);
    expect(limit.conv1?.accumulator.format.wordLength).toBe(48);
  });

  test("extrinsic has output registers only", () => {
    const specification = parseAssignmentSpecification({ default: { datapath: "extrinsic", format: "8,4" } }, "spec");
    const request = { specification, layers: NETWORK, input: "image", calibration: {}, where: "spec" };
    const { outputs } = resolveOutputs(request);
    expect(Object.keys(outputs)).toEqual(["conv1", "pool1", "pool2", "fc"]);
    expect(outputs.fc && registerText(outputs.fc)).toBe("8,4 nearest saturate");
    expect(() => resolveAssignment(request)).toThrow(/EXTRINSIC/);
  });
});

test("exact registers never overflow, whatever the word does", () => {
  const style: LayerEntry = { format: "8,4", rounding: "stochastic", overflow: "saturate-symmetric" };
  const { conv1, pool2 } = resolve({ default: { ...style, datapath: "tensorquant" } });
  expect(conv1 && registerText(conv1.accumulator)).toBe("13,4 nearest saturate");
  expect(pool2 && registerText(pool2.accumulator)).toBe("11,4 nearest saturate");
  expect(pool2 && registerText(pool2.output)).toBe("8,4 stochastic saturate-symmetric");
  const explicit = resolve({ default: { ...style, product: "exact", accumulator: "exact" } });
  expect(explicit.pool2 && registerText(explicit.pool2.accumulator)).toBe("11,4 nearest saturate");
  expect(explicit.conv1 && registerText(explicit.conv1.product)).toBe("16,8 nearest saturate");
});

describe("formats along the network", () => {
  test("an input defaults to the producer's output format, a maximum pool keeps it", () => {
    const { conv1, pool1, pool2 } = resolve({
      default: { format: "16,8" },
      layers: { conv1: { output: "12,5" } },
    });
    expect(conv1?.input.format.wordLength).toBe(16);
    expect(pool1?.output.format).toEqual({ wordLength: 12, fractionLength: 5, signed: true });
    expect(pool2?.input.format).toEqual(pool1?.output.format);
    expect(pool2?.output.format.wordLength).toBe(16);
  });

  test("a second reader of the network's input gets the first one's format", () => {
    const layers = [layer("a"), layer("b")];
    const { b } = resolve({ default: { format: "16,8" }, layers: { a: { input: "u8,8" } } }, layers);
    expect(b?.input.format).toEqual({ wordLength: 8, fractionLength: 8, signed: false });
  });

  test("single registers override the preset field by field", () => {
    const { conv1 } = resolve({
      default: { datapath: "intrinsic", format: "16,8", rounding: "nearest" },
      layers: {
        conv1: {
          weight: "12,10",
          product: { format: "20,12", rounding: "zero" },
          accumulator: { format: "24,12", overflow: "wrap:2", dialect: "ap" },
          output: { rounding: "nearest-even" },
        },
      },
    });
    expect(texts(conv1)).toEqual({
      input: "16,8 nearest saturate",
      weight: "12,10 nearest saturate",
      product: "20,12 zero saturate",
      accumulator: "24,12 nearest wrap:2 ap",
      bias: "24,12 nearest saturate",
      output: "16,8 nearest-even saturate",
    });
  });

  test("exact is a format of product and accumulator", () => {
    const { conv1 } = resolve({ default: { format: "16,8", product: "exact", accumulator: { format: "exact" } } });
    expect(conv1?.product.format).toEqual({ wordLength: 32, fractionLength: 16, signed: true });
    expect(conv1?.accumulator.format).toEqual({ wordLength: 37, fractionLength: 16, signed: true });
    expect(() => resolve({ default: { format: "16,8", output: "exact" } })).toThrow(/FORMAT.*output.*exact/);
  });

  test("an accumulator that no bias word can have asks for a bias format", () => {
    const wide: AssignmentSpecification = { default: { format: "40,20", product: "exact", accumulator: "exact" } };
    expect(() => resolve(wide)).toThrow(/BIAS_FORMAT.*give the bias register a format/);
    expect(resolve({ default: { ...wide.default, bias: "40,20" } }).conv1?.accumulator.format.wordLength).toBe(85);
    expect(resolve(wide, [layer("conv1", { bias: null })]).conv1?.product.format.wordLength).toBe(80);
  });

  test("an entry that names a datapath leaves the default's registers behind and keeps its format", () => {
    const { conv1, fc } = resolve({
      default: { datapath: "intrinsic", format: "16,8", rounding: "down", accumulator: "30,8" },
      layers: { fc: { datapath: "tensorquant" } },
    });
    expect(conv1?.accumulator.format.wordLength).toBe(30);
    expect(fc?.accumulator.format.wordLength).toBe(26);
    expect(fc?.output.rounding).toBe("down");
  });
});

function fractionOf(spec: RegisterSpec | undefined): number | undefined {
  return spec?.format.fractionLength;
}

describe("automatic formats", () => {
  const calibration: Calibration = {
    image: { min: 0, max: 0.99 },
    conv1: {
      min: -3,
      max: 3.9,
      product: { min: -0.7, max: 0.4 },
      runningSum: { min: -9, max: 4.4 },
      sum: { min: -3.5, max: 3.4 },
      biasedSum: { min: -3, max: 3.9 },
    },
    fc: {
      min: -20,
      max: 20,
      product: { min: -1.5, max: 1.5 },
      runningSum: { min: -70, max: 30 },
      sum: { min: -20.5, max: 19.5 },
      biasedSum: { min: -20, max: 20 },
    },
    pool2: { min: 0, max: 1, runningSum: { min: 0, max: 6 } },
  };

  test("weights are measured on themselves, inputs and outputs on the calibrated ranges", () => {
    const { conv1, fc } = resolve({ default: { format: "8,auto" } }, NETWORK, calibration);
    expect([conv1?.input, conv1?.weight, conv1?.output, fc?.output].map((spec) => spec && registerText(spec))).toEqual([
      "8,7 nearest saturate",
      "8,6 nearest saturate",
      "8,5 nearest saturate",
      "8,2 nearest saturate",
    ]);
    expect(fc?.input.format.fractionLength).toBe(6);
  });

  test("the ranges that were used come back, and with them alone the result is the same", () => {
    const specification: AssignmentSpecification = { default: { format: "16,8", output: "8,auto", marginBits: 1 } };
    const request = { specification, layers: NETWORK, input: "image", where: "spec" };
    const first = resolveAssignment({ ...request, calibration });
    expect(Object.keys(first.calibration).toSorted()).toEqual(["conv1", "fc", "pool2"]);
    expect(resolveAssignment({ ...request, calibration: first.calibration })).toEqual(first);
    expect(first.formats.conv1?.output.format.fractionLength).toBe(4);
  });

  test("intrinsic registers hold the products, the sums as they grow with the bias, and a pool's whole window", () => {
    const { conv1, pool2, fc } = resolve({ default: { format: "8,auto" } }, NETWORK, calibration);
    expect([conv1?.accumulator, pool2?.accumulator, fc?.accumulator].map(fractionOf)).toEqual([3, 4, 0]);
    // −0.7 would fit with seven fraction bits, of which an addition uses the accumulator's.
    expect(fractionOf(conv1?.product)).toBe(3);
    const longer = resolve({ default: { format: "8,auto", accumulator: "20,12" } }, NETWORK, calibration);
    expect(fractionOf(longer.conv1?.product)).toBe(7);
    const alone = resolve(
      { default: { format: "8,2", accumulator: "12,auto", product: "10,auto" } },
      NETWORK,
      calibration,
    );
    expect([alone.conv1?.accumulator, alone.conv1?.product, alone.fc?.accumulator].map(fractionOf)).toEqual([7, 7, 4]);
    expect(fractionOf(alone.pool2?.accumulator)).toBe(8);
  });

  test("tensorquant's registers: products alone, whole sums without and with the bias, the bias itself", () => {
    const { conv1, pool2 } = resolve({ default: { datapath: "tensorquant", format: "8,auto" } }, NETWORK, calibration);
    // An eighth above 3.9 passes 4.
    expect([conv1?.product, conv1?.sum, conv1?.bias].map(fractionOf)).toEqual([7, 4, 7]);
    expect(pool2 && registerText(pool2.accumulator)).toBe("11,5 nearest saturate");
  });

  test("weights give up the fraction bits that a wide accumulator needs for the bias", () => {
    const tiny = layer("conv1", { weights: new Float32Array([1e-7, -5e-8]), bias: new Float32Array([0.04, -0.03]) });
    const { conv1 } = resolve({ default: { datapath: "wide", format: "16,auto" } }, [tiny], {
      image: { min: 0, max: 1 },
      conv1: { min: -0.03, max: 0.04 },
    });
    // Alone they would have 38, with the input's 14 that makes 52; 48 bits hold 0.04 at 51.
    expect([conv1?.weight, conv1?.accumulator].map(fractionOf)).toEqual([37, 51]);
    for (const [datapath, bits] of [
      ["wide:40", 29],
      ["wide:24", 13],
    ] as const) {
      const { conv1: short } = resolve({ default: { datapath, format: "16,auto" } }, [tiny], {
        image: { min: 0, max: 1 },
        conv1: { min: -0.03, max: 0.04 },
      });
      expect([short?.weight, short?.accumulator].map(fractionOf)).toEqual([bits, bits + 14]);
    }
    // Numbers that the user wrote stay.
    const written = resolve({ default: { datapath: "wide", format: "16,14", weight: "16,40" } }, [tiny]).conv1;
    expect(fractionOf(written?.accumulator)).toBe(54);
  });

  test("products give up the fraction bits that an exact accumulator behind them needs for the bias", () => {
    const tiny = layer("conv1", { weights: new Float32Array([1e-7]), bias: new Float32Array([12]) });
    const small = { min: 0, max: 1e-7 };
    const ranges = { image: { min: 0, max: 1 }, conv1: { min: 0, max: 12, product: small, runningSum: small } };
    const { conv1 } = resolve({ default: { format: "16,auto", accumulator: "exact", output: "16,8" } }, [tiny], ranges);
    expect(conv1?.accumulator.format).toEqual({ wordLength: 21, fractionLength: 16, signed: true });
    expect(fractionOf(conv1?.product)).toBe(16);
  });

  test("marginBits are room above the range in every register", () => {
    const { conv1 } = resolve({ default: { format: "8,auto", marginBits: 2 } }, NETWORK, calibration);
    expect([conv1?.input, conv1?.weight, conv1?.accumulator, conv1?.output].map(fractionOf)).toEqual([5, 4, 1, 3]);
  });

  test("a value without a range is a diagnostic, ranges without those of the sums another", () => {
    expect(() => resolve({ default: { format: "8,auto" } })).toThrow(/NOT_CALIBRATED.*"image".*calibrate/);
    const outputs = Object.fromEntries(Object.entries(calibration).map(([name, { min, max }]) => [name, { min, max }]));
    expect(() => resolve({ default: { format: "8,auto" } }, NETWORK, outputs)).toThrow(
      /NOT_CALIBRATED.*conv1.*sums.*calibrate again/,
    );
    // Exact sums need no range.
    expect(fractionOf(resolve({ default: { datapath: "wide", format: "8,auto" } }, NETWORK, outputs).fc?.output)).toBe(
      2,
    );
  });
});

describe("a binary point per filter", () => {
  /** Filters of 100, 0.3 and nothing. */
  const gains = layer("conv1", {
    weights: new Float32Array([100, 0.3, 0, -90, -0.2, 0]),
    bias: new Float32Array([0.5, -1, 0]),
    terms: 2,
  });
  const calibration: Calibration = {
    image: { min: 0, max: 1.9 },
    conv1: { min: -190, max: 200, runningSum: { min: -190, max: 200 }, biasedSum: { min: -190, max: 200 } },
  };
  const one = (entry: LayerEntry): DatapathSpec | undefined => resolve({ default: entry }, [gains], calibration).conv1;

  test("is taken by wide automatic formats where one point for all would cost a filter its bits", () => {
    const conv1 = one({ datapath: "wide", format: "8,auto", output: "16,7" });
    expect(conv1?.weightFractionLengths).toEqual([0, 8, 0]);
    expect(fractionOf(conv1?.weight)).toBe(0);
    expect(conv1?.scale && registerText(conv1.scale)).toBe("10,8 nearest saturate");
    // The bias stands behind the multiplier, where sums have 6 + 0 + 8 fraction bits.
    expect(conv1?.bias.format).toEqual({ wordLength: 32, fractionLength: 14, signed: true });
    // Beyond what the output can show no filter is finer: 2 + 1 + ⌈log2 2⌉ + 1 below an output without fraction bits.
    expect(one({ datapath: "wide", format: "8,auto", output: "16,0" })?.weightFractionLengths).toEqual([0, 4, 0]);
    // Four bits of sixteen are to spare, eight are not.
    expect(one({ datapath: "wide", format: "20,auto" })?.weightFractionLengths).toBeUndefined();
    expect(one({ datapath: "wide", format: "16,auto", output: "24,12" })?.weightFractionLengths).toEqual([8, 16, 8]);
    for (const entry of [
      { datapath: "wide", format: "8,auto", weight: { perFilter: false } },
      { datapath: "wide", format: "8,auto", accumulator: "40,20" },
      { datapath: "wide", format: "8,auto", biasOrder: "first" },
      { datapath: "wide", format: "8,4" },
    ] as const) {
      expect(one(entry)?.weightFractionLengths, JSON.stringify(entry)).toBeUndefined();
      expect(one(entry)?.scale).toBeUndefined();
    }
  });

  test("leaves a short accumulator room for its sums", () => {
    const conv1 = one({ datapath: "wide:12", format: "8,auto", output: "16,7" });
    // 200 and an eighth take 8 of 11 bits; the other filter reaches 0.5 · 2.
    expect(conv1?.accumulator.format).toEqual({ wordLength: 12, fractionLength: 3, signed: true });
    expect(conv1?.weightFractionLengths).toEqual([-3, 4, -3]);
  });

  test("is given as a list, or asked for, where products and sums are exact", () => {
    const list = { format: "8,1", perFilter: [1, 9, 3] };
    expect(one({ datapath: "wide", format: "16,7", weight: list })?.weightFractionLengths).toEqual([1, 9, 3]);
    const exact = {
      format: "16,7",
      product: "exact",
      accumulator: "exact",
      weight: { format: "8,auto", perFilter: true },
    };
    expect(one(exact)?.weightFractionLengths).toEqual([0, 8, 0]);
  });

  const refused: readonly [string, LayerEntry, RegExp][] = [
    [
      "a register that rounds products",
      { format: "16,7", weight: { format: "8,auto", perFilter: true } },
      /PER_FILTER.*product register.*wide/,
    ],
    [
      "additions that round",
      { format: "16,7", product: "exact", weight: { format: "8,1", perFilter: [1, 2, 2] } },
      /PER_FILTER.*addition rounds/,
    ],
    [
      "a sum register",
      { datapath: "tensorquant", product: "exact", format: "16,7", weight: { format: "8,auto", perFilter: true } },
      /PER_FILTER.*sum register/,
    ],
    [
      "a bias that comes first",
      { datapath: "wide", format: "16,7", biasOrder: "first", weight: { format: "8,auto", perFilter: true } },
      /PER_FILTER.*start from the bias/,
    ],
    [
      "a list of another length",
      { datapath: "wide", format: "16,7", weight: { format: "8,1", perFilter: [1, 2] } },
      /PER_FILTER.*2 fraction lengths for 3 filters/,
    ],
    [
      "a format that is not the least",
      { datapath: "wide", format: "16,7", weight: { format: "8,2", perFilter: [1, 2, 3] } },
      /PER_FILTER.*write the format with F = 1/,
    ],
    [
      "points too far apart",
      { datapath: "wide", format: "16,7", weight: { format: "8,1", perFilter: [1, 2, 80] } },
      /PER_FILTER.*differences up to 62/,
    ],
    [
      "a number where ranges are asked for",
      { datapath: "wide", format: "8,4", weight: { perFilter: true } },
      /PER_FILTER.*"8,auto"/,
    ],
  ];
  test.each(refused)("with %s it is refused", (_name, entry, expected) => {
    expect(() => one(entry)).toThrow(expected);
  });
});

describe("the switches", () => {
  test("quantizeBias: false gives the bias the smallest exact format", () => {
    const { conv1 } = resolve({ default: { datapath: "tensorquant", format: "8,1", quantizeBias: false } }, [
      layer("conv1", { bias: new Float32Array([0.5, -3.25]) }),
    ]);
    expect(conv1?.bias.format).toEqual({ wordLength: 5, fractionLength: 2, signed: true });
  });

  test("quantizeInput: false needs the format of the network's input", () => {
    expect(() => resolve({ default: { format: "8,4", quantizeInput: false } })).toThrow(/INPUT_FORMAT/);
    expect(() => resolve({ default: { format: "8,4", quantizeInput: false, input: "8,auto" } })).toThrow(
      /INPUT_FORMAT/,
    );
    const { conv1, pool2 } = resolve({
      default: { format: "8,4", quantizeInput: false },
      layers: { conv1: { input: "u8,8" } },
    });
    expect(conv1?.input.format.fractionLength).toBe(8);
    expect(pool2?.input.format.fractionLength).toBe(4);
  });
});

describe("bad specifications", () => {
  const bad: readonly [string, unknown, RegExp][] = [
    ["an unknown key", { default: { fromat: "8,4" } }, /ASSIGNMENT.*"fromat".*did you mean "format"/],
    ["an unknown datapath", { default: { datapath: "wide:0" } }, /ASSIGNMENT.*default\.datapath/],
    ["an unknown rounding", { layers: { conv1: { rounding: "nearset" } } }, /ASSIGNMENT.*layers\.conv1\.rounding/],
    ["a number for a format", { default: { format: 16 } }, /ASSIGNMENT.*default\.format/],
    ["a list", [], /ASSIGNMENT spec|ASSIGNMENT\] spec/],
    ["an unknown register field", { default: { product: { form: "8,4" } } }, /ASSIGNMENT.*default\.product/],
    ["no format", { default: {} }, /NO_FORMAT.*conv1/],
    ["a format out of range", { default: { format: "65,3" } }, /FORMAT.*65/],
    ["an unknown overflow", { default: { format: "8,4", overflow: "clip" } }, /OVERFLOW/],
    ["N above W", { default: { format: "8,4", overflow: "wrap:9" } }, /REGISTER.*N/],
    [
      "a register the layer lacks",
      { default: { format: "8,4" }, layers: { pool1: { output: "8,3" } } },
      /NO_REGISTER.*pool1.*maximum pool/,
    ],
    [
      "a weight of a pool",
      { default: { format: "8,4" }, layers: { pool2: { weight: "8,3" } } },
      /NO_REGISTER.*input, accumulator, output/,
    ],
    ["an unknown layer", { default: { format: "8,4" }, layers: { cnv1: {} } }, /UNKNOWN_LAYER.*"conv1"/],
  ];
  test.each(bad)("%s is a diagnostic", (_name, specification, expected) => {
    expect(() => resolve(specification as AssignmentSpecification)).toThrow(expected);
  });

  test("everything wrong is reported at once, layers behind a wrong one left out", () => {
    const layers = [layer("a"), layer("b"), layer("c", { producers: ["a"] })];
    expect(() => resolve({ default: { format: "8,4", weight: "exact" } }, layers)).toThrow(
      /layer "a".*\n.*layer "b"[^\n]*$/,
    );
  });

  test("a pattern may name registers that some of its layers lack", () => {
    const { pool2, conv1 } = resolve({ default: { format: "8,4" }, layers: { "*": { weight: "6,3" } } });
    expect(conv1?.weight.format.wordLength).toBe(6);
    expect(pool2?.output.format.wordLength).toBe(8);
  });
});

test("a value from a register outside brings its format, and a maximum pool of it keeps its register", () => {
  const outside = register({ wordLength: 9, fractionLength: 6, signed: true }, "down");
  const known = new Map([["image", outside]]);
  const specification = { default: { datapath: "wide", format: "12,4" } };
  const request = { specification, layers: [CONV1], input: "image", calibration: {}, where: "spec", known };
  const { conv1 } = resolveAssignment(request).formats;
  // The rounding is the layer's own.
  expect(conv1 && registerText(conv1.input)).toBe("9,6 nearest saturate");
  expect(conv1 && registerText(conv1.output)).toBe("12,4 nearest saturate");
  const pool = { ...MAXIMUM, producers: ["image"] };
  expect(resolveOutputs({ ...request, layers: [pool] }).outputs.pool1).toEqual(outside);
  const explicit = { default: { ...specification.default, input: "7,3" } };
  const own = resolveAssignment({ ...request, specification: explicit }).formats.conv1;
  expect(own && registerText(own.input)).toBe("7,3 nearest saturate");
});

test("no program can be made of a float layer", () => {
  const specification = parseAssignmentSpecification({ default: { datapath: "float" } }, "spec");
  const request = { specification, layers: NETWORK, input: "image", calibration: {}, where: "spec" };
  expect(() => resolveAssignment(request)).toThrow(/EXTRINSIC.*datapath is float/);
});
