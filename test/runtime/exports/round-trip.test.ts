import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { prepareGraph } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { parseAssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { registerText } from "../../../isa/register.ts";
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
  writeFileSync(path, exportAssignment(format, subject, graph));
  const { assignment } = await readAssignment(path);
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

  it("is the same through hls4ml, or every mode that hls4ml lacks is named", async () => {
    let refused = 0;
    let same = 0;
    await fc.assert(
      fc.asyncProperty(drawnSubjects(), async ({ graph, subject }) => {
        try {
          expect(differences(subject, await readBack("hls4ml", subject, graph))).toEqual([]);
          same++;
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
          for (const { code } of error.diagnostics) expect(code).toBe("EXPORT_MODE");
          refused++;
        }
      }),
      { numRuns: LONG ? 3000 : 100 },
    );
    expect(same).toBeGreaterThan(5);
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
    for (const format of ["json", "csv", "hls4ml"] as const) {
      expect(differences(subject, await readBack(format, subject, lowerable))).toEqual([]);
    }
  });

  it("takes what was edited in hls4ml's own part, and refuses what contradicts it", async () => {
    const { graph } = await openModel("lenet5");
    const lowerable = prepareGraph(graph);
    const assignment = { default: { datapath: "wide", format: "10,6" } };
    const subject = exportSubject({ model: "lenet5", lowerable, assignment, where: "test" });
    const text = String(exportAssignment("hls4ml", subject, lowerable));
    const path = join(FOLDER, "edited.yaml");
    const edited = async (from: string, to: string): Promise<string> => {
      expect(text).toContain(from);
      writeFileSync(path, text.replace(from, to));
      const read = parseAssignmentSpecification((await readAssignment(path)).assignment, path);
      const { layers } = exportSubject({ model: "lenet5", lowerable, assignment: read, where: path });
      return layers[0]?.registers.map(({ register, spec }) => `${register} ${registerText(spec)}`).join("; ") ?? "";
    };
    expect(await edited("weight: fixed<10,4,RND_INF,SAT>", "weight: fixed<7,2,RND>")).toContain(
      "weight 7,5 nearest-up wrap ap",
    );
    // A type for the whole layer overrules what macroscope knows of it.
    const whole = /conv1:\n {4}Precision:\n( {6}.*\n)+/.exec(text)?.[0] ?? "";
    expect(await edited(whole, "conv1:\n    Precision: fixed<12,3>\n")).toContain("output 12,9 down wrap ap");
    await expect(
      edited("pool1:\n    Precision:\n      result: fixed<10,4", "pool1:\n    Precision:\n      result: fixed<9,4"),
    ).rejects.toThrow(/output follows from its input/);
  });

  it("is told apart by its content", () => {
    expect(isAssignmentCsv("\uFEFFlayer,kind,register,word_length\n")).toBe(true);
    expect(isAssignmentCsv("layers: {}")).toBe(false);
  });
});
