/**
 * Quantized networks of any scale and zero point, as onnxruntime's static quantizer and Brevitas write them: both engines' words
 * against onnxruntime's own, and against the interpreter, which is ONNX's definition.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/model.ts";
import { legalise, underSpecification } from "../../../compiler/legalisation/index.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { numbersOf, tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, ElementType } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { rawAt } from "../../../isa/numerics/raws.ts";
import type { Program } from "../../../isa/program/program.ts";
import { quantizeImages, tensorSymbol } from "../../../runtime/session/host-input.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import type { Engine } from "../../../sim/engine.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import { encodeModel, type ModelNode } from "../importers/onnx-model.ts";
import { runOnnxruntime } from "../tensor-graph/onnxruntime.ts";
import { channelsLastElements } from "./compare.ts";
import { Draw } from "./random-network.ts";

interface Grid {
  readonly type: "int8" | "uint8" | "int16" | "uint16";
  readonly scale: number;
  readonly zero: number;
}

/** A model as it is put together. */
class Sketch {
  readonly constants: Record<string, AnyTensor> = {};
  readonly nodes: ModelNode[] = [];
  readonly draw: Draw;
  readonly domains: Record<string, number> = {};
  #count = 0;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  constant(tensor: AnyTensor): string {
    const name = `c${this.#count++}`;
    this.constants[name] = tensor;
    return name;
  }

  add(operator: string, inputs: readonly string[], attributes: ModelNode["attributes"] = {}, domain = ""): string {
    const name = `${operator.toLowerCase()}${this.#count++}`;
    this.nodes.push({ operator, inputs, outputs: [`${name}'`], name, attributes, domain });
    return `${name}'`;
  }

  grid({ type, scale, zero }: Grid): readonly [string, string] {
    return [this.constant(tensorFrom("float32", [], [scale])), this.constant(tensorFrom(type, [], [zero]))];
  }

  quantize(x: string, grid: Grid): string {
    return this.add("QuantizeLinear", [x, ...this.grid(grid)]);
  }

  dequantize(q: string, grid: Grid): string {
    return this.add("DequantizeLinear", [q, ...this.grid(grid)]);
  }

  both(x: string, grid: Grid): string {
    return this.dequantize(this.quantize(x, grid), grid);
  }

  integers(type: ElementType, shape: readonly number[], low: number, high: number): AnyTensor {
    const count = shape.reduce((a, b) => a * b, 1);
    return tensorFrom(
      type,
      shape,
      Array.from({ length: count }, () => this.draw.int(low, high)),
    );
  }

  bytes(): Uint8Array {
    const output = this.nodes.at(-1)?.outputs[0] ?? "";
    return encodeModel({
      opset: 13,
      domains: this.domains,
      inputs: { x: { shape: SHAPE } },
      constants: this.constants,
      nodes: this.nodes,
      outputs: [output],
    });
  }
}

const SHAPE = [1, 2, 6, 5];
const WIDE = { default: { datapath: "wide", format: "16,8" } };

interface Answers {
  /** Values of the machine's output words. */
  readonly machine: readonly number[];
  readonly definition: readonly number[];
  readonly runtime: readonly number[];
}

function programOf(bytes: Uint8Array): Program {
  const network = legalise(readOnnxModel(bytes, "sketch.onnx"), { where: "sketch.onnx" });
  const assignment = underSpecification(network.assignment, WIDE);
  const { program } = compile(network.graph, { machine: DEFAULT_MACHINE, assignment, seed: 1 });
  expect(checkProgram(program)).toBeNull();
  return program;
}

function run(engine: Engine, program: Program, image: readonly number[]): readonly number[] {
  const opened = engine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const stored = channelsLastElements(SHAPE, image);
  const { raws } = quantizeImages(program, Float32Array.from(stored), 1, 0);
  const { outputs } = opened.session.run({ firstImage: 0, count: 1, raws }, { statistics: false, capture: false });
  const { format, unit } = tensorSymbol(program, program.output);
  return Array.from({ length: outputs.length }, (_, index) => {
    const value = Number(rawAt(outputs, index, format)) * 2 ** -format.fractionLength;
    return Math.fround(value * (unit?.scale ?? 1));
  });
}

async function answersOf(bytes: Uint8Array, image: readonly number[]): Promise<Answers> {
  const program = programOf(bytes);
  const machine = run(fastEngine, program, image);
  expect(run(referenceEngine, program, image)).toEqual(machine);
  const x = tensorFrom("float32", SHAPE, image);
  const [definition] = interpret(readOnnxModel(bytes, "sketch.onnx"), new Map([["x", x]])).values();
  const [runtime] = (await runOnnxruntime(bytes, new Map([["x", x]]))).values();
  // The machine's words lie channels last.
  const elements = (tensor: AnyTensor | undefined): readonly number[] =>
    tensor === undefined ? [] : channelsLastElements(tensor.shape, Array.from(numbersOf(tensor)));
  return { machine, definition: elements(definition), runtime: elements(runtime) };
}

/** Steps of the output's grid by which two answers differ: none, one, more. */
function steps(a: readonly number[], b: readonly number[], scale: number): readonly [number, number] {
  expect(a.length).toBe(b.length);
  let [one, more] = [0, 0];
  for (const [index, value] of a.entries()) {
    const distance = Math.round(Math.abs(value - (b[index] ?? Number.NaN)) / scale);
    if (distance === 1) one++;
    else if (!(distance < 1)) more++;
  }
  return [one, more];
}

const drawGrid = (draw: Draw, type: Grid["type"], reach: number): Grid => {
  const levels = type === "int8" || type === "uint8" ? 255 : 65535;
  const scale = Math.fround((reach * draw.int(70, 130)) / 100 / levels);
  const middle = type.startsWith("u") ? (levels + 1) / 2 : 0;
  const zero = middle + draw.int(-Math.floor(levels / 3), Math.floor(levels / 3));
  return { type, scale, zero };
};

/** A convolution with weights of one scale or one per filter, and a bias in sums. */
function convolution(sketch: Sketch, x: string, channels: number, filters: number, input: Grid): string {
  const { draw } = sketch;
  const perFilter = draw.int(0, 1) === 1;
  const scales = Array.from({ length: perFilter ? filters : 1 }, () => Math.fround(draw.int(5, 40) / 4567));
  const shape = [filters, channels, 3, 3];
  const scale = sketch.constant(tensorFrom("float32", perFilter ? [filters] : [], scales));
  const zero = sketch.constant(
    tensorFrom(
      "int8",
      perFilter ? [filters] : [],
      scales.map(() => 0),
    ),
  );
  const weights = sketch.constant(sketch.integers("int8", shape, -127, 127));
  const w = sketch.add("DequantizeLinear", [weights, scale, zero], { axis: 0n });
  const product = scales.map((value) => Math.fround(value * input.scale));
  const biasScale = sketch.constant(tensorFrom("float32", [product.length], product));
  // As onnxruntime's quantizer writes it: a scale [1] beside a zero point [].
  const biasZero = sketch.constant(
    tensorFrom(
      "int32",
      perFilter ? [filters] : [],
      product.map(() => 0),
    ),
  );
  const bias = sketch.constant(sketch.integers("int32", [filters], -9000, 9000));
  const b = sketch.add("DequantizeLinear", [bias, biasScale, biasZero], { axis: 0n });
  return sketch.add("Conv", [x, w, b], { pads: [1n, 1n, 1n, 1n], strides: [1n, draw.int(1, 2) === 1 ? 1n : 1n] });
}

/** A product with weights of unsigned integers about a zero point, or signed ones, and its bias. */
function dense(sketch: Sketch, x: string, features: number, input: Grid): string {
  const { draw } = sketch;
  const unsigned = draw.int(0, 1) === 1;
  const own: Grid = {
    type: unsigned ? "uint8" : "int8",
    scale: Math.fround(draw.int(5, 40) / 9876),
    zero: unsigned ? 120 : 0,
  };
  const units = 4;
  const isGemm = draw.int(0, 1) === 1;
  const shape = isGemm ? [units, features] : [features, units];
  const weights = sketch.constant(sketch.integers(own.type, shape, unsigned ? 0 : -127, unsigned ? 255 : 127));
  const w = sketch.dequantize(weights, own);
  const scale = sketch.constant(tensorFrom("float32", [], [Math.fround(own.scale * input.scale)]));
  const b = sketch.add("DequantizeLinear", [sketch.constant(sketch.integers("int32", [units], -9000, 9000)), scale]);
  if (isGemm) return sketch.add("Gemm", [x, w, b], { transB: 1n });
  return sketch.add("Add", [sketch.add("MatMul", [x, w]), b]);
}

/** Elements of the output of the model so far. */
function sizeOf(bytes: Uint8Array): number {
  const image = tensorFrom("float32", SHAPE, new Array<number>(60).fill(0));
  const [output] = interpret(readOnnxModel(bytes, "sketch.onnx"), new Map([["x", image]])).values();
  return output?.data.length ?? 0;
}

const TYPES = ["int8", "uint8"] as const;

/** Convolutions, activations, a residual sum, pools and a product, each between dequantizers and a quantizer. */
function network(draw: Draw): { readonly bytes: Uint8Array; readonly scale: number } {
  const sketch = new Sketch(draw);
  const type = TYPES[draw.int(0, 1)] ?? "int8";
  const input = drawGrid(draw, type, 6);
  const x = sketch.both("x", input);
  let conv = convolution(sketch, x, 2, 3, input);
  const activation = draw.int(0, 2);
  if (activation === 1) conv = sketch.add("Relu", [conv]);
  if (activation === 2) {
    const bounds = [0, 3].map((bound) => sketch.constant(tensorFrom("float32", [], [bound])));
    conv = sketch.add("Clip", [conv, ...bounds]);
  }
  const first = drawGrid(draw, type, 12);
  let value = sketch.both(conv, first);
  let grid = first;
  const again = drawGrid(draw, type, 12);
  switch (draw.int(0, 3)) {
    case 0: {
      const second = sketch.both(convolution(sketch, value, 3, 3, first), again);
      grid = drawGrid(draw, type, 14);
      value = sketch.both(sketch.add("Add", [second, value]), grid);
      break;
    }
    case 1:
      grid = again;
      value = sketch.both(sketch.add("AveragePool", [value], { kernel_shape: [2n, 2n], strides: [2n, 1n] }), grid);
      break;
    case 2:
      value = sketch.both(sketch.add("MaxPool", [value], { kernel_shape: [2n, 2n], strides: [2n, 2n] }), grid);
      break;
    default:
      grid = again;
      value = sketch.both(
        sketch.add("Concat", [sketch.both(convolution(sketch, value, 3, 2, first), again), value], { axis: 1n }),
        grid,
      );
  }
  if (draw.int(0, 2) === 0) {
    const features = sketch.add("Flatten", [value]);
    const last = drawGrid(draw, type, 40);
    value = sketch.both(dense(sketch, features, value === undefined ? 0 : sizeOf(sketch.bytes()), grid), last);
    grid = last;
  } else if (draw.int(0, 1) === 0) {
    const last = drawGrid(draw, type, 5);
    value = sketch.both(sketch.add("GlobalAveragePool", [value]), last);
    grid = last;
  }
  return { bytes: sketch.bytes(), scale: grid.scale };
}

const near = (found: readonly number[], expected: readonly number[], tolerance: number): void => {
  expect(found.length).toBe(expected.length);
  for (const [index, value] of found.entries()) {
    expect(Math.abs(value - (expected[index] ?? Number.NaN))).toBeLessThanOrEqual(tolerance);
  }
};

describe("what exporters write besides", () => {
  const image = new Draw(5).numbers(60, -3, 3).map(Math.fround);
  const input: Grid = { type: "uint8", scale: Math.fround(0.0234), zero: 131 };
  const output: Grid = { type: "uint8", scale: Math.fround(0.0417), zero: 77 };

  it("a single quantizer of the input: round(1 / 0.0123) = 81", async () => {
    const sketch = new Sketch(new Draw(1));
    const grid: Grid = { type: "int8", scale: Math.fround(0.0123), zero: 0 };
    sketch.add("Relu", [sketch.both("x", grid)]);
    const values = image.map((_value, index) => (index % 2 === 0 ? 1 : -0.5));
    const { machine, definition } = await answersOf(sketch.bytes(), values);
    expect(machine).toEqual(definition);
    expect(machine[0]).toBe(Math.fround(81 * grid.scale));
  });

  it("sums that no quantizer follows, with one scale and with one per filter", async () => {
    for (const seed of [3, 4, 5, 6]) {
      const sketch = new Sketch(new Draw(seed));
      convolution(sketch, sketch.both("x", input), 2, 3, input);
      const { machine, definition } = await answersOf(sketch.bytes(), image);
      near(machine, definition, 1e-5 * Math.max(...definition.map(Math.abs)));
    }
  });

  it("operators in one: QLinearConv, QLinearAdd, QLinearAveragePool, QLinearConcat, QLinearGlobalAveragePool, QGemm", async () => {
    const draw = new Draw(8);
    const sketch = new Sketch(draw);
    sketch.domains["com.microsoft"] = 1;
    const microsoft = (operator: string, inputs: readonly string[], attributes: ModelNode["attributes"] = {}): string =>
      sketch.add(operator, inputs, attributes, "com.microsoft");
    const q = sketch.quantize("x", input);
    const scales = [0.004, 0.0071, 0.0013].map(Math.fround);
    const weights = [
      sketch.constant(sketch.integers("int8", [3, 2, 3, 3], -127, 127)),
      sketch.constant(tensorFrom("float32", [3], scales)),
      sketch.constant(tensorFrom("int8", [3], [0, 0, 0])),
    ];
    const bias = sketch.constant(sketch.integers("int32", [3], -5000, 5000));
    const grids = [input, output, { ...output, scale: Math.fround(0.06), zero: 90 }] as const;
    const [a, b, c] = grids.map((grid) => sketch.grid(grid)) as [[string, string], [string, string], [string, string]];
    const conv = sketch.add("QLinearConv", [q, ...a, ...weights, ...b, bias], { pads: [1n, 1n, 1n, 1n] });
    const sum = microsoft("QLinearAdd", [conv, ...b, conv, ...b, ...c]);
    const pooled = microsoft("QLinearAveragePool", [sum, ...c, ...b], { kernel_shape: [2n, 2n], strides: [2n, 2n] });
    const joined = microsoft("QLinearConcat", [...c, pooled, ...b, pooled, ...b], { axis: 1n });
    const means = microsoft("QLinearGlobalAveragePool", [joined, ...c, ...b], { channels_last: 0n });
    const flat = sketch.add("Flatten", [means]);
    const product = [
      sketch.constant(sketch.integers("int8", [6, 4], -127, 127)),
      sketch.constant(tensorFrom("float32", [], [Math.fround(0.011)])),
      sketch.constant(tensorFrom("int8", [], [0])),
    ];
    const added = sketch.constant(sketch.integers("int32", [4], -500, 500));
    const dense = microsoft("QGemm", [flat, ...b, ...product, added, ...c], { alpha: 1, transB: 0n });
    sketch.dequantize(dense, grids[2]);
    const { machine, definition, runtime } = await answersOf(sketch.bytes(), image);
    expect(machine).toEqual(definition);
    expect(steps(machine, runtime, grids[2].scale)).toEqual([0, 0]);
    expect(new Set(machine).size).toBeGreaterThan(1);
  });

  it("words of 16 bits", async () => {
    const sketch = new Sketch(new Draw(9));
    const fine: Grid = { type: "uint16", scale: Math.fround(0.000123), zero: 30000 };
    sketch.both(convolution(sketch, sketch.both("x", fine), 2, 3, fine), { ...fine, scale: Math.fround(0.00031) });
    const program = programOf(sketch.bytes());
    const [definition] = interpret(
      readOnnxModel(sketch.bytes(), "sketch.onnx"),
      new Map([["x", tensorFrom("float32", SHAPE, image)]]),
    ).values();
    const expected = channelsLastElements(definition?.shape ?? [], Array.from(numbersOf(definition as AnyTensor)));
    const found = run(fastEngine, program, image);
    expect(run(referenceEngine, program, image)).toEqual(found);
    // The definition's float32 sums have lost bits that a step of 16 bits shows.
    near(found, expected, 0.00031 * 1.01);
  });
});

describe("networks of QONNX with any scale", () => {
  const domain = "qonnx.custom_op.general";
  const image = new Draw(6).numbers(60, -3, 3).map(Math.fround);
  const quant = (
    sketch: Sketch,
    x: string,
    [scales, shape]: readonly [readonly number[], readonly number[]],
    bits: number,
    attributes: ModelNode["attributes"],
  ): string => {
    sketch.domains[domain] = 1;
    const inputs = [
      sketch.constant(tensorFrom("float32", shape, scales.map(Math.fround))),
      sketch.constant(tensorFrom("float32", [], [0])),
      sketch.constant(tensorFrom("float32", [], [bits])),
    ];
    return sketch.add(
      "Quant",
      [x, ...inputs],
      { signed: 1n, narrow: 0n, rounding_mode: "ROUND", ...attributes },
      domain,
    );
  };
  const runs = (sketch: Sketch): readonly [readonly number[], readonly number[]] => {
    const bytes = sketch.bytes();
    const program = programOf(bytes);
    const found = run(fastEngine, program, image);
    expect(run(referenceEngine, program, image)).toEqual(found);
    const x = tensorFrom("float32", SHAPE, image);
    const [definition] = interpret(readOnnxModel(bytes, "sketch.onnx"), new Map([["x", x]])).values();
    return [found, channelsLastElements(definition?.shape ?? [], Array.from(numbersOf(definition as AnyTensor)))];
  };

  for (const [what, scales] of [
    ["scales per filter", [0.031, 0.07, 0.0123]],
    ["negative scales among them", [0.031, -0.07, 0.0123]],
  ] as const) {
    it(`weights of 4 bits with ${what}, an unsigned narrow range behind a Relu`, () => {
      const sketch = new Sketch(new Draw(2));
      const x = quant(sketch, "x", [[0.0321], []], 8, {});
      const raw = sketch.constant(tensorFrom("float32", [3, 2, 3, 3], sketch.draw.numbers(54, -0.5, 0.5)));
      const w = quant(sketch, raw, [scales, [3, 1, 1, 1]], 4, { narrow: 1n });
      const relu = sketch.add("Relu", [sketch.add("Conv", [x, w], { pads: [1n, 1n, 1n, 1n] })]);
      quant(sketch, relu, [[0.11], []], 3, { signed: 0n, narrow: 1n });
      const [found, expected] = runs(sketch);
      expect(found).toEqual(expected);
      expect(new Set(found).size).toBeGreaterThan(3);
    });
  }

  it("a negative scale of an activation", () => {
    const sketch = new Sketch(new Draw(3));
    const x = quant(sketch, "x", [[-0.0321], []], 8, {});
    const raw = sketch.constant(tensorFrom("float32", [3, 2, 3, 3], sketch.draw.numbers(54, -0.5, 0.5)));
    quant(sketch, sketch.add("Conv", [x, quant(sketch, raw, [[0.05], []], 4, {})]), [[-0.07], []], 4, {});
    const [found, expected] = runs(sketch);
    expect(found).toEqual(expected);
  });

  it("one bit: weights and activations of −1 and 1", () => {
    const sketch = new Sketch(new Draw(4));
    const bipolar = (x: string, scale: number): string =>
      sketch.add("BipolarQuant", [x, sketch.constant(tensorFrom("float32", [], [Math.fround(scale)]))], {}, domain);
    const weights = (shape: readonly number[]): string =>
      sketch.constant(
        tensorFrom(
          "float32",
          shape,
          sketch.draw.numbers(
            shape.reduce((a, b) => a * b, 1),
            -1,
            1,
          ),
        ),
      );
    const x = quant(sketch, "x", [[0.0321], []], 8, {});
    const first = sketch.add("Conv", [x, bipolar(weights([3, 2, 3, 3]), 0.37)]);
    const signs = bipolar(first, 0.6);
    quant(sketch, sketch.add("Conv", [signs, bipolar(weights([2, 3, 3, 3]), 1)]), [[0.21], []], 6, {});
    const [found, expected] = runs(sketch);
    expect(found).toEqual(expected);
    expect(new Set(found).size).toBeGreaterThan(2);
  });
});

describe("networks between dequantizers and quantizers of any scale and zero point", () => {
  const counts = { runtime: [0, 0], definition: [0, 0], all: 0 };
  beforeAll(async () => {
    for (let seed = 1; seed <= 24; seed++) {
      const draw = new Draw(seed);
      const { bytes, scale } = network(draw);
      const image = draw.numbers(60, -3, 3).map(Math.fround);
      const { machine, definition, runtime } = await answersOf(bytes, image);
      counts.all += definition.length;
      for (const [name, other] of [
        ["definition", definition],
        ["runtime", runtime],
      ] as const) {
        const [one, more] = steps(machine, other, scale);
        counts[name][0] = (counts[name][0] ?? 0) + one;
        counts[name][1] = (counts[name][1] ?? 0) + more;
      }
    }
  }, 120_000);

  it("differ from onnxruntime in no more than ties, by one step", () => {
    expect(counts.all).toBeGreaterThan(500);
    expect(counts.runtime[1]).toBe(0);
    expect(counts.runtime[0]).toBeLessThanOrEqual(counts.all / 200);
  });

  it("and from the definition", () => {
    expect(counts.definition[1]).toBe(0);
    expect(counts.definition[0]).toBeLessThanOrEqual(counts.all / 200);
  });
});
