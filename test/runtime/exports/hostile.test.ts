/** Whatever stands in a file for `--assign`, it is an assignment or a diagnostic. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { prepareGraph } from "../../../compiler/compile.ts";
import { parseAssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { exportAssignment, exportSubject } from "../../../runtime/exports/index.ts";
import { readAssignment } from "../../../runtime/exports/read-assignment.ts";
import { openModel } from "../../../runtime/model.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "macroscope-hostile-"));
afterAll(() => rmSync(FOLDER, { recursive: true }));

const { graph } = await openModel("lenet5");
const LENET = prepareGraph(graph);
const SUBJECT = exportSubject({
  model: "lenet5",
  lowerable: LENET,
  assignment: { default: { datapath: "wide", format: "10,6" }, layers: { fc1: { weight: { quantizer: "ternary" } } } },
  where: "test",
});
const OF_HLS4ML = exportSubject({
  model: "lenet5",
  lowerable: LENET,
  assignment: { default: { datapath: "intrinsic", format: "10,6", biasOrder: "first" } },
  where: "test",
});
const FILES = (["json", "csv", "hls4ml"] as const).map((format) =>
  String(exportAssignment(format, format === "hls4ml" ? OF_HLS4ML : SUBJECT, LENET, graph)),
);

const network = async () => ({ imported: graph, lowerable: LENET, prescribes: false });

/** Undefined for a diagnostic; anything else that is thrown is a bug. */
async function readText(text: string): Promise<unknown> {
  const path = join(FOLDER, "assignment");
  writeFileSync(path, text);
  try {
    const { assignment } = await readAssignment(path, network);
    const parsed = parseAssignmentSpecification(assignment, path);
    exportSubject({ model: "m", lowerable: LENET, assignment: parsed, where: path });
    return parsed;
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

const PIECES = [
  "",
  "__proto__",
  "constructor",
  "-1",
  "1e999",
  "null",
  "[]",
  "{}",
  "\u0000",
  '"',
  "fixed<,>",
  "999999999",
  ",",
];

it("files with a piece cut out and another put in", async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...FILES),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(12),
      fc.constantFrom(...PIECES),
      async (file, place, length, piece) => {
        const at = Math.floor(place * file.length);
        if ((await readText(file.slice(0, at) + piece + file.slice(at + length))) === undefined) refused++;
      },
    ),
    { numRuns: process.env.MACROSCOPE_LONG === "1" ? 3000 : 150 },
  );
  expect(refused).toBeGreaterThan(20);
}, 120_000);

it.each([
  "layers: { __proto__: { format: '8,4' } }",
  "LayerName: { __proto__: { Precision: 'fixed<8,4>' } }",
  "LayerName: { toString: { Precision: { result: 'fixed<8,4>' } } }",
  "LayerName: { conv1: { Precision: { constructor: 'fixed<8,4>' } } }",
  "HLSConfig: null",
  '{"schema":"macroscope/run/1"}',
  '{"schema":"macroscope/bits/1","chosen":{"assignment":7},"configuration":{}}',
  '{"schema":["macroscope/run/1"],"configuration":{}}',
  "Model: { Precision: 'fixed<9,4>' }\nLayerName: { conv1: null, fc1: { Precision: { accum: auto, result: auto } } }",
  "Model: { Precision: { default: 'fixed<191,4>', maximum: 'ufixed<1,-900>' } }\nLayerName: { fc1: { Precision: auto } }",
  "a: &a [*a]",
  "[1, 2]",
  "7",
])("%s", async (text) => {
  await readText(text);
});
