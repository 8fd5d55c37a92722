/** An assignment in every language that the designer speaks. */
import type { Graph } from "../../compiler/graph/graph.ts";
import { cppHeader } from "./cpp.ts";
import { assignmentCsv } from "./csv.ts";
import { hls4mlConfiguration } from "./hls4ml.ts";
import { assignmentJson } from "./json.ts";
import { matlabFunction } from "./matlab.ts";
import { qonnxModel } from "./qonnx/qonnx.ts";
import { QONNX_REGISTERS } from "./qonnx/quant.ts";
import type { ExportSubject } from "./subject.ts";
import { systemverilogPackage } from "./systemverilog.ts";
import { vhdlPackage } from "./vhdl.ts";

export { type ExportSubject, exportSubject, type SubjectRequest } from "./subject.ts";

export const EXPORT_FORMATS = [
  "json",
  "csv",
  "hls4ml",
  "cpp-ap",
  "cpp-ac",
  "cpp-sc",
  "systemverilog",
  "vhdl",
  "qonnx",
  "matlab",
] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface Exporter {
  /** Of the file, with the dot. */
  readonly suffix: string;
  /** What a reader of the file should know of what it leaves out; one line. */
  readonly leavesOut: string | null;
  render(subject: ExportSubject, lowerable: Graph): string | Uint8Array;
}

const TYPES_ONLY = "types alone: which operands a layer loads again, and how average pools divide, are not in it";

export const EXPORTERS: Readonly<Record<ExportFormat, Exporter>> = {
  json: { suffix: ".json", leavesOut: null, render: assignmentJson },
  csv: { suffix: ".csv", leavesOut: null, render: assignmentCsv },
  hls4ml: { suffix: ".yaml", leavesOut: null, render: hls4mlConfiguration },
  "cpp-ap": { suffix: ".h", leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "ap") },
  "cpp-ac": { suffix: ".h", leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "ac") },
  "cpp-sc": { suffix: ".h", leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "sc") },
  systemverilog: { suffix: ".sv", leavesOut: TYPES_ONLY, render: systemverilogPackage },
  vhdl: { suffix: ".vhd", leavesOut: TYPES_ONLY, render: vhdlPackage },
  qonnx: {
    suffix: ".onnx",
    leavesOut: `QONNX has ${QONNX_REGISTERS.join(", ")} alone: products and accumulators are not in it`,
    render: qonnxModel,
  },
  matlab: { suffix: ".m", leavesOut: TYPES_ONLY, render: matlabFunction },
};

/**
 * The file's content. `subject` and `lowerable` are of the same network. Throws `DiagnosticError` where the format has no equal
 * of a mode that acts.
 */
export function exportAssignment(format: ExportFormat, subject: ExportSubject, lowerable: Graph): string | Uint8Array {
  return EXPORTERS[format].render(subject, lowerable);
}
