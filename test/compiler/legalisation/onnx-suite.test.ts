import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { decodeMessage } from "../../../compiler/importers/onnx/schema.ts";
import { readTensor } from "../../../compiler/importers/onnx/tensor-message.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { interpret } from "../../../compiler/tensor-graph/evaluation/interpret.ts";
import { isRecurrent } from "../../../compiler/tensor-graph/recurrent/unroll-recurrent.ts";
import { numbersOf, tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type { AnyTensor, TensorGraph } from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { IS_SUITE_PRESENT, isClaimed, type SuiteCase, suiteCases } from "../importers/onnx-node-suite.ts";
import { expectNetwork, storedElements } from "./compare.ts";

const MOST_ELEMENTS = 50_000;

interface Sketch {
  readonly graph: TensorGraph;
  readonly data: readonly number[];
}

/**
 * The case as a network: its first input for the first image of the batch, its other inputs as constants, its first output
 * in row-major order. Undefined for cases without floats going in and coming out.
 */
function asNetwork({ folder }: SuiteCase): Sketch | undefined {
  const graph = readOnnxModel(readFileSync(join(folder, "model.onnx")), "model.onnx");
  const inputs = graph.inputs.map(({ name }, index) => [name, suiteTensor(folder, index)] as const);
  const [first] = inputs;
  const [output] = graph.outputs;
  if (first === undefined || output === undefined || first[1].type !== "float32") return undefined;
  const [, tensor] = first;
  const [batch = 1, ...rest] = tensor.shape;
  const single = tensor.shape.length > 1 && graph.inputs[0]?.type === "float32" ? [1, ...rest] : tensor.shape;
  const count = single.reduce((product, size) => product * size, 1);
  // A sequence has its batch in the middle.
  const isSequence =
    graph.nodes.some((node) => isRecurrent(node) && !node.attributes.layout) && (tensor.shape[1] ?? 1) > 1;
  if (isSequence || batch < 1 || count === 0 || count > MOST_ELEMENTS) return undefined;
  const flatten = {
    name: "flatten",
    operator: "Flatten",
    domain: "",
    opset: graph.nodes[0]?.opset ?? 13,
    inputs: [output],
    outputs: ["flat"],
    attributes: { axis: 0 },
  };
  const opset = graph.nodes.find(({ domain }) => domain === "")?.opset ?? 13;
  return {
    graph: {
      ...graph,
      inputs: [{ name: first[0], type: "float32", shape: single }],
      constants: new Map<string, AnyTensor>([...graph.constants, ...inputs.slice(1)]),
      nodes: [...graph.nodes, { ...flatten, opset }],
      outputs: ["flat"],
    },
    data: Array.from(numbersOf(tensor)).slice(0, count),
  };
}

function suiteTensor(folder: string, index: number): AnyTensor {
  const [set = ""] = readdirSync(folder).filter((entry) => entry.startsWith("test_data_set_"));
  const message = decodeMessage("TensorProto", readFileSync(join(folder, set, `input_${index}.pb`)));
  return readTensor(message, "input", () => {
    throw new Error("external data");
  });
}

/** Undefined where the interpreter itself refuses the case for one image, or yields no floats. */
function expectedOf({ graph, data }: Sketch): ArrayLike<number> | undefined {
  const [input] = graph.inputs;
  try {
    const tensor = tensorFrom("float32", (input?.shape ?? []) as readonly number[], data);
    const [output] = interpret(graph, new Map([[input?.name ?? "", tensor]])).values();
    return output?.type === "float32" ? output.data : undefined;
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

/** `same`, or why not: refused with a diagnostic, or none for a network. */
function outcome(suiteCase: SuiteCase): string {
  let sketch: Sketch | undefined;
  try {
    sketch = asNetwork(suiteCase);
  } catch {
    return "unread";
  }
  const expected = sketch === undefined ? undefined : expectedOf(sketch);
  if (sketch === undefined || expected === undefined || !Array.from(expected).every(Number.isFinite))
    return "no network";
  try {
    const { graph } = legalise(sketch.graph, { where: "model.onnx" });
    expectNetwork(graph, storedElements(graph, sketch.data), expected, 1e-3);
    return "same";
  } catch (error) {
    if (error instanceof DiagnosticError) return "refused";
    throw error;
  }
}

describe.skipIf(!IS_SUITE_PRESENT)("every case of ONNX's backend suite", () => {
  it("is the same as a network, or refused with a diagnostic", { timeout: 120_000 }, () => {
    const outcomes = new Map<string, string>();
    for (const suiteCase of suiteCases().filter(isClaimed)) {
      try {
        outcomes.set(suiteCase.name, outcome(suiteCase));
      } catch (error) {
        throw new Error(`${suiteCase.name}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
    const same = [...outcomes.values()].filter((result) => result === "same");
    expect(same.length).toBeGreaterThan(230);
  });
});
