/** Extrinsic quantization: float inside a layer, every layer's output on its register's grid. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConstantNode, Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { loadTensorFlow } from "../../../runtime/float-reference/backend.ts";
import { FloatNetwork } from "../../../runtime/float-reference/interpreter.ts";
import { ExtrinsicNetwork, runExtrinsic } from "../../../runtime/session/extrinsic.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { deterministicRoundingModes, overflowSpecs } from "../../arbitraries/numerics.ts";
import { evaluateGraph } from "../../oracles/graph-float.ts";

const { tf } = await loadTensorFlow();

/** Words that float32 carries exactly. */
function narrowRegisters(): fc.Arbitrary<RegisterSpec> {
  return fc
    .record({
      wordLength: fc.integer({ min: 1, max: 20 }),
      offset: fc.integer({ min: -4, max: 12 }),
      signed: fc.boolean(),
    })
    .map(({ wordLength, offset, signed }) => ({ wordLength, fractionLength: wordLength - offset, signed }))
    .chain((format) =>
      fc.tuple(deterministicRoundingModes(), overflowSpecs(format)).map(([rounding, { mode, saturatedBits }]) => ({
        format,
        rounding,
        overflow: mode,
        saturatedBits,
        dialect: "sc" as const,
      })),
    );
}

interface Recorded {
  /** As the network computed it, and as the register passed it on. */
  readonly computed: Float32Array;
  readonly passedOn: Float32Array;
}

/** A network that keeps what went through the observer. */
function recording(network: FloatNetwork, values: Map<string, Recorded>): FloatNetwork {
  const run: FloatNetwork["run"] = (images, count, observe, onProgress) =>
    network.run(
      images,
      count,
      (name, computed, batch) => {
        const kept = Float32Array.from(computed);
        const replaced = observe?.(name, computed, batch);
        values.set(name, { computed: kept, passedOn: Float32Array.from(replaced ?? kept) });
        return replaced;
      },
      onProgress,
    );
  return { run } as unknown as FloatNetwork;
}

/** One node of the graph, its inputs turned into constants. */
function alone(
  node: GraphNode,
  shapes: ReadonlyMap<string, readonly number[]>,
  values: ReadonlyMap<string, Recorded>,
): Graph {
  const constants = [...new Set(node.inputs)].map((name): ConstantNode => {
    const shape = shapes.get(name) ?? [];
    return {
      op: "constant",
      name,
      inputs: [],
      shape,
      value: { shape, data: values.get(name)?.passedOn ?? new Float32Array() },
    };
  });
  return { name: "alone", input: { name: "unused", shape: [1] }, nodes: [...constants, node], output: node.name };
}

describe("the extrinsic datapath", () => {
  it("computes each layer in float from quantized inputs and quantizes its output exactly", async () => {
    const drawn = graphWithInput({ stage: "lowerable", maximumSteps: 5 });
    await fc.assert(
      fc.asyncProperty(
        drawn,
        fc.array(narrowRegisters(), { minLength: 4, maxLength: 4 }),
        async ({ graph, input }, specs) => {
          const registers = new Map(
            graph.nodes.flatMap(({ name }, index): [string, RegisterSpec][] => {
              const spec = specs[index % 5];
              return spec === undefined ? [] : [[name, spec]];
            }),
          );
          const values = new Map<string, Recorded>();
          const network = new FloatNetwork(tf, graph);
          const { outputs, layers } = await runExtrinsic(recording(network, values), input, 1, registers, 1);
          network.dispose();
          const shapes = new Map([
            [graph.input.name, graph.input.shape],
            ...graph.nodes.map((node) => [node.name, node.shape] as const),
          ]);
          for (const node of graph.nodes) {
            const { computed, passedOn } = values.get(node.name) ?? { computed: [], passedOn: [] };
            const { data } = evaluateGraph(alone(node, shapes, values), [0]);
            const scale = Math.max(1, ...data.map(Math.abs));
            data.forEach((expected, index) => {
              expect(Math.abs((computed[index] ?? Number.NaN) - expected) / scale).toBeLessThan(1e-4);
            });
            const spec = registers.get(node.name);
            if (spec === undefined) {
              expect(passedOn).toEqual(computed);
              continue;
            }
            let overflow = 0;
            computed.forEach((value, index) => {
              const quantized = quantizeFloat64(value, spec);
              if (quantized.overflowed) overflow++;
              expect(passedOn[index]).toBe(rawToFloat64(quantized.raw, spec.format.fractionLength));
            });
            // 0 and −0 are one end of a range.
            const ends = { min: Math.min(...computed) + 0, max: Math.max(...computed) + 0 };
            const found = layers.get(node.name);
            const foundEnds = { min: (found?.min ?? Number.NaN) + 0, max: (found?.max ?? Number.NaN) + 0 };
            expect({ overflow: found?.overflow, ...foundEnds }).toEqual({ overflow, ...ends });
          }
          expect(outputs).toEqual(values.get(graph.output)?.passedOn);
        },
      ),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 800 : 80, seed: 4 },
    );
  });

  it("names the first image and element that did not fit, over batches", async () => {
    const graph: Graph = {
      name: "same",
      input: { name: "input", shape: [3] },
      nodes: [{ op: "reshape", name: "same", inputs: ["input"], shape: [3] }],
      output: "same",
    };
    const images = new Float32Array(3 * 100).fill(0.5);
    images[3 * 77 + 2] = -9;
    images[3 * 90] = 40;
    const spec: RegisterSpec = {
      format: { wordLength: 5, fractionLength: 2, signed: true },
      rounding: "nearest",
      overflow: "saturate",
      saturatedBits: 0,
      dialect: "sc",
    };
    const network = new FloatNetwork(tf, graph);
    const { outputs, layers } = await runExtrinsic(network, images, 100, new Map([["same", spec]]), 1);
    const inParts = new ExtrinsicNetwork(network, new Map([["same", spec]]), 1);
    const parts = [await inParts.run(images.subarray(0, 3 * 70), 70), await inParts.run(images.subarray(3 * 70), 30)];
    network.dispose();
    expect(Float32Array.from(parts.flatMap((part) => [...part]))).toEqual(outputs);
    expect(inParts.layers).toEqual(layers);
    expect(layers.get("same")).toEqual({
      overflow: 2,
      first: { image: 77, element: 2, before: -36n, after: -16n },
      min: -9,
      max: 40,
    });
    expect([outputs[3 * 77 + 2], outputs[3 * 90], outputs[0]]).toEqual([-4, 3.75, 0.5]);
  });
});
