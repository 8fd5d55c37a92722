/** The importer's functions: which shards a model needs, and models of both kinds as graphs. */
import type { Graph } from "../../graph/graph.ts";
import { importTfjsGraphModel } from "./graph-model/import.ts";
import { importTfjsLayersModel } from "./import.ts";
import { isGraphModel } from "./model-json.ts";

export { importTfjsGraphModel } from "./graph-model/import.ts";
export { importTfjsLayersModel } from "./import.ts";
export { tfjsWeightPaths } from "./model-json.ts";

/** A layers model or a graph model, whichever the file holds. As the two functions of which it chooses one. */
export function importTfjsModel(modelJson: unknown, weights: Uint8Array, where: string): Graph {
  const importModel = isGraphModel(modelJson) ? importTfjsGraphModel : importTfjsLayersModel;
  return importModel(modelJson, weights, where);
}
