/** A sweep on a network: the study, the journal and the grid or a ready experiment together. */

import type { AssignmentSpecification, LayerEntry } from "../../../compiler/quantization/specification.ts";
import { blockSubunits } from "../../../compiler/quantization/subunits.ts";
import { usesCalibration } from "../../../compiler/quantization/uses-calibration.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { parseRoundingMode } from "../../../isa/numerics/rounding.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { canonicalDigest } from "../../exploration/journal/canonical-json.ts";
import { Journal } from "../../exploration/journal/journal.ts";
import { expandGrid, type Grid, imagesOf } from "../../exploration/sweep/grid.ts";
import { parseSubunits } from "../../exploration/sweep/subunits.ts";
import { runSweep } from "../../exploration/sweep/sweep.ts";
import { readSweepRecord } from "../../exploration/sweep/sweep-record.ts";
import type { Candidate, ImageSpan } from "../../results/evaluation.ts";
import type { SweepPoint, SweepRecord, SweepReport } from "../../results/sweep-report.ts";
import type { RunHooks } from "../hooks.ts";
import { resourcesSince } from "../resources.ts";
import { openStudy, type Study } from "../study/study.ts";
import { imagesDigest, studyIdentity } from "../study/study-identity.ts";
import type { ExperimentRequest } from "./experiment-request.ts";
import { experimentImages, runStudyExperiment } from "./run-experiment.ts";

export interface SweepRequest {
  readonly grid: Omit<Grid, "subunits" | "images" | "search">;
  /** A ready experiment in the place of the grid; null: the grid. */
  readonly experiment: ExperimentRequest | null;
  /** `blocks`, or as `parseSubunits` reads it. */
  readonly layers: string;
  /** Images apart on which `best` chooses a fraction length. */
  readonly searchImages: number;
  /** Null: results are kept nowhere before the end. */
  readonly journal: string | null;
  /** As the command line said it, for the report. */
  readonly written: Readonly<Record<string, unknown>>;
  /** Of macroscope. */
  readonly version: string;
}

export interface SweepHooks extends RunHooks {
  /** What happened to the journal or the grid that someone should know. */
  readonly onNote?: (note: string) => void;
}

/** Runs every point of the grid that the journal does not hold. The images of `best` are those behind `configuration.images`. */
export async function sweepModel(
  configuration: RunConfiguration,
  request: SweepRequest,
  hooks: SweepHooks = {},
): Promise<SweepReport> {
  const started = performance.now();
  const { experiment } = request;
  const searched = experiment === null && request.grid.fractionLengths.includes("best") ? request.searchImages : 0;
  const calibrate = request.grid.fractionLengths.includes("auto") || usesCalibration(configuration.assignment);
  const study = await openStudy({ ...configuration, images: configuration.images + searched }, { ...hooks, calibrate });
  try {
    const images = study.images - searched;
    if (images < 1) {
      const what = `${study.images} images, of which ${searched} would choose fraction lengths`;
      throw diagnosticError("IMAGES", configuration.data, what, "give more images, or fewer --search-images");
    }
    const subunits =
      request.layers === "blocks"
        ? blockSubunits(study.parts.prepared.lowerable)
        : parseSubunits(request.layers, study.layers, "--layers");
    const expanded =
      experiment === null
        ? expandGrid({ ...request.grid, subunits, images, search: { first: images, images: searched } })
        : { entries: [], skipped: 0 };
    if (images < configuration.images && searched > 0) {
      hooks.onNote?.(`${images} images for results: the ${searched} behind them choose fraction lengths`);
    }
    if (expanded.skipped > 0) {
      hooks.onNote?.(`${expanded.skipped} points left out: F above W − 1 leaves no bit for the sign`);
    }
    // One image tells data sets apart; keys hold the content of all that a point runs.
    const shared = await studyIdentity(study.parts, 1, request.version);
    const journal = await openJournal(study, shared, request.journal, hooks);
    try {
      const total = experiment === null ? imagesOf(expanded) : await experimentImages(study, experiment, images);
      hooks.onStage?.(experiment?.name ?? "sweep", total);
      const keyOf = keysOf(study, shared, configuration.assignment);
      const job = {
        evaluator: study,
        candidateOf: (point: SweepPoint) => candidateOf(configuration.assignment, point),
        keyOf,
        known: journal?.entries ?? [],
        keep: async (record: SweepRecord) => journal?.append(record),
        ...(hooks.signal && { signal: hooks.signal }),
        ...(hooks.onProgress && { onProgress: hooks.onProgress }),
      };
      const ready = experiment === null ? null : await runStudyExperiment(study, experiment, images, job);
      const { records, refused } = ready?.sweep ?? (await runSweep({ ...job, entries: expanded.entries }));
      const [first] = refused;
      if (records.length === 0 && first !== undefined) {
        throw diagnosticError("GRID", pointText(first.point), first.why, "no point of this grid can be; give others");
      }
      const { prepared, data, float } = study.parts;
      return {
        schema: "macroscope/sweep/1",
        configuration: { ...study.parts.configuration, images },
        request: request.written,
        model: prepared.name,
        weights: prepared.weights,
        data: data.name,
        floatBackend: float.backend,
        records,
        ...(ready !== null && { experiment: ready.experiment }),
        ...(refused.length > 0 && { refused }),
        resources: resourcesSince(started),
      };
    } finally {
      await journal?.close();
    }
  } finally {
    await study.close();
  }
}

async function openJournal(
  { parts }: Study,
  shared: Readonly<Record<string, unknown>>,
  path: string | null,
  { onNote }: SweepHooks,
): Promise<Journal<SweepRecord> | null> {
  if (path === null) return null;
  const { model, data, seed } = parts.configuration;
  const about = { model, data, seed, version: shared.version, floatBackend: shared.floatBackend };
  const schema = "macroscope/sweep-journal/1";
  const journal = await Journal.open({ path, schema, shared, about, parse: readSweepRecord });
  const { entries, cutBytes } = journal;
  if (cutBytes > 0) onNote?.(`${path}: cut off a torn last line of ${cutBytes} bytes`);
  if (entries.length > 0) onNote?.(`${path}: ${entries.length} results are there already`);
  return journal;
}

/** The word lengths of a point over those that the configuration gives single layers. */
export function candidateOf(base: AssignmentSpecification, point: SweepPoint): Candidate {
  const { overflow: _, ...common }: LayerEntry = base.default ?? {};
  const { datapath, wordLength, fractionLength, rounding, overflow, layers } = point;
  const format = `${wordLength},${fractionLength}`;
  const modes = { rounding: parseRoundingMode(rounding), ...(overflow !== null && { overflow }) };
  const entry: LayerEntry = { ...common, datapath, format, ...modes };
  return { assignment: { ...base, default: entry }, layers };
}

/** SHA-256 of everything that decides the result of a point: what all share, word lengths, ranges, images and their content. */
function keysOf(
  { parts }: Study,
  shared: Readonly<Record<string, unknown>>,
  base: AssignmentSpecification,
): (point: SweepPoint) => Promise<string> {
  const contents = new Map<string, Promise<string>>();
  const contentOf = (span: ImageSpan): Promise<string> => {
    const name = `${span.first} ${span.images}`;
    const known = contents.get(name) ?? imagesDigest(parts.data, span);
    contents.set(name, known);
    return known;
  };
  return async (point) => {
    const candidate = candidateOf(base, point);
    const ranges = usesCalibration(candidate.assignment) ? parts.prepared.calibration.ranges : null;
    const span = { first: point.first ?? 0, images: point.images };
    return canonicalDigest({ shared, candidate, ranges, span, content: await contentOf(span) });
  };
}

/** `intrinsic 8,4 nearest`. */
export function pointText({ datapath, wordLength, fractionLength, rounding, overflow, subunit }: SweepPoint): string {
  const parts = [datapath, `${wordLength},${fractionLength}`, rounding, overflow, subunit];
  return parts.filter((part) => part !== null).join(" ");
}
