/** The importer's two functions: which shards a model needs, and the model as a graph. */
export { importTfjsLayersModel } from "./import.ts";
export { tfjsWeightPaths } from "./model-json.ts";
