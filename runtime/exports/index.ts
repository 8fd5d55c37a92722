/** An assignment in every language that the designer speaks. */
import type { Graph } from "../../compiler/graph/graph.ts";
import { DiagnosticError } from "../../isa/diagnostic.ts";
import { cppHeader } from "./cpp.ts";
import { assignmentCsv } from "./csv.ts";
import { hls4mlConfiguration } from "./hls4ml/write.ts";
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
  /** Whether it can say that the weights of each filter have a binary point of their own. */
  readonly perFilter: boolean;
  /** `imported`: the network before the compiler's passes. */
  render(subject: ExportSubject, lowerable: Graph, imported: Graph): string | Uint8Array;
}

const TYPES_ONLY = "types alone: which operands a layer loads again, and how average pools divide, are not in it";

export const EXPORTERS: Readonly<Record<ExportFormat, Exporter>> = {
  json: { suffix: ".json", perFilter: true, leavesOut: null, render: assignmentJson },
  csv: { suffix: ".csv", perFilter: true, leavesOut: null, render: assignmentCsv },
  hls4ml: { suffix: ".yaml", perFilter: false, leavesOut: null, render: hls4mlConfiguration },
  "cpp-ap": { suffix: ".h", perFilter: false, leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "ap") },
  "cpp-ac": { suffix: ".h", perFilter: false, leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "ac") },
  "cpp-sc": { suffix: ".h", perFilter: false, leavesOut: TYPES_ONLY, render: (subject) => cppHeader(subject, "sc") },
  systemverilog: { suffix: ".sv", perFilter: false, leavesOut: TYPES_ONLY, render: systemverilogPackage },
  vhdl: { suffix: ".vhd", perFilter: false, leavesOut: TYPES_ONLY, render: vhdlPackage },
  qonnx: {
    suffix: ".onnx",
    perFilter: true,
    leavesOut: `QONNX has ${QONNX_REGISTERS.join(", ")} alone: products and accumulators are not in it`,
    render: qonnxModel,
  },
  matlab: { suffix: ".m", perFilter: false, leavesOut: TYPES_ONLY, render: matlabFunction },
};

/**
 * The file's content. `subject`, `lowerable` and `imported` (before the passes) are of the same network. Throws `DiagnosticError` where the format has no equal
 * of a mode that acts.
 */
export function exportAssignment(
  format: ExportFormat,
  subject: ExportSubject,
  lowerable: Graph,
  imported: Graph,
): string | Uint8Array {
  if (!EXPORTERS[format].perFilter) requireOnePoint(subject, format);
  if (format === "hls4ml") requireOwnChannels(subject);
  return EXPORTERS[format].render(subject, lowerable, imported);
}

/** hls4ml quantizes the user's own model. */
function requireOwnChannels({ layers }: ExportSubject): void {
  const found = layers
    .filter(({ options }) => options.channelExponents !== undefined)
    .map(({ name }) => ({
      code: "EXPORT_HLS4ML",
      where: `layer "${name}"`,
      what: "its output channels are scaled by powers of two, and hls4ml takes its weights from your own model",
      hint: "write the scaled model with --to qonnx, or decide formats again with --equalize none",
    }));
  if (found.length > 0) throw new DiagnosticError(found);
}

/** A type has one binary point. */
function requireOnePoint({ layers }: ExportSubject, format: ExportFormat): void {
  const found = layers
    .filter(({ options }) => options.weightFractionLengths !== undefined)
    .map(({ name }) => ({
      code: "EXPORT_MODE",
      where: `layer "${name}": weight`,
      what: `the weights have a binary point per filter, and a type of ${format} has one for all`,
      hint: "set weight: { perFilter: false } for the layer, or export to json, csv or qonnx",
    }));
  if (found.length > 0) throw new DiagnosticError(found);
}
