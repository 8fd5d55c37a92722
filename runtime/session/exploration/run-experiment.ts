/** A ready experiment on a study: its subunits, its points through the sweep's memory and journal, its tables. */
import type { Graph } from "../../../compiler/graph/graph.ts";
import {
  blockSubunits,
  layerSubunits,
  patternSubunits,
  type Subunit,
} from "../../../compiler/quantization/subunits.ts";
import type { ExperimentSetting, MeasurePoints } from "../../exploration/sweep/experiment.ts";
import { parseItems } from "../../exploration/sweep/number-list.ts";
import { runExperiment } from "../../exploration/sweep/paper-experiments.ts";
import { measurePoints, type SweepJob, type SweepOutcome } from "../../exploration/sweep/sweep.ts";
import type { ExperimentReport } from "../../results/experiment-report.ts";
import type { Study } from "../study/study.ts";
import type { ExperimentRequest } from "./experiment-request.ts";

export interface ExperimentOutcome {
  readonly sweep: SweepOutcome;
  readonly experiment: ExperimentReport;
}

/** `images`: the first ones, of every point. */
export async function runStudyExperiment(
  study: Pick<Study, "parts">,
  request: ExperimentRequest,
  images: number,
  job: Omit<SweepJob, "entries">,
): Promise<ExperimentOutcome> {
  const setting = settingOf(study, request, images);
  const { outcome, value } = await measurePoints(job, (measure) =>
    runExperiment(request.name, { ...setting, measure }),
  );
  return { sweep: outcome, experiment: value };
}

/** Images of all points together; of a search that ends early, the most. */
export async function experimentImages(
  study: Pick<Study, "parts">,
  request: ExperimentRequest,
  images: number,
): Promise<number> {
  const asked = new Set<string>();
  const measure: MeasurePoints = async (points) => {
    for (const point of points) asked.add(JSON.stringify(point));
    return points.map(() => null);
  };
  await runExperiment(request.name, { ...settingOf(study, request, images), measure });
  return asked.size * images;
}

function settingOf(
  { parts }: Pick<Study, "parts">,
  { subunits, wordLengths, intrinsic }: ExperimentRequest,
  images: number,
): Omit<ExperimentSetting, "measure"> {
  const { lowerable, name: model } = parts.prepared;
  return { model, images, subunits: subunitsOf(lowerable, subunits), intrinsic, wordLengths };
}

function subunitsOf(graph: Graph, text: string): readonly Subunit[] {
  if (text === "blocks") return blockSubunits(graph);
  if (text === "layers") return layerSubunits(graph);
  return patternSubunits(graph, parseItems(text, "--subunits", ";"), "--subunits");
}
