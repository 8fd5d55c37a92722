/** Weights with a binary point per filter: both engines and a definition in float64, exact for these sizes, give the same words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Activation, Graph, GraphNode, Tensor } from "../../../compiler/graph/graph.ts";
import type { LayerEntry } from "../../../compiler/quantization/specification.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { assemble } from "../../../isa/program/assembly.ts";
import { disassemble } from "../../../isa/program/disassembly.ts";
import { readProgramFile, writeProgramFile } from "../../../isa/program/program-file.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { expectEnginesAgree, imageBatch } from "../../conformance/compare.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";
import { smallMachines } from "./small-machine.ts";

const [ROWS, COLUMNS, CHANNELS] = [5, 4, 4];

interface Drawn {
  readonly graph: Graph;
  readonly lengths: readonly number[];
  readonly image: readonly number[];
}

const KINDS = ["convolution", "depthwise", "grouped", "dense", "transposed"] as const;

/** Filters of a kind, and the shape of its kernel. */
function kernelShape(kind: (typeof KINDS)[number]): readonly number[] {
  if (kind === "dense") return [ROWS * COLUMNS * CHANNELS, 5];
  if (kind === "depthwise") return [3, 2, 1, CHANNELS];
  return [3, 2, kind === "convolution" ? CHANNELS : 2, 6];
}

const floats = (length: number, most: number): fc.Arbitrary<Float32Array> =>
  fc
    .array(fc.double({ min: -most, max: most, noNaN: true }), { minLength: length, maxLength: length })
    .map((values) => Float32Array.from(values));

const drawn: fc.Arbitrary<Drawn> = fc.constantFrom(...KINDS).chain((kind) => {
  const shape = kernelShape(kind);
  const filters = shape.at(-1) ?? 1;
  return fc
    .record({
      weights: floats(
        shape.reduce((a, b) => a * b, 1),
        1,
      ),
      exponents: fc.array(fc.integer({ min: -3, max: 12 }), { minLength: filters, maxLength: filters }),
      slack: fc.array(fc.integer({ min: -1, max: 2 }), { minLength: filters, maxLength: filters }),
      bias: fc.option(floats(filters, 4), { nil: null }),
      activation: fc.constantFrom<Activation>("none", "relu", "relu6"),
      image: fc.array(fc.integer({ min: -128, max: 127 }), {
        minLength: ROWS * COLUMNS * CHANNELS,
        maxLength: ROWS * COLUMNS * CHANNELS,
      }),
    })
    .map(({ weights, exponents, slack, bias, activation, image }) => {
      const data = weights.map((weight, index) => weight * 2 ** -(exponents[index % filters] ?? 0));
      const lengths = exponents.map((exponent, filter) => 6 + exponent + (slack[filter] ?? 0));
      const constants = { kernel: { shape, data }, bias: bias && { shape: [filters], data: bias } };
      return { graph: layerGraph(kind, constants, activation), lengths, image };
    });
});

function layerGraph(
  kind: (typeof KINDS)[number],
  constants: { readonly kernel: Tensor; readonly bias: Tensor | null },
  activation: Activation,
): Graph {
  const builder = new GraphBuilder("drawn", { name: "image", shape: [ROWS, COLUMNS, CHANNELS] }, "test");
  const common = { name: "layer", inputs: ["image"], activation, ...constants };
  const window = { strides: [1, 2], dilations: [1, 1], padding: { top: 1, bottom: 0, left: 1, right: 1 } } as const;
  if (kind === "dense") builder.add({ ...common, op: "dense", inputOrder: "channels-first" });
  else if (kind === "transposed") {
    builder.add({ ...common, ...window, op: "convTranspose2d", outputPadding: [0, 1], groups: 2 });
  } else {
    const groups = { convolution: 1, depthwise: CHANNELS, grouped: 2 }[kind];
    builder.add({ ...common, ...window, op: "conv2d", groups });
  }
  return builder.finish("layer");
}

/** Ties away from zero, as `nearest` has it; W bits, saturating. */
function word(value: number, wordLength: number, fractionLength: number): number {
  const scaled = Math.abs(value) * 2 ** fractionLength;
  const rounded = Math.sign(value) * Math.floor(scaled + 0.5);
  return Math.min(2 ** (wordLength - 1) - 1, Math.max(-(2 ** (wordLength - 1)), rounded)) + 0;
}

const [INPUT_F, OUTPUT_W, OUTPUT_F, BIAS_F] = [4, 10, 5, 9] as const;

function expected({ graph, lengths, image }: Drawn): number[] {
  const exact = (tensor: Tensor, wordLength: number, fractionOf: (index: number) => number): Tensor => ({
    shape: tensor.shape,
    data: tensor.data.map((value, index) => word(value, wordLength, fractionOf(index)) * 2 ** -fractionOf(index)),
  });
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.op !== "conv2d" && node.op !== "dense" && node.op !== "convTranspose2d") return node;
    const kernel = exact(node.kernel, 8, (index) => lengths[index % lengths.length] ?? 0);
    return { ...node, kernel, bias: node.bias && exact(node.bias, 20, () => BIAS_F) };
  });
  const input = image.map((raw) => raw * 2 ** -INPUT_F);
  const values = evaluateAllValues({ ...graph, nodes }, input).get("layer");
  return Array.from(values?.data ?? [], (value) => word(value, OUTPUT_W, OUTPUT_F));
}

function entryOf(lengths: readonly number[], datapath: LayerEntry): LayerEntry {
  return {
    ...datapath,
    input: `8,${INPUT_F}`,
    weight: { format: `8,${Math.min(...lengths)}`, perFilter: lengths },
    bias: `20,${BIAS_F}`,
    output: `${OUTPUT_W},${OUTPUT_F}`,
  };
}

const DATAPATHS: readonly LayerEntry[] = [
  { datapath: "wide", format: "8,4" },
  { datapath: "wide:40", format: "8,4" },
  { datapath: "intrinsic", format: "8,4", product: "exact", accumulator: "exact" },
];

describe("a binary point per filter", () => {
  it("gives the words of the definition on both engines, for every kind of layer, on small machines", () => {
    const machines = smallMachines({ minimumBits: 4000, maximumBits: 12_000 });
    fc.assert(
      fc.property(drawn, machines, fc.constantFrom(...DATAPATHS), (layer, machine, datapath) => {
        const assignment = { default: entryOf(layer.lengths, datapath) };
        const { program } = compile(layer.graph, { machine, assignment, seed: 1 });
        expect(checkProgram(program)).toBeNull();
        const opened = fastEngine.open(program);
        if ("fault" in opened) throw new Error(opened.fault.message);
        const batch = { firstImage: 0, count: 1, raws: Int32Array.from(layer.image) };
        const { outputs } = opened.session.run(batch, { statistics: false, capture: false });
        expect(Array.from(outputs as ArrayLike<number>)).toEqual(expected(layer));
        expectEnginesAgree(program, imageBatch(program, layer.image.map(BigInt), 1), {
          statistics: true,
          capture: true,
        });
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 1000 : 60 },
    );
  }, 240_000);

  it("is written into program files and listings, and read from them", () => {
    const [layer] = fc.sample(drawn, { numRuns: 1, seed: 3 });
    if (layer === undefined) throw new Error("nothing drawn");
    const assignment = { default: entryOf([5, 9, 6, 5, 14, 7].slice(0, layer.lengths.length), DATAPATHS[0] ?? {}) };
    const { program } = compile(layer.graph, { machine: DEFAULT_MACHINE, assignment, seed: 1 });
    expect(program.layers[0]?.datapath.weightFractionLengths).toHaveLength(layer.lengths.length);
    expect(assemble(disassemble(program), "listing")).toEqual(program);
    expect(readProgramFile(writeProgramFile(program), "file")).toEqual({ program });
  });
});
