import type { Graph } from "../../compiler/graph/graph.ts";
import type { Calibration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { CalibrationTally } from "../float-reference/calibration.ts";
import type { ChannelRanges } from "../float-reference/measured-range.ts";
import { openFloatReference } from "./float.ts";
import type { RunHooks } from "./hooks.ts";
import { imageBatches } from "./image-batches.ts";

export interface Measured {
  readonly calibration: Calibration;
  /** Least and greatest whole sum with bias of each filter, by layer. */
  readonly filterSums: ReadonlyMap<string, ChannelRanges>;
}

/** Ranges of every node of a graph, and of every filter's sums, over the first images of a data set, batch by batch. */
export async function measureOn(data: Dataset, graph: Graph, images: number, hooks: RunHooks = {}): Promise<Measured> {
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
    return { calibration: { images: count, ranges: tally.ranges() }, filterSums: tally.filterSums() };
  } finally {
    network.dispose();
  }
}
