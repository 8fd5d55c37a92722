import { quantizeWeights } from "../../compiler/quantization/quantize-weights.ts";
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import type { PreparedModel } from "../session/compile-model.ts";
import { type ExportFormat, type ExportSubject, exportAssignment, exportSubject } from "./index.ts";

export interface ExportOptions {
  /** `prepared.assignment`, or another for the same network. */
  readonly assignment: AssignmentSpecification;
  readonly seed: number;
  /** What diagnostics call the assignment: the file it stands in. */
  readonly where: string;
}

/** A prepared model's assignment in a format: the file's content, and what it was rendered from. Throws `DiagnosticError`. */
export function exportPrepared(
  format: ExportFormat,
  { name: model, graph, lowerable, calibration }: Pick<PreparedModel, "name" | "graph" | "lowerable" | "calibration">,
  { assignment, seed, where }: ExportOptions,
): { readonly content: string | Uint8Array; readonly subject: ExportSubject } {
  const ranges = calibration.ranges ?? {};
  const subject = exportSubject({ model, lowerable, assignment, calibration: ranges, seed, where });
  const quantized = quantizeWeights(lowerable, assignment, { seed, where });
  return { content: exportAssignment(format, subject, quantized, graph), subject };
}
