/** The package's `./compiler` entry: graphs, importers, formats and compilation. */
export * from "./compile.ts";
export type * from "./graph/graph.ts";
export { inferShapes } from "./graph/infer-shapes.ts";
export { printGraph } from "./graph/print.ts";
export { verifyGraph } from "./graph/verify.ts";
export {
  type ExternalData,
  type ExternalFile,
  onnxExternalFiles,
  readOnnxModel,
} from "./importers/onnx/index.ts";
export {
  importTfjsGraphModel,
  importTfjsLayersModel,
  importTfjsModel,
  tfjsWeightPaths,
} from "./importers/tfjs/index.ts";
export {
  type LegalisedNetwork,
  type LegaliseOptions,
  legalise,
  underSpecification,
} from "./legalisation/index.ts";
export {
  loadWeights,
  NETWORK_NAMES,
  NETWORKS,
  type NetworkName,
  type NetworkSize,
  networkSize,
} from "./networks/index.ts";
export { automaticFormat } from "./quantization/automatic-format.ts";
export { type LayerFacts, layerFacts } from "./quantization/layer-facts.ts";
export { quantizeWeights } from "./quantization/quantize-weights.ts";
export type { QuantizerContext, QuantizerDefinition, TensorQuantizer } from "./quantization/quantizers/quantizer.ts";
export { QUANTIZERS, registerQuantizer } from "./quantization/quantizers/table.ts";
export {
  type Calibration,
  type OutputPoint,
  type ResolvedAssignment,
  type ResolveRequest,
  resolveAssignment,
  resolveOutputs,
} from "./quantization/resolve-assignment.ts";
export type { LayerOptions } from "./quantization/resolve-layer.ts";
export {
  type AssignmentSpecification,
  type LayerEntry,
  PRESET_NAMES,
  type PresetName,
  parseAssignmentSpecification,
  type RegisterEntry,
  type RegisterFields,
} from "./quantization/specification.ts";
export type * from "./tensor-graph/tensor-graph.ts";
