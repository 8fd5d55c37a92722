import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Compilation, compile, prepareGraph } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { LAYER_KINDS, layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import { resolveAssignment } from "../../../compiler/quantization/resolve-assignment.ts";
import type { AssignmentSpecification, LayerEntry } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { rawRange, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import { elementCount, type TensorSymbol } from "../../../isa/program/program.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";
import { evaluateFixed, type FixedValue } from "./fixed-graph.ts";
import { smallMachines } from "./small-machine.ts";

const LONG = process.env.MACROSCOPE_LONG === "1";

const roundings = fc.constantFrom("nearest", "down", "zero", "nearest-even", "odd", "up");
const overflows = fc.constantFrom("saturate", "wrap", "saturate-symmetric", "saturate-zero", "wrap:1");
const formatTexts = fc.constantFrom("8,4", "6,3", "12,5", "16,8", "9,-1", "5,7", "32,10");

/** Presets with all kinds of overrides, on every layer. */
const entries: fc.Arbitrary<LayerEntry> = fc
  .record({
    datapath: fc.constantFrom("intrinsic", "tensorquant", "wide", "wide:20"),
    format: formatTexts,
    rounding: roundings,
    overflow: overflows,
    input: fc.option(formatTexts, { nil: undefined, freq: 4 }),
    weight: fc.option(formatTexts, { nil: undefined, freq: 4 }),
    product: fc.option(fc.constantFrom("20,9", "exact"), { nil: undefined, freq: 4 }),
    accumulator: fc.option(fc.constantFrom("24,9", "10,3"), { nil: undefined, freq: 4 }),
    output: fc.option(fc.record({ format: formatTexts, rounding: roundings }), { nil: undefined, freq: 4 }),
    avgPoolCountPadding: fc.option(fc.boolean(), { nil: undefined }),
    averageDivider: fc.boolean(),
    biasOrder: fc.constantFrom("first", "last", undefined),
  })
  .map((entry) => Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)));

/** A default, and entries of their own for the pools and for one layer by name. */
function specificationFor(graph: Graph, [base, pools, one, pick]: SpecificationParts): AssignmentSpecification {
  const names = layerNames(graph);
  const chosen = names[pick % Math.max(names.length, 1)];
  const keys = names.some((name) => name.includes("ool")) ? { "*ool*": pools } : {};
  const own: LayerEntry = { format: one.format, rounding: one.rounding, overflow: one.overflow, input: one.input };
  return { default: base, layers: { ...keys, ...(chosen && { [chosen]: own }) } };
}

type SpecificationParts = readonly [LayerEntry, LayerEntry, LayerEntry, number];

const specificationParts: fc.Arbitrary<SpecificationParts> = fc.tuple(entries, entries, entries, fc.nat(9));

/** Names of the layers; none where the graph cannot be lowered. */
function layerNames(graph: Graph): readonly string[] {
  try {
    return layerFacts(prepareGraph(graph)).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return [];
  }
}

/** The compilation; undefined where the drawn formats or memories are too small for the drawn graph. */
function tryCompile(graph: Graph, machine: Machine, assignment: AssignmentSpecification): Compilation | undefined {
  try {
    return compile(graph, { machine, assignment, seed: 3 });
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    expect(error.diagnostics.length).toBeGreaterThan(0);
    return undefined;
  }
}

function tensorOf({ program }: Compilation, name: string): TensorSymbol {
  const tensor = program.tensors.find((each) => each.name === name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return tensor;
}

function inputValue(compilation: Compilation, floats: Float32Array): FixedValue {
  const { format } = tensorOf(compilation, compilation.program.input);
  const { max } = rawRange(format);
  const scale = rawToFloat64(max, format.fractionLength);
  const raws = Array.from(floats, (value) => quantizeFloat64(value * scale, register(format, "down")).raw);
  return { shape: compilation.graph.input.shape, format, raws };
}

/** Runs one image on the fast engine, every stored value by name. */
function run(compilation: Compilation, input: FixedValue): ReadonlyMap<string, readonly bigint[]> {
  const { program } = compilation;
  expect(checkProgram(program)).toBeNull();
  const opened = fastEngine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const raws = allocateRaws(input.format, input.raws.length);
  for (const [index, raw] of input.raws.entries()) setRaw(raws, index, raw);
  const result = opened.session.run({ firstImage: 0, count: 1, raws }, { statistics: false, capture: true });
  expect(result.fault).toBeNull();
  return new Map(
    [...result.captured].map(([name, words]) => {
      const { format } = tensorOf(compilation, name);
      return [name, Array.from({ length: words.length }, (_, index) => rawAt(words, index, format))];
    }),
  );
}

function expectConforms(compilation: Compilation, specification: AssignmentSpecification, floats: Float32Array): void {
  const { graph, program } = compilation;
  const layers = layerFacts(graph);
  const input = graph.input.name;
  const assignment = resolveAssignment({ specification, layers, input, calibration: {}, where: "test" });
  expect(compilation.assignment).toEqual(assignment.formats);
  const image = inputValue(compilation, floats);
  const expected = evaluateFixed(graph, assignment, program.machine, image);
  const captured = run(compilation, image);
  for (const { name } of layers) expect([name, captured.get(name)]).toEqual([name, expected.get(name)?.raws]);
}

/** Operators of integer and quantized networks alone: integer-network.test.ts draws them, and quantizer-placement.test.ts. */
const DRAWN_ELSEWHERE: ReadonlySet<string> = new Set(["requantize", "quantize"]);

describe("a compiled network", () => {
  test("computes a layer whose wide words are proved to hold small values", () => {
    const drawn = {
      graph: {
        name: "random",
        input: { name: "input", shape: [3, 3, 2] },
        nodes: [
          {
            shape: [1],
            inputOrder: "channels-first",
            requantization: null,
            op: "dense",
            name: "denseOfImage1",
            inputs: ["input"],
            kernel: {
              shape: [18, 1],
              data: Float32Array.from([
                -0.4713451564311981, -0.4565576910972595, 0.10974684357643127, -0.40388181805610657,
                0.05514335259795189, -0.3077571988105774, -0.33257555961608887, -0.3757495582103729,
                -0.031197145581245422, 0.16872245073318481, 0.11186666041612625, -0.1432197540998459,
                0.1941593736410141, -0.45339351892471313, -0.45220354199409485, 0.2716759741306305, -0.2757302522659302,
                0.2580849826335907,
              ]),
            },
            bias: null,
            activation: "none",
          },
          { shape: [1], op: "activation", name: "activation4", inputs: ["denseOfImage1"], activation: "relu" },
        ],
        output: "activation4",
      },
      input: Float32Array.from([
        -0.9998741149902344, -0.9685051441192627, 0.2328082025051117, -0.856762707233429, 0.11697671562433243,
        -0.6528515815734863, -0.7054992914199829, -0.7970852255821228, -0.06617914140224457, 0.35791438817977905,
        0.23730501532554626, -0.30381497740745544, 0.4118742346763611, -0.9617928862571716, -0.9592685699462891,
        0.5763117671012878, -0.5849121809005737, 0.5474809408187866,
      ]),
    };
    const graph = drawn.graph as unknown as Graph;
    const machine = {
      name: "small",
      clockHz: 100000000,
      rows: 1,
      columns: 1,
      dataflow: "output-stationary",
      macPipeline: 0,
      tail: 0,
      weightDoubleBuffer: false,
      drainOverlap: false,
      inputScratchpad: { capacityBits: 150, banks: 2, bitsPerCycle: 24 },
      weightScratchpad: { capacityBits: 288, banks: 2, bitsPerCycle: 24 },
      accumulatorBank: { capacityBits: 150, banks: 2, bitsPerCycle: 24 },
      outputBuffer: { capacityBits: 150, banks: 2, bitsPerCycle: 24 },
      dram: { capacityBits: 67108864, wordBits: 8, bytesPerCycle: 1, latencyCycles: 0 },
    } as const;
    const assignment = specificationFor(graph, [
      { datapath: "wide", format: "8,4", rounding: "nearest", overflow: "saturate", averageDivider: false },
      { datapath: "intrinsic", format: "8,4", rounding: "nearest", overflow: "saturate", averageDivider: false },
      {
        datapath: "intrinsic",
        format: "32,10",
        rounding: "nearest",
        overflow: "saturate",
        input: "12,5",
        averageDivider: false,
      },
      0,
    ] as never);
    const compilation = tryCompile(graph, machine, assignment);
    expect(compilation).toBeDefined();
    if (compilation !== undefined) expectConforms(compilation, assignment, drawn.input);
  });

  test("computes every value of a random graph bit by bit, on random machines with tiny memories", () => {
    let compiled = 0;
    const operators = new Set<string>();
    fc.assert(
      fc.property(
        graphWithInput({ stage: "lowerable", maximumSteps: 5, maximumElements: 250, maximumSide: 7 }),
        smallMachines({ minimumBits: 150, maximumBits: 3000 }),
        specificationParts,
        ({ graph, input }, machine, parts) => {
          const assignment = specificationFor(graph, parts);
          const compilation = tryCompile(graph, machine, assignment);
          if (compilation === undefined) return;
          compiled++;
          for (const { op } of compilation.graph.nodes) operators.add(op);
          expectConforms(compilation, assignment, input);
        },
      ),
      LONG ? { numRuns: 3000 } : { numRuns: 200, seed: 11 },
    );
    expect(compiled).toBeGreaterThan(75);
    const layers = Object.entries(LAYER_KINDS).filter(([, kind]) => kind !== null);
    expect(layers.map(([op]) => op).filter((op) => !operators.has(op) && !DRAWN_ELSEWHERE.has(op))).toEqual([]);
  }, 300_000);

  test("computes the same on the default machine, where everything fits at once", () => {
    fc.assert(
      fc.property(
        graphWithInput({ stage: "lowerable", maximumSteps: 6 }),
        specificationParts,
        ({ graph, input }, parts) => {
          const assignment = specificationFor(graph, parts);
          const compilation = tryCompile(graph, DEFAULT_MACHINE, assignment);
          if (compilation) expectConforms(compilation, assignment, input);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test("in a very wide format equals the float network within 1e-3", () => {
    const assignment = { default: { datapath: "wide:64", format: "32,16" } };
    fc.assert(
      fc.property(
        graphWithInput({ maximumSteps: 4 }),
        smallMachines({ minimumBits: 20_000, maximumBits: 60_000 }),
        ({ graph, input }, machine) => {
          const compilation = tryCompile(graph, machine, assignment);
          if (compilation === undefined) return;
          const { program } = compilation;
          const { format } = tensorOf(compilation, program.input);
          const raws = Array.from(input, (value) => quantizeFloat64(value, register(format)).raw);
          const words = run(compilation, { shape: graph.input.shape, format, raws }).get(program.output);
          const fraction = tensorOf(compilation, program.output).format.fractionLength;
          const last = compilation.graph.nodes.find(({ name }) => name === compilation.graph.output);
          const result = last?.op === "softmax" ? (last.inputs[0] ?? "") : compilation.graph.output;
          const float = evaluateGraph({ ...compilation.graph, output: result }, input).data;
          const scale = Math.max(1, ...float.map(Math.abs));
          if (scale > 1000) return;
          words?.forEach((raw, index) => {
            expect(Math.abs(rawToFloat64(raw, fraction) - (float[index] ?? Number.NaN)) / scale).toBeLessThan(1e-3);
          });
          expect(words).toHaveLength(elementCount(tensorOf(compilation, program.output).shape));
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
