import type { Conv2dNode, DenseNode, Graph } from "../../compiler/index.ts";
import { InvariantError, quantizeFloat64 } from "../../isa/index.ts";
import { formatsEqual } from "../../isa/numerics/format.ts";
import type { EngineSession } from "../../sim/engine.ts";
import type { LenetWorkload } from "./lenet-workload.ts";
import { convolutionShape, type MatrixShape, type MatrixWork } from "./matrix-work.ts";

/**
 * The matrix products of a network's layers, each whole, with the words of the data set's first image: what the kernels
 * would compute if there were no tiles, no loads, no requantisation and no pooling.
 */
export function layerWorks(workload: LenetWorkload, session: EngineSession, elements: number): readonly MatrixWork[] {
  const { graph, assignment, raws } = workload;
  const image = raws.slice(0, elements);
  const { captured } = session.run({ firstImage: 0, count: 1, raws: image }, { statistics: false, capture: true });
  return graph.nodes.flatMap((node): MatrixWork[] => {
    if (node.op !== "conv2d" && node.op !== "dense") return [];
    const datapath = assignment[node.name];
    const source = stored(graph, node.inputs[0] ?? "");
    const input = source === graph.input.name ? image : captured.get(source);
    if (datapath === undefined || input === undefined) throw new InvariantError(`layer "${node.name}" lacks words`);
    const before = assignment[source];
    if (before !== undefined && !formatsEqual(before.output.format, datapath.input.format)) {
      throw new InvariantError(`layer "${node.name}" reads another format than "${source}" writes`);
    }
    return [
      {
        ...shapeOf(node, input.length),
        operand: datapath.input.format,
        weight: datapath.weight.format,
        product: datapath.product,
        accumulator: datapath.accumulator,
        input: Float64Array.from(input, Number),
        weights: Float64Array.from(node.kernel.data, (value) => Number(quantizeFloat64(value, datapath.weight).raw)),
      },
    ];
  });
}

/** The value whose words a node reads: reshaping moves none. */
function stored(graph: Graph, name: string): string {
  const node = graph.nodes.find((candidate) => candidate.name === name);
  return node?.op === "reshape" ? stored(graph, node.inputs[0] ?? "") : name;
}

function shapeOf(node: Conv2dNode | DenseNode, inputWords: number): MatrixShape {
  if (node.op === "dense") {
    const [steps = 0, filters = 0] = node.kernel.shape;
    const stepOffsets = Int32Array.from({ length: steps }, (_, step) => step);
    return { pixels: 1, filters, steps, pixelOffsets: Int32Array.of(0), stepOffsets, inputWords };
  }
  const [rows = 0, columns = 0, filters = 0] = node.shape;
  const [kernel = 0, kernelColumns = 0, channels = 0] = node.kernel.shape;
  const shape = convolutionShape(rows, columns, channels, kernel, filters);
  if (kernelColumns !== kernel || shape.inputWords !== inputWords) {
    throw new InvariantError(`layer "${node.name}" is no plain convolution`);
  }
  return shape;
}
