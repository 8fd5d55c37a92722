import type { Graph } from "../../compiler/graph/graph.ts";
import type { CalibratedRange } from "../../isa/datapath.ts";
import { nameRecord } from "../../isa/name-record.ts";
import type { Calibration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { calibrate } from "../float-reference/calibration.ts";
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
    let ranges = nameRecord<CalibratedRange>();
    for await (const batch of imageBatches(data, count)) {
      hooks.signal?.throwIfAborted();
      const progress = (done: number): void => hooks.onProgress?.(batch.first + done);
      ranges = widened(ranges, await calibrate(network, batch.values, batch.count, progress));
    }
    return { images: count, ranges };
  } finally {
    network.dispose();
  }
}

function widened(
  a: Readonly<Record<string, CalibratedRange>>,
  b: Readonly<Record<string, CalibratedRange>>,
): Record<string, CalibratedRange> {
  return nameRecord(
    Object.entries(b).map(([name, range]) => {
      const { min, max } = (Object.hasOwn(a, name) ? a[name] : undefined) ?? range;
      return [name, { min: Math.min(min, range.min), max: Math.max(max, range.max) }];
    }),
  );
}
