import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prepareGraph } from "../../../compiler/compile.ts";
import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { registerText } from "../../../isa/numerics/register.ts";
import { type ExportSubject, exportAssignment, exportSubject } from "../../../runtime/exports/index.ts";
import { QONNX_REGISTERS } from "../../../runtime/exports/qonnx/quant.ts";
import { openModel } from "../../../runtime/model.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";
import { type DrawnSubject, drawnSubjects, type Modes } from "./subjects.ts";

const LONG = process.env.MACROSCOPE_LONG === "1";

/** What QONNX can say of a register. */
const QONNX_MODES: Modes = {
  rounding: fc.constantFrom("down", "up", "zero", "away", "nearest", "nearest-zero", "nearest-even"),
  overflow: ["saturate"],
  dialects: ["sc"],
  minimumWordLength: 2,
};

/** The model read by the importer, with the registers that it prescribes. */
function importBack(subject: ExportSubject, graph: Graph): { lowerable: Graph; assignment: AssignmentSpecification } {
  const file = exportAssignment("qonnx", subject, graph, graph) as Uint8Array;
  const read = legalise(readOnnxModel(file, "exported.onnx"), { where: "exported.onnx" });
  return { lowerable: prepareGraph(read.graph), assignment: { default: { format: "16,8" }, ...read.assignment } };
}

function readBack(subject: ExportSubject, graph: Graph): ExportSubject {
  return exportSubject({ model: "read", ...importBack(subject, graph), where: "exported.onnx" });
}

/** Layer and register → its text, of the registers that QONNX has. One that changes no word is none when it is read. */
function quantizers({ layers }: ExportSubject): Readonly<Record<string, string>> {
  return Object.fromEntries(
    layers.flatMap(({ name, registers }) =>
      registers
        .filter(({ register, exact }) => !exact && (QONNX_REGISTERS as readonly string[]).includes(register))
        .map(({ register, spec }) => [`${name} ${register}`, registerText(spec)]),
    ),
  );
}

/**
 * Layers that only move or clip words may be others after the importer's own passes; functions without an operator in the operator
 * set that is written are several operators, and so several layers, in the file.
 */
function keepsLayers({ graph }: DrawnSubject): boolean {
  const moving = ["transpose", "slice", "resize", "pad", "reshape", "activation", "concatenate"];
  const otherFunctions = ["clip", "swish", "mish", "gelu"];
  return graph.nodes.every(
    (node) =>
      !moving.includes(node.op) &&
      // Where nothing else says that the second axis is the channels, the importer moves it for the host's softmax.
      !(node.op === "softmax" && node.shape.length === 3) &&
      !(node.op === "function" && otherFunctions.includes(node.function.kind)),
  );
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b);
}

/** The input of `graph` as it lies in the memory of the network that was read: the file declares images channels first. */
function inOrderOf(read: Graph, { input: { shape } }: Graph, data: Float32Array): Float32Array {
  const toDeclared = shape.length === 3 ? [2, 0, 1] : shape.map((_size, axis) => axis);
  const order = read.input.declared?.order ?? toDeclared.map((_axis, axis) => axis);
  return permuted(
    data,
    shape,
    order.map((axis) => toDeclared[axis] ?? 0),
  );
}

/** Row-major elements with axis a of the result axis permutation[a] of `shape`. */
function permuted(data: Float32Array, shape: readonly number[], permutation: readonly number[]): Float32Array {
  const sizes = permutation.map((axis) => shape[axis] ?? 1);
  const strides = shape.map((_size, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  return data.map((_value, index) => {
    let rest = index;
    let from = 0;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += (rest % (sizes[axis] ?? 1)) * (strides[permutation[axis] ?? 0] ?? 0);
      rest = Math.floor(rest / (sizes[axis] ?? 1));
    }
    return data[from] ?? 0;
  });
}

/** What the file's quantizers round is left as it is. */
function withoutQuantizers(graph: Graph): Graph {
  const nodes = graph.nodes.map(({ ...node }): GraphNode => {
    const { name, inputs, shape } = node;
    return node.op === "quantize" || node.op === "register" ? { op: "reshape", name, inputs, shape } : node;
  });
  return { ...graph, nodes };
}

describe("the QONNX model", () => {
  it("is read back with the same layers and registers, for the bundled LeNet", async () => {
    const { graph } = await openModel("lenet5");
    const lowerable = prepareGraph(graph);
    const layers = layerFacts(lowerable).map(({ name }) => name);
    const subject = exportSubject({
      model: "lenet5",
      lowerable,
      assignment: {
        default: { datapath: "wide", format: "10,6", rounding: "nearest-even" },
        layers: {
          [layers[0] ?? ""]: {
            datapath: "wide",
            format: "u8,8",
            weight: { format: "6,5", overflow: "saturate-symmetric" },
          },
          [layers[2] ?? ""]: {
            input: "7,3",
            weight: "5,4",
            bias: { format: "20,12", rounding: "zero" },
            output: "9,4",
          },
        },
      },
      where: "test",
    });
    const read = readBack(subject, lowerable);
    expect(read.layers.map(({ name }) => name)).toEqual(layers);
    expect(quantizers(read)).toEqual(quantizers(subject));
  });

  it("is read back with the same layers and registers, for drawn networks", () => {
    fc.assert(
      fc.property(drawnSubjects(QONNX_MODES).filter(keepsLayers), ({ graph, subject }) => {
        const read = readBack(subject, graph);
        expect(read.layers.map(({ name }) => name)).toEqual(subject.layers.map(({ name }) => name));
        expect(quantizers(read)).toEqual(quantizers(subject));
      }),
      { numRuns: LONG ? 1000 : 40 },
    );
  });

  it("computes what the network computes, for drawn networks", () => {
    fc.assert(
      fc.property(graphWithInput({ stage: "lowerable", maximumSteps: 6, maximumElements: 200 }), ({ graph, input }) => {
        fc.pre(layerFacts(graph).length > 0);
        const assignment = { default: { datapath: "wide:64", format: "30,22" } };
        const subject = exportSubject({ model: "drawn", lowerable: graph, assignment, where: "drawn" });
        const expected = sorted(evaluateGraph(graph, input).data);
        const { lowerable } = importBack(subject, graph);
        const found = sorted(evaluateGraph(withoutQuantizers(lowerable), inOrderOf(lowerable, graph, input)).data);
        // The importer may hand out an image that was moved last in the order in which it lies.
        const largest = Math.max(1, ...expected.map(Math.abs));
        expect(found.length).toBe(expected.length);
        for (const [index, value] of expected.entries()) {
          expect(Math.abs((found[index] ?? Number.NaN) - value) / largest).toBeLessThan(1e-4);
        }
      }),
      { numRuns: LONG ? 1000 : 60 },
    );
  });
});
