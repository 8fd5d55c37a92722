/** Integer networks: accelerator, float reference and a plain definition give the same integers. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Graph, IntegerRequantization } from "../../../compiler/graph/graph.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { loadTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { expectEnginesAgree, imageBatch } from "../../conformance/compare.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";
import { smallMachines } from "./small-machine.ts";

const { tf } = await loadTensorFlow();

/** Every stored value of one image by layer. */
function accelerated(
  graph: Graph,
  machine: Machine,
  assignment: AssignmentSpecification,
  image: readonly number[],
): ReadonlyMap<string, readonly number[]> {
  const { program } = compile(graph, { machine, assignment, seed: 1 });
  expect(checkProgram(program)).toBeNull();
  const opened = fastEngine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const batch = { firstImage: 0, count: 1, raws: Int32Array.from(image) };
  const { fault, captured } = opened.session.run(batch, { statistics: false, capture: true });
  expect(fault).toBeNull();
  return new Map([...captured].map(([name, words]) => [name, Array.from(words, Number)]));
}

interface DrawnLayer {
  readonly kernel: readonly number[];
  readonly multipliers: readonly number[];
  readonly offsets: readonly number[] | null;
  readonly shift: number;
  readonly output: readonly [minimum: number, maximum: number];
}

const [ROWS, COLUMNS, CHANNELS, FILTERS, UNITS] = [5, 4, 3, 4, 3];

function drawnLayer(weights: number, filters: number): fc.Arbitrary<DrawnLayer> {
  const list = (length: number, most: number): fc.Arbitrary<number[]> =>
    fc.array(fc.integer({ min: -most, max: most }), { minLength: length, maxLength: length });
  return fc.record({
    kernel: list(weights, 127),
    multipliers: list(filters, 2 ** 20),
    offsets: fc.option(list(filters, 2 ** 40), { nil: null }),
    shift: fc.integer({ min: 0, max: 40 }),
    output: fc.constantFrom([0, 255] as const, [-128, 127] as const, [-127, 127] as const, [0, 15] as const),
  });
}

function requantizationOf(layer: DrawnLayer): IntegerRequantization {
  const { multipliers, offsets, shift, output } = layer;
  return {
    multipliers: Float64Array.from(multipliers),
    offsets: offsets === null ? null : Float64Array.from(offsets),
    shift,
    rounding: "down",
    minimum: output[0],
    maximum: output[1],
  };
}

/** A padded convolution and a dense layer, channels first. */
function integerGraph(first: DrawnLayer, second: DrawnLayer): Graph {
  const builder = new GraphBuilder("integers", { name: "image", shape: [ROWS, COLUMNS, CHANNELS] }, "test");
  builder.add({
    op: "conv2d",
    name: "conv",
    inputs: ["image"],
    kernel: { shape: [3, 2, CHANNELS, FILTERS], data: Float32Array.from(first.kernel) },
    bias: null,
    strides: [1, 1],
    dilations: [1, 1],
    padding: { top: 1, bottom: 1, left: 1, right: 0 },
    groups: 1,
    activation: "none",
    requantization: requantizationOf(first),
  });
  builder.add({
    op: "dense",
    name: "fc",
    inputs: ["conv"],
    kernel: { shape: [ROWS * COLUMNS * FILTERS, UNITS], data: Float32Array.from(second.kernel) },
    bias: null,
    inputOrder: "channels-first",
    activation: "none",
    requantization: requantizationOf(second),
  });
  return builder.finish("fc");
}

const networks = fc
  .tuple(drawnLayer(3 * 2 * CHANNELS * FILTERS, FILTERS), drawnLayer(ROWS * COLUMNS * FILTERS * UNITS, UNITS))
  .map(([first, second]) => integerGraph(first, second));
const images = fc.array(fc.integer({ min: 0, max: 255 }), {
  minLength: ROWS * COLUMNS * CHANNELS,
  maxLength: ROWS * COLUMNS * CHANNELS,
});
const PIXELS: AssignmentSpecification = { layers: { conv: { input: "u8,0" } }, default: { format: "16,8" } };

describe("an integer network of random numbers", () => {
  it("gives on the accelerator and in the float reference the integers of the definition", async () => {
    const machines = smallMachines({ minimumBits: 2500, maximumBits: 9000 });
    await fc.assert(
      fc.asyncProperty(networks, images, machines, async (graph, image, machine) => {
        const expected = evaluateAllValues(graph, image);
        const found = accelerated(graph, machine, PIXELS, image);
        const network = new FloatNetwork(tf, graph);
        const reference = new Map<string, readonly number[]>();
        await network.run(Float32Array.from(image), 1, (name, values) => {
          reference.set(name, Array.from(values));
          return undefined;
        });
        network.dispose();
        for (const name of ["conv", "fc"]) {
          expect({ name, values: found.get(name) }).toEqual({ name, values: expected.get(name)?.data });
          expect({ name, values: reference.get(name) }).toEqual({ name, values: expected.get(name)?.data });
        }
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 1000 : 60 },
    );
  }, 120_000);

  it("runs on both engines alike", () => {
    const machines = smallMachines({ minimumBits: 2500, maximumBits: 9000 });
    fc.assert(
      fc.property(networks, machines, (graph, machine) => {
        const { program } = compile(graph, { machine, assignment: PIXELS, seed: 1 });
        expectEnginesAgree(program, imageBatch(program, [3n, 255n, 0n, 17n, 128n], 1), {
          statistics: true,
          capture: true,
        });
      }),
      { numRuns: 10 },
    );
  }, 120_000);

  it("refuses an input with fraction bits and says what to write", () => {
    const graph = fc.sample(networks, { numRuns: 1, seed: 1 })[0];
    if (graph === undefined) throw new Error("no graph");
    expect(() =>
      compile(graph, { machine: DEFAULT_MACHINE, assignment: { default: { format: "16,8" } }, seed: 1 }),
    ).toThrow(/layer "conv".*8 fraction bits.*u8,0/);
  });
});

describe("the integer network Frontnet", () => {
  const folder = resolve(import.meta.dirname, "../../../../shared/data/frontnet-int8");
  const numbersIn = (file: string): number[] =>
    readFileSync(resolve(folder, file), "utf8")
      .split("\n")
      .slice(1)
      .filter((line) => line.trim() !== "")
      .map((line) => Number.parseFloat(line));
  const layers = ["Conv_0", "MaxPool_10", "Conv_11", "Conv_21", "Conv_31", "Conv_41", "Conv_51", "Conv_61", "Gemm_72"];

  it.skipIf(!existsSync(folder))(
    "gives on the accelerator every integer of every layer that its authors give",
    () => {
      const path = resolve(folder, "Frontnet.onnx");
      const { graph, assignment } = legalise(readOnnxModel(readFileSync(path), path), { where: path });
      const found = accelerated(
        graph,
        DEFAULT_MACHINE,
        { default: { format: "8,0" }, ...assignment },
        numbersIn("input.txt"),
      );
      layers.forEach((layer, index) => {
        const expected = numbersIn(`out_layer${index}.txt`);
        const wrong = expected.findIndex((value, place) => value !== found.get(layer)?.[place]);
        const count = found.get(layer)?.length;
        expect({ layer, wrong, count }).toEqual({ layer, wrong: -1, count: expected.length });
      });
    },
    120_000,
  );
});
