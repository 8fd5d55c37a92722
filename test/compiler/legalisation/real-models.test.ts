import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { printGraph } from "../../../compiler/graph/print.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import { legalise } from "../../../compiler/legalisation/index.ts";
import { prepareGraph } from "../../../compiler/prepare-graph.ts";

const DATA = resolve(import.meta.dirname, "../../../../shared/data");
const DATA2 = "/work/shared/data";

describe("x", () => {
  for (const m of ["lenet-mnist/model", "resnet20-cifar10/model", "googlenet-imagenet/model", "frontnet-int8/Frontnet"]) {
    it(m, () => {
      const g = readOnnxModel(readFileSync(`${DATA2}/${m}.onnx`), m);
      const { graph, assignment } = legalise(g, { where: m });
      console.log(printGraph(prepareGraph(graph)), JSON.stringify(assignment, null, 1));
    });
  }
});
