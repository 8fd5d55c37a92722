/** Quantizers beyond fixed point on their way through a run: in programs, behind float layers, and in parts. Needs the build, for worker threads. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile, prepareGraph } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { quantizeWeights } from "../../../compiler/quantization/quantize-weights.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { resolveExtrinsic } from "../../../compiler/resolve-extrinsic.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { writeProgramFile } from "../../../isa/program/program-file.ts";
import { resolveConfiguration } from "../../../runtime/configuration.ts";
import { openModel } from "../../../runtime/model.ts";
import type { RunReport } from "../../../runtime/results/run-report.ts";
import { quantizeValues } from "../../../runtime/session/extrinsic.ts";
import { runModel } from "../../../runtime/session/run.ts";

const { graph } = await openModel("lenet5");
const LENET: Graph = prepareGraph(graph);

async function run(assignment: AssignmentSpecification, images = 20): Promise<RunReport> {
  const outcome = await runModel(resolveConfiguration({ images, workers: 1, assignment }));
  if ("fault" in outcome) throw new Error(outcome.fault.message);
  return outcome.report;
}

function weightsOf(network: Graph, layer: string): Float32Array {
  const node = network.nodes.find(({ name }) => name === layer);
  return node?.op === "conv2d" || node?.op === "dense" ? node.kernel.data : new Float32Array();
}

describe("quantizers of weights", () => {
  const weight = { quantizer: "ternary", format: "2,0" };

  it("replace the weights of the layers that name them, and of no others", () => {
    const specification = { default: { format: "16,8" }, layers: { "conv*": { weight } } };
    const quantized = quantizeWeights(LENET, specification, { seed: 1, where: "test" });
    for (const layer of ["conv1", "conv2"]) {
      expect(new Set(weightsOf(quantized, layer))).toEqual(new Set([-1, 0, 1]));
    }
    expect(weightsOf(quantized, "fc1")).toBe(weightsOf(LENET, "fc1"));
    expect(quantizeWeights(LENET, { default: { format: "16,8" } }, { seed: 1, where: "test" })).toBe(LENET);
  });

  it("make the program of a network with those weights", () => {
    const settings = { machine: DEFAULT_MACHINE, seed: 3 };
    const layers = { conv1: { weight }, fc1: { weight: { quantizer: "logarithmic", format: "16,15" } } };
    const assignment = { default: { datapath: "wide", format: "10,6" }, layers };
    const program = compile(LENET, { ...settings, assignment }).program;
    const replaced = quantizeWeights(LENET, assignment, { seed: 3, where: "test" });
    const plain = {
      default: assignment.default,
      layers: { conv1: { weight: "2,0" }, fc1: { weight: "16,15" } },
    };
    const expected = compile(replaced, { ...settings, assignment: plain }).program;
    expect(Buffer.compare(writeProgramFile(program), writeProgramFile(expected))).toBe(0);
    expect(program.compileOverflow.find(({ layer }) => layer === "conv1")?.weight).toBe(0);
  });

  it("say what does not fit the weight register", () => {
    const assignment = {
      default: { format: "10,6" },
      layers: { conv1: { weight: { quantizer: "binary:3", format: "2,0" } } },
    };
    const { program } = compile(LENET, { machine: DEFAULT_MACHINE, seed: 1, assignment });
    const count = weightsOf(LENET, "conv1").length;
    expect(program.compileOverflow.find(({ layer }) => layer === "conv1")?.weight).toBe(count);
  });

  it("decide the range of an automatic format", () => {
    const assignment = {
      default: { format: "10,6" },
      layers: { conv1: { weight: { quantizer: "ternary", format: "8,auto" } } },
    };
    const { assignment: formats } = compile(LENET, { machine: DEFAULT_MACHINE, seed: 1, assignment });
    // −1 and 1 need 8 bits with 6 of them behind the point.
    expect(formats.conv1?.weight.format).toEqual({ wordLength: 8, fractionLength: 6, signed: true });
  });

  it.each([
    [{ layers: { pool1: { weight: { quantizer: "ternary" } } } }, "the layer has no weights"],
    [{ layers: { conv1: { weight: { quantizer: "dorefa:40" } } } }, "bits is 40"],
    [{ layers: { conv1: { output: { quantizer: "ternary" } } } }, "an output register of the machine is fixed point"],
  ])("are refused where they cannot be: %j", (assignment, reason) => {
    const whole = { default: { format: "10,6" }, ...assignment };
    expect(() => compile(LENET, { machine: DEFAULT_MACHINE, seed: 1, assignment: whole })).toThrow(reason);
  });

  it("are a part of a run on the machine, behind float and in parts", async () => {
    const pruned = { quantizer: "prune:1000" };
    const machine = await run({ default: { datapath: "wide", format: "16,8", weight: pruned } });
    expect(machine.layers.find(({ name }) => name === "conv1")?.registers.weight).toMatchObject({ min: 0, max: 0 });
    // Without weights every image has the same answer.
    const extrinsic = await run({ default: { datapath: "extrinsic", format: "16,8", weight: pruned } });
    const plain = await run({ default: { datapath: "extrinsic", format: "16,8" } });
    const parts = await run({
      default: { datapath: "float", format: "16,8" },
      layers: { conv1: { datapath: "extrinsic", weight: pruned }, fc1: { datapath: "wide" } },
    });
    for (const { accuracy } of [machine, extrinsic, parts]) {
      expect(accuracy?.fixed).toBeLessThan(0.5);
      expect(accuracy?.float).toBeGreaterThan(0.9);
    }
    expect(plain.accuracy?.fixed).toBeGreaterThan(0.9);
  }, 60_000);
});

describe("quantizers of outputs", () => {
  it("stand behind the layers that name them; a format beside them is the register's", async () => {
    const report = await run({
      default: { datapath: "extrinsic", format: "12,6" },
      layers: {
        conv1: { output: { quantizer: "logarithmic" } },
        conv2: { output: { quantizer: "fp16", format: "9,5" } },
      },
    });
    const formats = Object.fromEntries(report.layers.map(({ name, registers }) => [name, registers.output?.format]));
    expect(formats.conv1).toBe("logarithmic");
    // A pool behind a quantizer without a register has none of its own.
    expect(formats.pool1).toBeUndefined();
    expect(formats.conv2).toBe("fp16, 9,5 nearest saturate");
    expect(formats.pool2).toBe("9,5 nearest saturate");
    expect(report.accuracy?.fixed).toBeGreaterThan(0.8);
  }, 60_000);

  it("see one image at a time: no value depends on how many are computed at once", () => {
    const assignment = { default: { datapath: "extrinsic", format: "12,6", output: { quantizer: "ternary" } } };
    const point = resolveExtrinsic(LENET, { assignment }).fc1;
    if (point === undefined) throw new Error("fc1 has no output");
    const evidence = () => ({ overflow: 0, first: null, min: Infinity, max: -Infinity });
    const quantize = (values: Float32Array, count: number): Float32Array =>
      quantizeValues("fc1", values, point, evidence(), undefined, { first: 0, count });
    const image = fc.float32Array({ noNaN: true, min: -8, max: 8, minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(image, { minLength: 1, maxLength: 5 }), (images) => {
        const together = quantize(Float32Array.from(images.flatMap((values) => Array.from(values))), images.length);
        const apart = images.flatMap((values) => Array.from(quantize(values, 1)));
        expect(Array.from(together)).toEqual(apart);
      }),
    );
  });
});
