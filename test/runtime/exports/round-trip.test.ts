import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { prepareGraph } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { parseAssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { isAssignmentCsv } from "../../../runtime/exports/csv.ts";
import {
  type ExportFormat,
  type ExportSubject,
  exportAssignment,
  exportSubject,
} from "../../../runtime/exports/index.ts";
import { readAssignment } from "../../../runtime/exports/read-assignment.ts";
import { openModel } from "../../../runtime/model.ts";
import { differences, drawnSubjects } from "./subjects.ts";

const LONG = process.env.MACROSCOPE_LONG === "1";
const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-exports-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

/** Written, read by `--assign`'s reader, and resolved for the same network. */
async function readBack(format: ExportFormat, subject: ExportSubject, graph: Graph): Promise<ExportSubject> {
  const path = join(FOLDER, `assignment.${format}`);
  writeFileSync(path, exportAssignment(format, subject, graph, graph));
  const { assignment } = await readAssignment(path, async () => ({
    imported: graph,
    lowerable: graph,
    prescribes: false,
  }));
  return exportSubject({
    model: subject.model,
    lowerable: graph,
    assignment: parseAssignmentSpecification(assignment, path),
    where: path,
  });
}

describe("an assignment that is exported and read back", () => {
  it.each(["json", "csv"] as const)("is the same through %s, whatever its modes", async (format) => {
    await fc.assert(
      fc.asyncProperty(drawnSubjects(), async ({ graph, subject }) => {
        expect(differences(subject, await readBack(format, subject, graph))).toEqual([]);
      }),
      { numRuns: LONG ? 2000 : 60 },
    );
  });

  it("is the same through hls4ml where it can be read there, or what hls4ml lacks is named", async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(drawnSubjects(), async ({ graph, subject }) => {
        try {
          exportAssignment("hls4ml", subject, graph, graph);
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
          for (const { code } of error.diagnostics) expect(code).toMatch(/^EXPORT_(MODE|HLS4ML)$/);
          refused++;
        }
      }),
      { numRuns: LONG ? 3000 : 100 },
    );
    expect(refused).toBeGreaterThan(5);
  });

  it("is the same for the bundled LeNet, exact registers of more than 64 bits included", async () => {
    const { graph } = await openModel("lenet5");
    const lowerable = prepareGraph(graph);
    const assignment = {
      default: { datapath: "tensorquant", format: "12,7" },
      layers: {
        conv1: { datapath: "wide", format: "u8,8", weight: { format: "8,6", overflow: "saturate-symmetric" } },
        conv2: { format: "48,40", product: "exact", accumulator: "exact", bias: "32,20" },
      },
    } as const;
    const layers = lowerable.nodes.map(({ name }) => name);
    const known = Object.fromEntries(
      Object.entries(assignment.layers).map(([, entry], index) => [layers[2 * index] ?? "", entry]),
    );
    const subject = exportSubject({
      model: "lenet5",
      lowerable,
      assignment: { default: assignment.default, layers: known },
      where: "test",
    });
    const longest = Math.max(...subject.layers.flatMap((l) => l.registers.map(({ spec }) => spec.format.wordLength)));
    expect(longest).toBeGreaterThan(64);
    for (const format of ["json", "csv"] as const) {
      expect(differences(subject, await readBack(format, subject, lowerable))).toEqual([]);
    }
  });

  it("is told apart by its content", () => {
    expect(isAssignmentCsv("\uFEFFlayer,kind,register,word_length\n")).toBe(true);
    expect(isAssignmentCsv("layers: {}")).toBe(false);
  });
});
