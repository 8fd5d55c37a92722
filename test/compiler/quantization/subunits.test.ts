import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerGroups } from "../../../compiler/hybrid/layer-groups.ts";
import { NETWORK_NAMES, NETWORKS } from "../../../compiler/networks/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";
import { layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import {
  blockSubunits,
  layerSubunits,
  patternSubunits,
  type Subunit,
} from "../../../compiler/quantization/subunits.ts";
import { openModel } from "../../../runtime/model.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { dataPath } from "../../results/real-networks.ts";
import { lenet } from "../compile/networks.ts";

const names = (subunits: readonly Subunit[]): readonly string[] => subunits.map(({ name }) => name);

describe("subunits", () => {
  it("of a network without branches are its layers", () => {
    const graph = prepareGraph(lenet());
    expect(names(blockSubunits(graph))).toEqual(["conv1", "pool1", "conv2", "pool2", "fc1", "fc2"]);
    expect(blockSubunits(graph)).toEqual(layerSubunits(graph));
  });

  it("of Inception V3 are the rows of Table 5, but for the classifiers", () => {
    const found = names(blockSubunits(prepareGraph(NETWORKS.inception_v3(1))));
    expect(found.slice(0, 18)).toEqual([
      ...["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_3a_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"],
      ...["MaxPool_5a_3x3", "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d"],
      ...["Mixed_6e", "Mixed_7a", "Mixed_7b", "Mixed_7c"],
    ]);
    expect(found).toHaveLength(20);
  }, 60_000);

  it("of SqueezeNet are its fire modules, of ResNet 50 its sixteen blocks", () => {
    expect(names(blockSubunits(prepareGraph(NETWORKS.squeezenet(1)))).slice(0, 6)).toEqual([
      ...["conv1", "pool1", "fire2", "fire3", "fire4", "pool2"],
    ]);
    const blocks = blockSubunits(prepareGraph(NETWORKS.resnet50(1))).filter(({ layers }) => layers.length > 1);
    expect(blocks).toHaveLength(16);
    expect(blocks[0]).toEqual({
      name: "conv2_1",
      layers: ["conv2_1/a", "conv2_1/b", "conv2_1/c", "conv2_1/shortcut", "conv2_1/add"],
    });
  }, 60_000);

  it.each(NETWORK_NAMES.filter((name) => name !== "resnet152"))(
    "of %s have different names and hold every layer once, in order",
    { timeout: 60_000 },
    (name) => {
      const graph = prepareGraph(NETWORKS[name](1));
      const subunits = blockSubunits(graph);
      expect(new Set(names(subunits)).size).toBe(subunits.length);
      expect(subunits.flatMap(({ layers }) => layers)).toEqual(layerFacts(graph).map((layer) => layer.name));
    },
  );

  const googlenet = dataPath("googlenet-imagenet");
  it.skipIf(!existsSync(googlenet))(
    "of GoogLeNet from ONNX are its nine modules and what stands between",
    async () => {
      const { graph } = await openModel(googlenet);
      const found = names(blockSubunits(prepareGraph(graph)));
      expect(found.filter((name) => name.startsWith("inception_"))).toEqual(
        ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"].map((module) => `inception_${module}`),
      );
      expect(found).toHaveLength(20);
    },
    60_000,
  );

  it("have one entry and one exit: the machine takes each as one program", () => {
    fc.assert(
      fc.property(graphWithInput({ stage: "lowerable", maximumSteps: 12 }), ({ graph }) => {
        const prepared = prepareGraph(graph);
        const last = prepared.nodes.at(-1);
        // The softmax runs on the host.
        const bare =
          last?.op === "softmax" && prepared.nodes.length > 1
            ? { ...prepared, nodes: prepared.nodes.slice(0, -1), output: last.inputs[0] ?? "" }
            : prepared;
        const subunits = blockSubunits(prepared);
        expect(subunits.flatMap(({ layers }) => layers)).toEqual(layerFacts(prepared).map(({ name }) => name));
        for (const { layers } of subunits) {
          const groups = layerGroups(bare, new Set(layers));
          expect(groups).toHaveLength(1);
          expect(groups[0]?.entries).toHaveLength(1);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("by pattern may overlap, bear names of their own, and are refused where nothing matches", () => {
    const graph = prepareGraph(lenet());
    expect(patternSubunits(graph, ["stem=conv1,pool1", "fc*", "conv2"], "--subunits")).toEqual([
      { name: "stem", layers: ["conv1", "pool1"] },
      { name: "fc*", layers: ["fc1", "fc2"] },
      { name: "conv2", layers: ["conv2"] },
    ]);
    expect(() => patternSubunits(graph, ["conv1", "fire*"], "--subunits")).toThrow(/UNKNOWN_LAYER.*--subunits.*fire/s);
  });
});
