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
import { DiagnosticError } from "../../../isa/diagnostic.ts";
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
    divisor: 1,
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

type Rounding = IntegerRequantization["rounding"];

const ROUNDINGS: readonly Rounding[] = [
  "down",
  "up",
  "zero",
  "away",
  "nearest",
  "nearest-up",
  "nearest-down",
  "nearest-zero",
  "nearest-even",
  "nearest-odd",
  "odd",
];

/** Cut to a word's range, to another, on one side, or not at all. */
const RANGES: readonly (readonly [number | null, number | null])[] = [
  [0, 255],
  [-128, 127],
  [-127, 127],
  [0, 1],
  [-128 - 3, 127 - 3],
  [3, 200],
  [-1, 6],
  [0, null],
  [null, 100],
  [null, null],
];

interface Stage {
  readonly kind: "conv" | "transposed" | "pool" | "one" | "two";
  readonly seed: number;
  readonly shift: number;
  readonly divisor: number;
  readonly rounding: Rounding;
  readonly range: readonly [number | null, number | null];
  readonly multiplierBits: number;
  readonly hasOffsets: boolean;
}

const stages: fc.Arbitrary<Stage> = fc.record({
  kind: fc.constantFrom("conv", "transposed", "pool", "one", "two"),
  seed: fc.nat(),
  shift: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 60 })),
  divisor: fc.oneof(
    fc.constant(1),
    fc.integer({ min: 1, max: 30 }).map((k) => 2 ** k - 1),
    fc.integer({ min: 2, max: 1000 }),
  ),
  rounding: fc.constantFrom(...ROUNDINGS),
  range: fc.constantFrom(...RANGES),
  multiplierBits: fc.integer({ min: 1, max: 31 }),
  hasOffsets: fc.boolean(),
});

/** A chain of layers in which the word of a value is known by its range; integers by a small generator. */
function chainGraph(drawn: readonly Stage[]): Graph {
  const builder = new GraphBuilder("chain", { name: "image", shape: [ROWS, COLUMNS, CHANNELS] }, "test");
  let value = "image";
  const values = ["image"];
  drawn.forEach((stage, index) => {
    let state = stage.seed;
    const next = (most: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * (2 * most + 1)) - most;
    };
    const name = `layer${index}`;
    const [rows = 1, columns = 1, channels = 1] = builder.shapeOf(value);
    const list = (length: number, most: number): Float64Array => Float64Array.from({ length }, () => next(most));
    const requantization = (length: number): IntegerRequantization => ({
      multipliers: list(length, 2 ** stage.multiplierBits),
      offsets: stage.hasOffsets ? list(length, 2 ** Math.min(stage.shift, 56) * 50) : null,
      shift: stage.shift,
      divisor: stage.divisor,
      rounding: stage.rounding,
      minimum: stage.range[0],
      maximum: stage.range[1],
    });
    const filters = 1 + (stage.seed % 4);
    const kernel = (): { shape: number[]; data: Float32Array } => ({
      shape: [2, 1, channels, filters],
      data: Float32Array.from(list(2 * channels * filters, 127)),
    });
    const plain = { name, bias: null, strides: [1, 2], dilations: [1, 1], groups: 1, activation: "none" } as const;
    if (stage.kind === "conv") {
      const padding = { top: 1, bottom: 0, left: 0, right: 0 };
      const own = { kernel: kernel(), padding, requantization: requantization(filters) };
      builder.add({ op: "conv2d", ...plain, inputs: [value], ...own });
    } else if (stage.kind === "transposed") {
      const padding = { top: 0, bottom: 1, left: 0, right: 0 };
      const own = {
        kernel: kernel(),
        padding,
        outputPadding: [0, 0] as const,
        requantization: requantization(filters),
      };
      builder.add({ op: "convTranspose2d", ...plain, inputs: [value], ...own });
    } else if (stage.kind === "pool") {
      builder.add({
        op: "pool",
        name,
        inputs: [value],
        kind: "average",
        kernel: [Math.min(2, rows), Math.min(3, columns)],
        strides: [1, 2],
        padding: { top: rows > 1 ? 1 : 0, bottom: 0, left: 0, right: 0 },
        countPadding: false,
        requantization: requantization(channels),
      });
    } else {
      const shape = builder.shapeOf(value).join();
      const others = values.filter((other) => builder.shapeOf(other).join() === shape);
      const other = others[stage.seed % others.length] ?? value;
      builder.add({
        op: "requantize",
        name,
        inputs: stage.kind === "one" ? [value] : [value, other],
        requantization: requantization(channels),
        secondMultipliers: stage.kind === "one" ? null : list(channels, 2 ** stage.multiplierBits),
      });
    }
    value = name;
    values.push(name);
  });
  return builder.finish(value);
}

/** Float32 holds every word of the chain; else the float reference rounds between layers. */
function smallWords(values: ReadonlyMap<string, { readonly data: readonly number[] }>): boolean {
  return [...values.values()].every(({ data }) => data.every((element) => Math.abs(element) <= 2 ** 24));
}

describe("a chain of integer layers of every kind", () => {
  const chains = fc.array(stages, { minLength: 1, maxLength: 4 }).map(chainGraph);
  const assignment = (graph: Graph): AssignmentSpecification => ({
    layers: Object.fromEntries(
      graph.nodes
        .filter(({ inputs }) => inputs.length === 1 && inputs[0] === "image")
        .map(({ name }) => [name, { input: "u8,0" }]),
    ),
    default: { format: "u8,0" },
  });
  const compiledChain = (graph: Graph, machine: Machine) => {
    try {
      return compile(graph, { machine, assignment: assignment(graph), seed: 1 });
    } catch (error) {
      // Unbounded results of unbounded results outgrow 64 bits: refused, which other tests look at.
      if (
        error instanceof DiagnosticError &&
        /no word of 64 bits|REGISTER|SCRATCHPAD/.test(`${error.diagnostics[0]?.code} ${error.message}`)
      )
        return null;
      throw error;
    }
  };

  it("gives the integers of the definition, on the machine and in the float reference", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        chains,
        images,
        smallMachines({ minimumBits: 6000, maximumBits: 40000 }),
        async (graph, image, machine) => {
          const compilation = compiledChain(graph, machine);
          if (compilation === null) return;
          const expected = evaluateAllValues(graph, image);
          const found = accelerated(graph, machine, assignment(graph), image);
          for (const { name } of graph.nodes) {
            expect({ name, values: found.get(name) }).toEqual({ name, values: expected.get(name)?.data });
          }
          compared++;
          if (!smallWords(expected)) return;
          const network = new FloatNetwork(tf, graph);
          const reference = new Map<string, readonly number[]>();
          await network.run(Float32Array.from(image), 1, (name, values) => {
            reference.set(name, Array.from(values));
            return undefined;
          });
          network.dispose();
          for (const { name } of graph.nodes) {
            expect({ name, values: reference.get(name) }).toEqual({ name, values: expected.get(name)?.data });
          }
        },
      ),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 2000 : 80 },
    );
    expect(compared).toBeGreaterThan(30);
  }, 120_000);

  it("runs on both engines alike", () => {
    fc.assert(
      fc.property(chains, smallMachines({ minimumBits: 6000, maximumBits: 20000 }), (graph, machine) => {
        const compilation = compiledChain(graph, machine);
        if (compilation === null) return;
        const { program } = compilation;
        expectEnginesAgree(program, imageBatch(program, [3n, 255n, 0n, 17n, 128n], 1), {
          statistics: true,
          capture: true,
        });
      }),
      { numRuns: 15 },
    );
  }, 120_000);
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
