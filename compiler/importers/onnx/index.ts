/** The importer's functions: which files a model needs beside its own, and the model as a tensor graph. */
export type { ExternalFile } from "./external-data.ts";
export { type ExternalData, onnxExternalFiles, readOnnxModel } from "./model.ts";
