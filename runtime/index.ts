/** The package's main entry: open, compile, run, report. */
export type { QuantizerContext, TensorQuantizer } from "../compiler/quantization/quantizers/quantizer.ts";
export { registerQuantizer } from "../compiler/quantization/quantizers/table.ts";
export * from "../isa/diagnostic.ts";
export { type CompareHooks, type CompareOutcome, compareSides, type SideRequest } from "./compare/compare.ts";
export {
  type ConfigurationFile,
  type ConfigurationPlaces,
  type RunConfiguration,
  readConfiguration,
  resolveConfiguration,
} from "./configuration.ts";
export type { Dataset, ImageBatch } from "./datasets/dataset.ts";
export { BUNDLED_DATASETS, type OpenOptions, openDataset } from "./datasets/open-dataset.ts";
export type { Preprocessing } from "./datasets/preprocessing/preprocessing.ts";
export { type PreprocessingSpecification, preprocessingFrom, RECIPE_NAMES } from "./datasets/preprocessing/recipes.ts";
export { type Dump, DumpWriter } from "./dump/dump.ts";
export { parseDump } from "./dump/parse-dump.ts";
export type { ConfiguredNetwork } from "./exports/hls4ml/read.ts";
export {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportSubject,
  exportAssignment,
  exportSubject,
  type SubjectRequest,
} from "./exports/index.ts";
export { type OpenNetwork, type ReadAssignment, readAssignment } from "./exports/read-assignment.ts";
export { BUNDLED_MODELS, openModel } from "./model.ts";
export { compareReportText } from "./report/text/compare-text.ts";
export { runReportText } from "./report/text/run-text.ts";
export type { CompareReport } from "./results/compare-report.ts";
export type { Candidate, CandidateCost, Evaluation, Evaluator, ImageSpan } from "./results/evaluation.ts";
export type { RunReport } from "./results/run-report.ts";
export type { SweepReport } from "./results/sweep-report.ts";
export { compileOnly } from "./session/compile-model.ts";
export { type SweepHooks, type SweepRequest, sweepModel } from "./session/exploration/run-sweep.ts";
export type { RunHooks, RunOutcome } from "./session/hooks.ts";
export { runModel } from "./session/run.ts";
export { openStudy, type Study, type StudyHooks } from "./study.ts";
