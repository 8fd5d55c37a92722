/** Networks whose formats are calibrated, on the machine against float: what calibration must not spoil. */
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Graph, Tensor } from "../../../compiler/graph/graph.ts";
import type { LayerEntry } from "../../../compiler/quantization/specification.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { quantizeFloat64Array } from "../../../isa/numerics/quantize-array.ts";
import { allocateRaws } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import type { LayerRanges } from "../../../isa/program/datapath.ts";
import { loadTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { CalibrationTally } from "../../../runtime/float-reference/calibration.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { randomFloats } from "../../arbitraries/graph.ts";

const { tf } = await loadTensorFlow();

interface Figures {
  /** Of the output against float. */
  readonly sqnrDb: number;
  readonly agreement: number;
  readonly outputs: readonly number[];
}

/** `calibrated`: as many of the first images give the ranges. */
async function figuresOf(
  graph: Graph,
  images: Float32Array,
  count: number,
  calibrated: number,
  assignment: LayerEntry,
): Promise<Figures> {
  const elements = images.length / count;
  const network = new FloatNetwork(tf, graph);
  const tally = new CalibrationTally(network, calibrated);
  await tally.add(images.subarray(0, calibrated * elements), 0, calibrated);
  const float = await network.run(images, count);
  network.dispose();
  const outputs = onMachine(graph, images, count, tally.ranges(), assignment);
  let [signal, noise, agreeing] = [0, 0, 0];
  const classes = float.length / count;
  for (let image = 0; image < count; image++) {
    const range = [image * classes, (image + 1) * classes] as const;
    if (largest(float.subarray(...range)) === largest(outputs.slice(...range))) agreeing++;
  }
  float.forEach((value, index) => {
    signal += value ** 2;
    noise += (value - (outputs[index] ?? Number.NaN)) ** 2;
  });
  return { sqnrDb: 10 * Math.log10(signal / noise), agreement: agreeing / count, outputs };
}

function onMachine(
  graph: Graph,
  images: Float32Array,
  count: number,
  calibration: Record<string, LayerRanges>,
  entry: LayerEntry,
): number[] {
  const { program, assignment } = compile(graph, {
    machine: DEFAULT_MACHINE,
    assignment: { default: entry },
    calibration,
    seed: 1,
  });
  expect(checkProgram(program)).toBeNull();
  const first = graph.nodes.find(({ inputs }) => inputs.includes(graph.input.name))?.name ?? "";
  const input = assignment[first]?.input ?? register({ wordLength: 1, fractionLength: 0, signed: true });
  const raws = allocateRaws(input.format, images.length);
  quantizeFloat64Array(images, input, raws);
  const opened = fastEngine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const { fault, outputs } = opened.session.run({ firstImage: 0, count, raws }, { statistics: false, capture: false });
  expect(fault).toBeNull();
  const { fractionLength } = assignment[graph.output]?.output.format ?? { fractionLength: Number.NaN };
  const words: ArrayLike<number | bigint> = outputs;
  return Array.from(words, (raw) => Number(raw) * 2 ** -fractionLength);
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((best, value, index, all) => (value > (all[best] ?? 0) ? index : best), 0);
}

function tensor(shape: readonly number[], seed: number, largestValue: number): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: randomFloats(length, seed, -largestValue, largestValue) };
}

/** Signals of 64 samples: convolution, convolution, mean over time, dense, as a classifier of waveforms is built. */
function signalNetwork(): Graph {
  const builder = new GraphBuilder("signals", { name: "signal", shape: [64, 1, 2] }, "test");
  const convolution = (name: string, input: string, kernel: readonly number[], seed: number): string =>
    builder.add({
      op: "conv2d",
      name,
      inputs: [input],
      kernel: tensor(kernel, seed, 1.2 / Math.sqrt((kernel[0] ?? 1) * (kernel[2] ?? 1))),
      bias: tensor([kernel[3] ?? 1], seed + 1, 0.3),
      strides: [1, 1],
      dilations: [1, 1],
      padding: { top: 3, bottom: 3, left: 0, right: 0 },
      groups: 1,
      activation: "relu",
    });
  const hidden = convolution("hidden", convolution("first", "signal", [7, 1, 2, 8], 1), [7, 1, 8, 16], 11);
  const mean = builder.add({
    op: "pool",
    name: "mean",
    inputs: [hidden],
    kind: "average",
    kernel: [64, 1],
    strides: [1, 1],
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
    countPadding: false,
  });
  const answer = builder.add({
    op: "dense",
    name: "answer",
    inputs: [builder.add({ op: "reshape", name: "flat", inputs: [mean], shape: [16] })],
    kernel: tensor([16, 5], 31, 0.5),
    bias: tensor([5], 32, 0.3),
    activation: "none",
  });
  return builder.finish(answer);
}

describe("a network with average pooling", () => {
  const images = randomFloats(40 * 128, 3, -2, 2);

  it.each(["intrinsic", "tensorquant", "wide"])("loses nothing to calibrated formats under %s", async (datapath) => {
    const graph = signalNetwork();
    const uncalibrated = await figuresOf(graph, images, 40, 20, { datapath, format: "16,8" });
    const calibrated = await figuresOf(graph, images, 40, 20, { datapath, format: "16,auto" });
    expect(calibrated.agreement).toBe(1);
    expect(calibrated.sqnrDb).toBeGreaterThan(uncalibrated.sqnrDb);
    expect(calibrated.sqnrDb).toBeGreaterThan(45);
    const short = await figuresOf(graph, images, 40, 20, { datapath, format: "10,auto" });
    expect(short.sqnrDb).toBeGreaterThan(15);
  });
});

describe("biases much greater than the products", () => {
  /** A dead layer of 20 inputs: y is the bias. */
  function deadLayer(weight: number, bias: readonly number[]): Graph {
    const builder = new GraphBuilder("dead", { name: "x", shape: [20] }, "test");
    builder.add({
      op: "dense",
      name: "fc",
      inputs: ["x"],
      kernel: tensor([20, bias.length], 5, weight),
      bias: { shape: [bias.length], data: Float32Array.from(bias) },
      activation: "none",
    });
    return builder.finish("fc");
  }

  it.each(["intrinsic", "tensorquant", "wide", "wide:20", "wide:64"])("come out of %s whole", async (datapath) => {
    const images = randomFloats(3 * 20, 9, -1, 1);
    for (const [weight, bias] of [
      [1e-7, [0.04, -0.03]],
      [1e-30, [0.04, -0.03]],
      [0, [0.04, -0.03]],
      [0.01, [1000, -900]],
      [1, [3e5, 1]],
    ] as const) {
      const { outputs } = await figuresOf(deadLayer(weight, bias), images, 3, 3, { datapath, format: "16,auto" });
      const last = 2 ** -14 * Math.max(...bias.map(Math.abs));
      outputs.forEach((value, index) => {
        const sum = weight > 0.1 ? 20 * weight : 0.21 * weight;
        expect(Math.abs(value - (bias[index % 2] ?? 0))).toBeLessThanOrEqual(last + sum);
      });
    }
  });
});

describe("filters of wildly different gains", () => {
  /**
   * Depthwise separable layers as batch normalization leaves them: where a channel is dead, nothing but its folded statistics says
   * how large the weights of the depthwise filter behind it are, here 256 times those of the others.
   */
  function mobileNetwork(): Graph {
    const builder = new GraphBuilder("mobile", { name: "image", shape: [8, 7, 3] }, "test");
    const around = { top: 1, bottom: 1, left: 1, right: 1 };
    const none = { top: 0, bottom: 0, left: 0, right: 0 };
    let value = "image";
    /** Each eighth filter is dead, or of a depthwise layer 256 times as large. */
    const layer = (name: string, shape: readonly number[], seed: number): void => {
      const filters = shape[3] ?? 1;
      const depthwise = shape[2] === 1;
      const eighth = ({ shape, data }: Tensor, change: (value: number) => number): Tensor => ({
        shape,
        data: data.map((value, index) => ((index % filters) % 8 === 0 ? change(value) : value)),
      });
      const kernel = tensor(shape, seed, 2 / Math.sqrt((shape[0] ?? 1) ** 2 * (shape[2] ?? 1)));
      const bias = tensor([filters], seed + 1, 0.2);
      value = builder.add({
        op: "conv2d",
        name,
        inputs: [value],
        kernel: eighth(kernel, (weight) => (depthwise ? weight * 256 : weight / 1e6)),
        bias: depthwise ? bias : eighth(bias, () => -1e-4),
        strides: [1, 1],
        dilations: [1, 1],
        padding: depthwise ? around : none,
        groups: depthwise ? filters : 1,
        activation: "relu6",
      });
    };
    layer("expand", [1, 1, 3, 24], 41);
    layer("depthwise0", [3, 3, 1, 24], 51);
    layer("project", [1, 1, 24, 24], 61);
    layer("depthwise1", [3, 3, 1, 24], 71);
    const flat = builder.add({ op: "reshape", name: "flat", inputs: [value], shape: [1344] });
    const kernel = tensor([1344, 10], 90, 0.1);
    const bias = tensor([10], 91, 0.2);
    return builder.finish(
      builder.add({ op: "dense", name: "answer", inputs: [flat], kernel, bias, activation: "none" }),
    );
  }

  it("keep their bits at 8,auto where one binary point for all spoils the network", async () => {
    const graph = mobileNetwork();
    const images = randomFloats(60 * 168, 8, -1, 1);
    const run = (entry: LayerEntry): Promise<Figures> => figuresOf(graph, images, 60, 60, entry);
    const one = await run({ datapath: "wide", format: "8,auto", weight: { perFilter: false } });
    const each = await run({ datapath: "wide", format: "8,auto" });
    const sixteen = await run({ datapath: "wide", format: "16,auto" });
    expect(one.agreement).toBeLessThan(0.5);
    expect(one.sqnrDb).toBeLessThan(5);
    expect(each.agreement).toBeGreaterThan(0.9);
    expect(each.sqnrDb).toBeGreaterThan(25);
    expect(sixteen.agreement).toBe(1);
    expect(sixteen.sqnrDb).toBeGreaterThan(60);
  });
});
