/** Networks of which the machine computes some layers and float the others. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile, prepareGraph } from "../../../../compiler/compile.ts";
import type { NewNode } from "../../../../compiler/graph/builder.ts";
import type { Graph, Operator } from "../../../../compiler/graph/graph.ts";
import { type HybridOptions, type HybridPlan, planHybrid } from "../../../../compiler/hybrid/hybrid-plan.ts";
import { layerNames } from "../../../../compiler/hybrid/layer-computation.ts";
import { resolveExtrinsic } from "../../../../compiler/resolve-extrinsic.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { DEFAULT_MACHINE } from "../../../../isa/machine.ts";
import { quantizeFloat64 } from "../../../../isa/numerics/quantize.ts";
import { rawAt } from "../../../../isa/numerics/raws.ts";
import { register } from "../../../../isa/numerics/register.ts";
import type { Program } from "../../../../isa/program/program.ts";
import { loadTensorFlow } from "../../../../runtime/float-reference/backend.ts";
import { FloatNetwork } from "../../../../runtime/float-reference/interpreter.ts";
import { runExtrinsic } from "../../../../runtime/session/extrinsic.ts";
import { quantizeImages, tensorSymbol } from "../../../../runtime/session/host-input.ts";
import { FloatPrefix } from "../../../../runtime/session/hybrid/float-prefix.ts";
import { HybridNetwork, type HybridOutputs, type ProgramRunner } from "../../../../runtime/session/hybrid/network.ts";
import { checkProgram } from "../../../../sim/check/index.ts";
import { fastEngine } from "../../../../sim/fast/engine.ts";
import { graphWithInput, randomFloats } from "../../../arbitraries/graph.ts";
import { convolution, dense, lenet, maximumPool, network } from "../../../compiler/compile/networks.ts";

const { tf } = await loadTensorFlow();

/** Runs programs in this thread. */
const runner: ProgramRunner = {
  run: async (program, raws, count, firstImage) => {
    expect(checkProgram(program)).toBeNull();
    const opened = fastEngine.open(program);
    if ("fault" in opened) throw new Error(opened.fault.message);
    const result = opened.session.run({ firstImage, count, raws }, { statistics: false, capture: false });
    return { ...result, cycles: null, kernels: null };
  },
};

type Request = Partial<HybridOptions> & Pick<HybridOptions, "assignment">;

function planned(graph: Graph, request: Request): HybridPlan {
  return planHybrid(prepareGraph(graph), { machine: DEFAULT_MACHINE, seed: 3, selection: null, ...request });
}

async function run(
  plan: HybridPlan,
  images: Float32Array,
  count: number,
): Promise<{ readonly outputs: HybridOutputs; readonly hybrid: HybridNetwork }> {
  const float = new FloatNetwork(tf, plan.graph);
  try {
    const hybrid = new HybridNetwork(plan, { float, runner, seed: 3 });
    const outputs = await hybrid.run({ first: 0, count, values: images, labels: null });
    if ("fault" in outputs) throw new Error(outputs.fault.message);
    return { outputs, hybrid };
  } finally {
    float.dispose();
  }
}

/** Output words of the whole network as one program. */
async function wholeWords(program: Program, images: Float32Array, count: number): Promise<readonly bigint[]> {
  const { raws } = quantizeImages(program, images, count, 0);
  const { outputs } = await runner.run(program, raws, count, 0);
  const { format } = tensorSymbol(program, program.output);
  return Array.from({ length: outputs.length }, (_, index) => rawAt(outputs, index, format));
}

/** The compilation; null where the drawn network does not fit the drawn formats. */
function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof DiagnosticError) return null;
    throw error;
  }
}

/** What float computes exactly on words, so that the machine may as well. */
const MOVES_ONLY: readonly Operator[] = ["slice", "transpose", "resize", "concatenate", "pad", "activation", "reshape"];

const assignments = fc
  .record({
    datapath: fc.constantFrom("intrinsic", "tensorquant", "wide"),
    format: fc.constantFrom("8,4", "6,3", "12,5", "16,8", "7,2"),
    rounding: fc.constantFrom("nearest" as const, "down" as const, "zero" as const, "nearest-even" as const),
  })
  .map((base) => ({ default: base }));

function imagesOf(graph: Graph, count: number, seed: number): Float32Array {
  const elements = graph.input.shape.reduce((product, side) => product * side, 1);
  return randomFloats(count * elements, seed, -1, 1);
}

describe("a network in parts", () => {
  test("with all layers on the machine is the one program that the compiler makes of it", async () => {
    await fc.assert(
      fc.asyncProperty(graphWithInput(), assignments, async ({ graph }, assignment) => {
        const whole = attempt(() => compile(graph, { machine: DEFAULT_MACHINE, assignment, seed: 3 }));
        const plan = attempt(() => planned(graph, { assignment }));
        // Without a layer there is no program; in parts that is a network which float computes.
        if (whole === null) return void expect(plan?.steps.some(({ kind }) => kind === "program") ?? false).toBe(false);
        if (plan === null) throw new Error("the parts do not fit, though the whole does");
        expect(plan.steps.filter(({ kind }) => kind === "program")).toHaveLength(1);
        const images = imagesOf(graph, 2, 5);
        const { outputs } = await run(plan, images, 2);
        const { words } = outputs;
        if (words === null) throw new Error("no words");
        const found = Array.from({ length: words.raws.length }, (_, index) => rawAt(words.raws, index, words.format));
        expect(found).toEqual(await wholeWords(whole.program, images, 2));
      }),
      { numRuns: 25 },
    );
  });

  test("gives the whole program's words where float only moves words or finds the largest, whatever the parts", async () => {
    let parts = 0;

    await fc.assert(
      fc.asyncProperty(
        graphWithInput({ maximumSteps: 12 }),
        assignments,
        fc.nat(0xffff),
        async ({ graph }, assignment, pick) => {
          const whole = attempt(() => compile(graph, { machine: DEFAULT_MACHINE, assignment, seed: 3 }));
          if (whole === null) return;
          const prepared = prepareGraph(graph);
          const movers = new Set(
            prepared.nodes
              .filter((node) => MOVES_ONLY.includes(node.op) || (node.op === "pool" && node.kind === "maximum"))
              .map(({ name }) => name),
          );
          const selection = layerNames(prepared).filter(
            (name, index) => !movers.has(name) || ((pick >> (index % 16)) & 1) === 1,
          );
          if (selection.length === 0) return;
          const plan = planned(graph, { assignment, selection });
          for (const step of plan.steps) if (step.kind === "program") parts++;
          const images = imagesOf(graph, 2, pick);
          const { outputs } = await run(plan, images, 2);
          // Quantizing moves with the words: what float left as it came is on the grid after it.
          const { format } = tensorSymbol(whole.program, whole.program.output);
          const spec = register(format, assignment.default.rounding);
          const found = Array.from(outputs.values, (value) => quantizeFloat64(value, spec).raw);
          expect(found).toEqual(await wholeWords(whole.program, images, 2));
        },
      ),
      { numRuns: 50 },
    );
    expect(parts).toBeGreaterThan(30);
  });

  /** Two convolutions of one input, added, then a dense layer. */
  const residual = (): Graph =>
    network(
      [4, 3, 2],
      convolution("conv1", "image", [1, 1, 2, 3], { activation: "relu" }),
      convolution("conv2", "image", [3, 3, 2, 3], { padding: { top: 1, bottom: 1, left: 1, right: 1 } }),
      { op: "add", name: "add1", inputs: ["conv1", "conv2"], activation: "relu" },
      maximumPool("pool1", "add1", 2),
      { op: "reshape", name: "flat", inputs: ["pool1"], shape: [6] },
      dense("fc1", "flat", 6, 5, "none"),
    );

  test("gives the whole program's words where sums read operands from several programs", async () => {
    const joins = fc.array(fc.constantFrom("add", "subtract", "multiply", "concatenate"), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(joins, assignments, fc.nat(0xffff), async (operators, assignment, pick) => {
        const nodes: NewNode[] = [convolution("conv1", "image", [1, 1, 2, 3]), maximumPool("keep", "conv1", 1)];
        let [a, b] = ["conv1", "keep"];
        for (const [index, op] of operators.entries()) {
          const name = `${op}${index}`;
          const inputs = (pick >> index) & 1 ? [a, b] : [b, a];
          if (op === "concatenate") {
            nodes.push({ op, name, inputs });
          } else {
            nodes.push({ op: op as "add", name, inputs, activation: "none" });
          }
          nodes.push(maximumPool(`keep${index}`, name, 1));
          [a, b] = [name, `keep${index}`];
        }
        const graph = network([3, 2, 2], ...nodes, { op: "add", name: "last", inputs: [a, b], activation: "relu" });
        const { program } = compile(graph, { machine: DEFAULT_MACHINE, assignment, seed: 3 });
        // A pool of one position moves nothing, in float: it parts the programs.
        const selection = layerNames(prepareGraph(graph)).filter((name) => !name.startsWith("keep"));
        const plan = planned(graph, { assignment, selection });
        const withOperands = plan.steps.filter((step) => step.kind === "program" && step.entry === null);
        expect(withOperands).toHaveLength(operators.length + 1);
        const images = imagesOf(graph, 2, pick);
        const { outputs } = await run(plan, images, 2);
        const { words } = outputs;
        if (words === null) throw new Error("no words");
        const found = Array.from({ length: words.raws.length }, (_, index) => rawAt(words.raws, index, words.format));
        expect(found).toEqual(await wholeWords(program, images, 2));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    [["add1"], 1, 1],
    [["add1", "conv1"], 2, 1],
    [["conv1", "conv2", "add1"], 1, 0],
    [["conv1", "add1", "pool1", "fc1"], 3, 1],
    [["**"], 1, 0],
  ])("%j is %i programs, %i of them with operands of several places", (selection, programs, withOperands) => {
    const plan = planned(residual(), { assignment: { default: { datapath: "wide", format: "16,8" } }, selection });
    const steps = plan.steps.flatMap((step) => (step.kind === "program" ? [step] : []));
    expect(steps).toHaveLength(programs);
    expect(steps.filter(({ operands }) => operands.length > 0)).toHaveLength(withOperands);
  });

  test("an operand keeps the format it comes in, and a float one takes the layer's own", async () => {
    const assignment = {
      default: { datapath: "wide", format: "12,5" },
      layers: { conv1: { format: "9,6" }, add1: { format: "16,9" } },
    };
    const plan = planned(residual(), { assignment, selection: ["conv1", "add1"] });
    const step = plan.steps.find((each) => each.kind === "program" && each.operands.length > 0);
    if (step?.kind !== "program") throw new Error("no operands");
    expect(
      step.operands.map(({ value, register: { format } }) => [value, format.wordLength, format.fractionLength]),
    ).toEqual([
      ["conv1", 9, 6],
      ["conv2", 16, 9],
    ]);
    const images = imagesOf(plan.graph, 3, 9);
    const { outputs } = await run(plan, images, 3);
    expect(outputs.words).toBeNull();
    expect(outputs.values).toHaveLength(15);
  });

  test("without any quantized layer is the float network, value by value", async () => {
    const graph = prepareGraph(lenet());
    const images = imagesOf(graph, 3, 4);
    const { outputs } = await run(planned(graph, { assignment: {}, selection: [] }), images, 3);
    const float = new FloatNetwork(tf, { ...graph, nodes: graph.nodes.slice(0, -1), output: "fc2" });
    expect(outputs.values).toEqual(await float.run(images, 3));
    float.dispose();
  });

  test("with all layers extrinsic is the extrinsic network", async () => {
    const graph = prepareGraph(lenet());
    const images = imagesOf(graph, 3, 4);
    const assignment = { default: { datapath: "extrinsic", format: "8,5", rounding: "stochastic" as const } };
    const plan = planned(graph, { assignment });
    const { outputs, hybrid } = await run(plan, images, 3);
    const registers = new Map(Object.entries(resolveExtrinsic(graph, { assignment })));
    expect(plan.extrinsic).toEqual(registers);
    const float = new FloatNetwork(tf, plan.graph);
    const expected = await runExtrinsic(float, images, 3, registers, 3);
    float.dispose();
    expect(outputs.values).toEqual(expected.outputs);
    expect(hybrid.extrinsic).toEqual(expected.layers);
  });

  test("a layer's own datapath decides who computes it", () => {
    const assignment = {
      default: { datapath: "float" },
      layers: { conv2: { datapath: "intrinsic", format: "16,8" }, fc1: { datapath: "extrinsic", format: "12,6" } },
    };
    const plan = planned(lenet(), { assignment });
    expect(plan.quantized).toEqual(["conv2", "fc1"]);
    expect(
      plan.steps.map((step) => (step.kind === "program" ? step.layers : step.nodes.map(({ name }) => name))),
    ).toEqual([["conv1", "pool1"], ["conv2"], expect.arrayContaining(["pool2", "fc1", "fc2"])]);
    expect([...plan.extrinsic.keys()]).toEqual(["fc1"]);
  });

  test("an overflow that traps stops it with a fault, on the machine, at its input and behind float", async () => {
    const graph = lenet();
    const loud = imagesOf(prepareGraph(graph), 2, 8).map((value) => value * 1000);
    for (const [datapath, selection] of [
      ["intrinsic", ["conv1"]],
      ["intrinsic", ["fc1"]],
      ["extrinsic", ["pool1"]],
    ] as const) {
      const assignment = { default: { datapath, format: "8,6", overflow: "trap", weight: "16,8", bias: "16,8" } };
      const plan = planned(graph, { assignment, selection });
      const float = new FloatNetwork(tf, plan.graph);
      const hybrid = new HybridNetwork(plan, { float, runner, seed: 1 });
      const result = await hybrid.run({ first: 0, count: 2, values: loud, labels: null });
      float.dispose();
      expect("fault" in result ? result.fault.kind : null).toBe("overflow-trap");
    }
  });

  test("a pattern or key that matches no layer is named, with the nearest layers", () => {
    const assignment = { default: { format: "16,8" } };
    expect(() => planned(lenet(), { assignment, selection: ["conv1", "convx"] })).toThrow(
      /UNKNOWN_LAYER.*convx.*"conv1"/s,
    );
    expect(() =>
      planned(lenet(), { assignment: { ...assignment, layers: { fcx: {} } }, selection: ["conv1"] }),
    ).toThrow(/UNKNOWN_LAYER.*fcx/s);
  });
});

describe("the float prefix", () => {
  const assignment = (format: string) => ({ default: { datapath: "wide", format } });

  test("is computed once for images that candidates share, and again where it finds no room", async () => {
    const plans = ["16,8", "8,4", "12,6"].map((format) =>
      planned(lenet(), { assignment: assignment(format), selection: ["fc1"] }),
    );
    const graph = plans[0]?.graph;
    if (graph === undefined) throw new Error("no plan");
    const images = imagesOf(graph, 4, 2);
    const float = new FloatNetwork(tf, graph);
    const outputsWith = async (keptBytes: number): Promise<readonly [number, readonly Float32Array[]]> => {
      const prefix = new FloatPrefix(float, keptBytes);
      const outputs: Float32Array[] = [];
      for (const plan of plans) {
        const hybrid = new HybridNetwork(plan, { float, prefix, runner, seed: 3 });
        const result = await hybrid.run({ first: 0, count: 4, values: images, labels: null });
        if ("fault" in result) throw new Error(result.fault.message);
        outputs.push(result.values);
      }
      return [prefix.computedImages, outputs];
    };
    const [once, kept] = await outputsWith(2 ** 20);
    const [always, computed] = await outputsWith(0);
    float.dispose();
    expect([once, always]).toEqual([4, 12]);
    expect(kept).toEqual(computed);
  });

  test("gives the memory of values back that another selection does not read", async () => {
    const graph = planned(lenet(), { assignment: assignment("16,8"), selection: ["fc1"] }).graph;
    const images = imagesOf(graph, 2, 2);
    const float = new FloatNetwork(tf, graph);
    const elements = 800;
    const prefix = new FloatPrefix(float, 2 * 4 * elements);
    for (const selection of [["fc1"], ["fc2"], ["fc1"]]) {
      const plan = planned(lenet(), { assignment: assignment("16,8"), selection });
      const hybrid = new HybridNetwork(plan, { float, prefix, runner, seed: 3 });
      await hybrid.run({ first: 0, count: 2, values: images, labels: null });
    }
    float.dispose();
    expect(prefix.computedImages).toBe(6);
  });
});
