/** `macroscope bits`: opens search and final images, searches, and reports the assignment that was found. */
import type {
  AssignmentSpecification,
  LayerEntry,
  Verification,
} from "../../../compiler/quantization/specification.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { DATAPATH_REGISTERS } from "../../../isa/program/datapath.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { randomSeed } from "../../datasets/random-images.ts";
import { Journal } from "../../exploration/journal/journal.ts";
import {
  BITS_JOURNAL,
  JournalStore,
  type OutcomeEntry,
  parseOutcomeEntry,
} from "../../exploration/journal/journal-store.ts";
import type { CostWeights } from "../../exploration/search/objective.ts";
import { type ImagesOf, type SearchHooks, search } from "../../exploration/search/search.ts";
import type { Target } from "../../exploration/search/target.ts";
import type { BitsReport, MeasuredAssignment, Objective, Strategy } from "../../results/bits-report.ts";
import type { ImageSpan } from "../../results/evaluation.ts";
import type { RunHooks } from "../hooks.ts";
import { resourcesSince } from "../resources.ts";
import { openStudy, type Study } from "../study/study.ts";
import { studyIdentity } from "../study/study-identity.ts";
import { searchSpaceOf } from "./search-space.ts";

export interface BitsRequest {
  readonly target: Target;
  readonly objective: Objective;
  readonly weights: CostWeights;
  readonly strategy: Strategy;
  /** Data of the search; null: the first half of the data. */
  readonly searchData: string | null;
  /** Images of the search and of the final figures, at most; null: 1,000 each, or a half each of shared data with fewer; 16 drawn ones. */
  readonly searchImages: number | null;
  readonly finalImages: number | null;
  /** See `TrialSettings`. */
  readonly errorProbability: number;
  /** See `SpaceOptions`. */
  readonly marginBits: number;
  readonly observedImages: number;
  /** File that keeps outcomes as they come; null: they are kept nowhere. */
  readonly journal: string | null;
  /** Of macroscope. */
  readonly version: string;
}

export interface BitsHooks extends RunHooks, Omit<SearchHooks, "store"> {
  /** What happened to the journal that someone should know. */
  readonly onNote?: (note: string) => void;
}

/** Bits of every register where the search begins. */
const START_WORD_LENGTH = 16;

/** Images of the search, and of the final figures, where nothing is said; and of drawn ones. */
const USUAL_IMAGES = 1000;
const DRAWN_IMAGES = 16;

/** Reads files; prints nothing. Throws `DiagnosticError` for wrong input, `FaultError` where the machine faults. */
export async function findBits(
  configuration: RunConfiguration,
  request: BitsRequest,
  hooks: BitsHooks = {},
): Promise<BitsReport> {
  const started = performance.now();
  const defaults = layerDefaults(configuration);
  const opened = await openImages(configuration, request, hooks);
  const { searchStudy, finalStudy, parts } = opened;
  try {
    const { marginBits, observedImages } = request;
    const options = { defaults, marginBits, observedImages, startWordLength: START_WORD_LENGTH };
    const space = await searchSpaceOf(searchStudy, options, hooks);
    if (space.registers.length === 0) {
      const what = "the model prescribes the word lengths of all its registers";
      throw diagnosticError("MODEL", configuration.model, what, "give the float model that it was quantized from");
    }
    const shared = await studyIdentity(searchStudy.parts, searchStudy.images, request.version);
    const journal = await openJournal(searchStudy, shared, request.journal, hooks);
    const found = await search(
      {
        space,
        ...parts,
        target: request.target,
        weights: request.weights,
        strategy: request.strategy,
        errorProbability: request.errorProbability,
        seed: configuration.seed,
        shared,
      },
      { ...hooks, ...(journal && { store: new JournalStore(journal) }) },
    ).finally(() => journal?.close());
    const measured = searchStudy.parts.configuration;
    const { prepared } = searchStudy.parts;
    const { target, objective, strategy } = request;
    const { startWordLength, ...result } = found;
    const final = finalStudy.parts.configuration;
    const { name: finalData } = finalStudy.parts.data;
    const { equalize } = prepared.assignment;
    const noted = <Found extends MeasuredAssignment>(of: Found, kept: boolean): Found =>
      verified(typeof equalize === "object" ? scaled(of, equalize) : of, target, kept, finalData);
    const chosen = result.chosen && noted(result.chosen, result.kept);
    return {
      schema: "macroscope/bits/1",
      configuration: {
        ...final,
        images: parts.final.span.first + parts.final.span.images,
        calibration: measured.calibration,
        assignment: chosen?.assignment ?? configuration.assignment,
      },
      request: { ...request, startWordLength },
      model: prepared.name,
      weights: prepared.weights,
      floatBackend: searchStudy.parts.float.backend,
      target,
      objective,
      strategy,
      search: { data: searchStudy.parts.data.name, span: parts.search.span },
      final: { data: finalData, span: parts.final.span },
      ...result,
      chosen,
      alternative: result.alternative && noted(result.alternative, true),
      resources: resourcesSince(started),
    };
  } finally {
    await searchStudy.close();
    if (finalStudy !== searchStudy) await finalStudy.close();
  }
}

/** The assignment holds the exponents of the channels that were scaled before the search. */
function scaled<Found extends MeasuredAssignment>(
  found: Found,
  equalize: Exclude<AssignmentSpecification["equalize"], string | undefined>,
): Found {
  return { ...found, assignment: { equalize, ...found.assignment } };
}

/** The assignment says itself whether it keeps its target. */
function verified<Found extends MeasuredAssignment>(found: Found, target: Target, kept: boolean, data: string): Found {
  const { assignment, final } = found;
  if (final === null) return found;
  const { figure, images } = final;
  const verification: Verification = {
    target: target.kind,
    wanted: target.value,
    found: Number.isFinite(figure) ? figure : null,
    kept,
    images,
    data,
  };
  return { ...found, assignment: { verified: verification, ...assignment } };
}

async function openJournal(
  { parts }: Study,
  shared: Readonly<Record<string, unknown>>,
  path: string | null,
  { onNote }: BitsHooks,
): Promise<Journal<OutcomeEntry> | null> {
  if (path === null) return null;
  const { model, data, seed } = parts.configuration;
  const about = { model, data, seed, version: shared.version, floatBackend: shared.floatBackend };
  const journal = await Journal.open({ path, schema: BITS_JOURNAL, shared, about, parse: parseOutcomeEntry });
  const { entries, cutBytes } = journal;
  if (cutBytes > 0) onNote?.(`${path}: cut off a torn last line of ${cutBytes} bytes`);
  if (entries.length > 0) onNote?.(`${path}: ${entries.length} outcomes are there already`);
  return journal;
}

/** What all layers share, from the configuration's default entry; formats are what is searched. */
function layerDefaults({ assignment }: RunConfiguration): LayerEntry {
  const { default: written = {}, layers = {} } = assignment;
  const registers = DATAPATH_REGISTERS.filter((name) => name in written);
  if (Object.keys(layers).length > 0 || registers.length > 0) {
    throw diagnosticError(
      "ASSIGNMENT",
      "assignment",
      "gives formats to layers or registers, and they are what is searched",
      "give datapath, rounding and overflow for all layers alone",
    );
  }
  if (written.datapath === "float") {
    throw diagnosticError("OPTION", "--datapath", "float has no word lengths", "use intrinsic, tensorquant or wide");
  }
  const { format: _format, marginBits: _marginBits, ...defaults } = written;
  return defaults;
}

interface OpenedImages {
  readonly searchStudy: Study;
  readonly finalStudy: Study;
  readonly parts: { readonly search: ImagesOf; readonly final: ImagesOf };
}

/** One study where both kinds of images come from the same data, else two. */
async function openImages(
  configuration: RunConfiguration,
  { searchData, searchImages, finalImages }: BitsRequest,
  hooks: RunHooks,
): Promise<OpenedImages> {
  const usual = (data: string): number => (randomSeed(data) === null ? USUAL_IMAGES : DRAWN_IMAGES);
  const { data } = configuration;
  if (searchData === null || searchData === data) {
    const wanted = { search: searchImages ?? usual(data), final: finalImages ?? usual(data) };
    const study = await openStudy({ ...configuration, images: wanted.search + wanted.final }, hooks);
    const { search, final } = await closing(study, () => splitImages(study.images, wanted, data));
    return {
      searchStudy: study,
      finalStudy: study,
      parts: { search: { evaluator: study, span: search }, final: { evaluator: study, span: final } },
    };
  }
  const searchStudy = await openStudy(
    {
      ...configuration,
      data: searchData,
      // Labels in a file of their own are those of the final images.
      labels: null,
      images: searchImages ?? usual(searchData),
    },
    hooks,
  );
  const finalStudy = await closing(searchStudy, () =>
    openStudy(
      {
        ...configuration,
        images: finalImages ?? usual(data),
        assignment: { ...configuration.assignment, equalize: searchStudy.parts.prepared.assignment.equalize },
        calibration: searchStudy.parts.configuration.calibration,
      },
      { ...hooks, calibrate: false },
    ),
  );
  const all = (study: Study): ImagesOf => ({ evaluator: study, span: { first: 0, images: study.images } });
  return { searchStudy, finalStudy, parts: { search: all(searchStudy), final: all(finalStudy) } };
}

/** `open` with the study closed where it fails. */
async function closing<T>(study: Study, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await study.close();
    throw error;
  }
}

/** The first images for the search and those behind them for the final figures, in the proportion wanted. */
export function splitImages(
  images: number,
  wanted: { readonly search: number; readonly final: number },
  where: string,
): { readonly search: ImageSpan; readonly final: ImageSpan } {
  if (images < 2) {
    const what = `${images} images cannot serve both the search and the final figures`;
    throw diagnosticError("IMAGES", where, what, "give more images, or other data for the search by --search-data");
  }
  const share = wanted.search / (wanted.search + wanted.final);
  const search = Math.min(images - 1, Math.max(1, Math.min(wanted.search, Math.floor(images * share))));
  return { search: { first: 0, images: search }, final: { first: search, images: images - search } };
}
