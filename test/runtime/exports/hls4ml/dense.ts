/** One dense layer as Keras has it, and what a configuration makes of it. */

import { compile, prepareGraph } from "../../../../compiler/compile.ts";
import type { Graph } from "../../../../compiler/graph/graph.ts";
import type { AssignmentSpecification } from "../../../../compiler/quantization/specification.ts";
import { DEFAULT_MACHINE } from "../../../../isa/machine.ts";
import { rawToFloat64 } from "../../../../isa/numerics/format.ts";
import { rawAt } from "../../../../isa/numerics/raws.ts";
import { type ReadHls4ml, readHls4ml } from "../../../../runtime/exports/hls4ml/read.ts";
import { quantizeImages, tensorSymbol } from "../../../../runtime/session/host-input.ts";
import { openOn } from "../../../conformance/compare.ts";

/** `fc` behind `fc_input`, of one unit. */
export function denseNetwork(weights: readonly number[], bias: number, activation: "none" | "relu" = "none"): Graph {
  return {
    name: "m",
    input: { name: "fc_input", shape: [weights.length] },
    nodes: [
      {
        op: "dense",
        name: "fc",
        inputs: ["fc_input"],
        shape: [1],
        kernel: { shape: [weights.length, 1], data: Float32Array.from(weights) },
        bias: { shape: [1], data: Float32Array.of(bias) },
        inputOrder: "as stored",
        activation,
        requantization: null,
      },
    ],
    output: "fc",
  };
}

export function readFor(graph: Graph, configuration: unknown): ReadHls4ml {
  return readHls4ml(
    configuration,
    { imported: graph, lowerable: prepareGraph(graph), prescribes: false },
    "config.yml",
  );
}

/** Values of the network's output on both engines, image by image. */
export function valuesOf(
  graph: Graph,
  assignment: AssignmentSpecification,
  images: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const { program } = compile(prepareGraph(graph), { machine: DEFAULT_MACHINE, assignment, seed: 1 });
  const { raws } = quantizeImages(program, Float32Array.from(images.flat()), images.length, 0);
  const { format } = tensorSymbol(program, program.output);
  const batch = { firstImage: 0, count: images.length, raws };
  return (["reference", "fast"] as const).map((engine) => {
    const { outputs } = openOn(engine, program).run(batch, { statistics: false, capture: false });
    return Array.from({ length: outputs.length }, (_, index) =>
      rawToFloat64(rawAt(outputs, index, format), format.fractionLength),
    );
  });
}
