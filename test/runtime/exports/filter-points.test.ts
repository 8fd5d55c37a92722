/** Exports of layers whose filters have binary points of their own: carried whole, or refused with the reason. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../compiler/graph/builder.ts";
import type { Graph, Tensor } from "../../../compiler/graph/graph.ts";
import { readOnnxModel } from "../../../compiler/importers/onnx/index.ts";
import {
  type AssignmentSpecification,
  parseAssignmentSpecification,
} from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportSubject,
  exportAssignment,
  exportSubject,
} from "../../../runtime/exports/index.ts";
import { readAssignment } from "../../../runtime/exports/read-assignment.ts";
import { randomFloats } from "../../arbitraries/graph.ts";
import { differences } from "./subjects.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-filter-points-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

const tensor = (shape: readonly number[], seed: number): Tensor => {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: randomFloats(length, seed, -1, 1) };
};

function network(groups: number): Graph {
  const builder = new GraphBuilder("drawn", { name: "image", shape: [4, 5, 2] }, "test");
  const window = { strides: [1, 1], dilations: [1, 1], activation: "relu" } as const;
  const padding = { top: 1, bottom: 1, left: 1, right: 1 };
  builder.add({
    ...window,
    op: "conv2d",
    name: "conv",
    inputs: ["image"],
    kernel: tensor([3, 3, 1, 4], 1),
    bias: tensor([4], 2),
    padding,
    groups: 2,
  });
  builder.add({
    ...window,
    op: "convTranspose2d",
    name: "up",
    inputs: ["conv"],
    kernel: tensor([2, 2, 4 / groups, 4], 3),
    bias: null,
    padding: { top: 0, bottom: 0, left: 0, right: 0 },
    outputPadding: [0, 0],
    groups,
  });
  builder.add({ op: "reshape", name: "flat", inputs: ["up"], shape: [120] });
  const bias = tensor([3], 5);
  builder.add({ op: "dense", name: "fc", inputs: ["flat"], kernel: tensor([120, 3], 4), bias, activation: "none" });
  return builder.finish("fc");
}

const POINTS = { conv: [5, 9, 6, 5], up: [7, 7, 12, 8], fc: [6, 6, 30] } as const;
const ASSIGNMENT: AssignmentSpecification = {
  default: { datapath: "wide", format: "8,5" },
  layers: Object.fromEntries(
    Object.entries(POINTS).map(([name, perFilter]) => [
      name,
      { weight: { format: `8,${Math.min(...perFilter)}`, perFilter } },
    ]),
  ),
};

function subjectOf(graph: Graph, assignment: AssignmentSpecification = ASSIGNMENT): ExportSubject {
  return exportSubject({ model: "drawn", lowerable: graph, assignment, where: "drawn" });
}

const CARRY: readonly ExportFormat[] = ["json", "csv", "qonnx"];

describe("binary points per filter", () => {
  it.each(["json", "csv"] as const)("go through %s and come back", async (format) => {
    const graph = network(1);
    const subject = subjectOf(graph);
    const path = join(FOLDER, `assignment.${format}`);
    writeFileSync(path, exportAssignment(format, subject, graph, graph));
    const { assignment } = await readAssignment(path, () => Promise.reject(new Error("not of hls4ml")));
    const read = subjectOf(graph, parseAssignmentSpecification(assignment, path));
    expect(differences(subject, read)).toEqual([]);
    expect(read.layers.map(({ options }) => options.weightFractionLengths)).toEqual(Object.values(POINTS));
  });

  it("are scales along the filters' axis in QONNX", () => {
    const graph = network(1);
    const file = exportAssignment("qonnx", subjectOf(graph), graph, graph) as Uint8Array;
    const { constants, nodes } = readOnnxModel(file, "exported.onnx");
    for (const [name, shape] of [
      ["conv", [4, 1, 1, 1]],
      ["up", [1, 4, 1, 1]],
      ["fc", [1, 3]],
    ] as const) {
      const quant = nodes.find(({ operator, inputs }) => operator === "Quant" && inputs[0] === `${name}/kernel`);
      const scale = constants.get(quant?.inputs[1] ?? "");
      expect(scale?.shape).toEqual(shape);
      expect(Array.from(scale?.data ?? [], Number)).toEqual(POINTS[name].map((length) => 2 ** -length));
    }
  });

  it("are refused by QONNX for a transposed convolution in groups, by name", () => {
    const graph = network(2);
    expect(() => exportAssignment("qonnx", subjectOf(graph), graph, graph)).toThrow(/EXPORT_MODE.*"up".*groups/);
  });

  it.each(EXPORT_FORMATS.filter((format) => !CARRY.includes(format)))("are refused by %s for every layer", (format) => {
    const graph = network(1);
    try {
      exportAssignment(format, subjectOf(graph), graph, graph);
      expect.fail("not refused");
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      expect(error.diagnostics.map(({ code, where }) => `${code} ${where}`)).toEqual(
        ["conv", "up", "fc"].map((name) => `EXPORT_MODE layer "${name}": weight`),
      );
    }
  });
});
