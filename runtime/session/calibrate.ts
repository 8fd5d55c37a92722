import type { Graph } from "../../compiler/graph/graph.ts";
import type { Calibration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { CalibrationTally } from "../float-reference/calibration.ts";
import { openFloatReference } from "./float.ts";
import type { RunHooks } from "./hooks.ts";
import { imageBatches } from "./image-batches.ts";

/** Ranges of every node of a graph over the first images of a data set, batch by batch. */
export async function calibrateOn(
  data: Dataset,
  graph: Graph,
  images: number,
  hooks: RunHooks = {},
): Promise<Calibration> {
  const count = Math.min(images, data.count);
  hooks.onStage?.("calibration", count);
  const { network } = await openFloatReference(graph);
  try {
    const tally = new CalibrationTally(network, count);
    for await (const batch of imageBatches(data, count)) {
      hooks.signal?.throwIfAborted();
      const progress = (done: number): void => hooks.onProgress?.(batch.first + done);
      await tally.add(batch.values, batch.first, batch.count, progress);
    }
    return { images: count, ranges: tally.ranges() };
  } finally {
    network.dispose();
  }
}
