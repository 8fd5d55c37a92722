import { isDeepStrictEqual } from "node:util";
import { layerNames, soleComputation } from "../../compiler/hybrid/layer-computation.ts";
import { givenExponents } from "../../compiler/quantization/specification.ts";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { elementCount, type Program } from "../../isa/program/program.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { ENGINES } from "../../sim/engines.ts";
import type { Fault } from "../../sim/fault.ts";
import type { RunConfiguration } from "../configuration.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { elementsOf, shapeText } from "../datasets/image-shape.ts";
import type { Dump } from "../dump/dump.ts";
import { isProgramFile, openModel, openProgramFile } from "../model.ts";
import type { CompareReport, SideEntry } from "../results/compare-report.ts";
import { compilePrepared, prepareModel } from "../session/compile-model.ts";
import { machineText } from "../session/figures/machine-report.ts";
import { noWords } from "../session/hooks.ts";
import { tensorSymbol } from "../session/host-input.ts";
import { dataConfiguration, openData, programInput } from "../session/image-batches.ts";
import { resourcesSince } from "../session/resources.ts";
import { ComparedPair } from "./pair.ts";
import { DumpSide, MachineSide, type Side, type SideWords } from "./side.ts";

/** A computation to compare: one that runs here, or one that left a dump. */
export type SideRequest =
  | { readonly label: string; readonly configuration: RunConfiguration; readonly assignmentName?: string }
  | { readonly label: string; readonly dump: Dump };

export interface CompareHooks {
  readonly onStage?: (label: string, images: number) => void;
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
}

export type CompareOutcome =
  | { readonly report: CompareReport }
  | { readonly fault: Fault /** Of the side that faulted. */; readonly label: string };

interface OpenedMachine {
  readonly side: MachineSide;
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly model: string;
}

interface Opened {
  readonly side: Side;
  readonly entry: SideEntry;
  readonly machine: OpenedMachine | null;
  /** Images there can be at most. */
  readonly images: number;
}

/** Words of all sides that are kept at once. */
const KEPT_WORDS = 2 ** 22;
const CHUNK_IMAGES = 16;

/** Runs all sides on the same images, and looks where each of the others parts from the first. */
export async function compareSides(
  requests: readonly SideRequest[],
  hooks: CompareHooks = {},
): Promise<CompareOutcome> {
  const started = performance.now();
  const opened: Opened[] = [];
  for (const request of requests) {
    const side = await openSide(request);
    if ("fault" in side) return { fault: side.fault, label: request.label };
    opened.push(side);
  }
  const machine = requireSameData(opened);
  const images = Math.min(...opened.map((side) => side.images));
  const [first, ...others] = opened.map(({ side }) => side) as [Side, ...Side[]];
  const pairs = others.map((other) => ({ other, pair: new ComparedPair(first, other) }));
  const words = opened.reduce(
    (sum, { side }) => sum + side.layers.reduce((own, { shape }) => own + elementCount(shape), 0),
    0,
  );
  const chunk = Math.max(1, Math.min(CHUNK_IMAGES, Math.floor(KEPT_WORDS / words)));
  hooks.onStage?.("comparing", images);
  for (let start = 0; start < images; start += chunk) {
    const count = Math.min(chunk, images - start);
    const values = machine === null ? null : (await machine.data.read(start, count)).values;
    // A turn for signals: the engines do not wait for anything.
    await new Promise((resolve) => setImmediate(resolve));
    hooks.signal?.throwIfAborted();
    const everyLayer = pairs.some(({ pair }) => pair.searching);
    const span = { first: start, count, values };
    const taken = new Map<Side, SideWords>();
    for (const { side } of opened) {
      const found = side.take(span, everyLayer);
      if ("fault" in found) return { fault: found.fault, label: side.label };
      taken.set(side, found);
    }
    const ofFirst = taken.get(first);
    for (const { other, pair } of pairs) {
      const ofOther = taken.get(other);
      if (ofFirst !== undefined && ofOther !== undefined) pair.add(ofFirst, ofOther, span);
    }
    hooks.onProgress?.(start + count);
  }
  const entries = pairs.map(({ pair }) => pair.entry());
  return {
    report: {
      schema: "macroscope/compare/1",
      sides: opened.map(({ entry }) => entry),
      model: machine?.model ?? null,
      data: machine?.data.name ?? null,
      images,
      equal: entries.every(({ equal }) => equal),
      pairs: entries,
      resources: resourcesSince(started),
    },
  };
}

async function openSide(request: SideRequest): Promise<Opened | { readonly fault: Fault }> {
  if ("dump" in request) {
    const entry: SideEntry = { label: request.label, kind: "dump", machine: null, configuration: null };
    return { side: new DumpSide(request.label, request.dump), entry, machine: null, images: request.dump.images };
  }
  const { label } = request;
  const built = await buildProgram(request);
  if ("fault" in built) return built;
  const { program, configuration, data, model } = built;
  const fault = checkProgram(program);
  if (fault !== null) return { fault };
  const session = ENGINES[configuration.engine].open(program);
  if ("fault" in session) return session;
  const side = new MachineSide(label, program, session.session);
  const entry: SideEntry = {
    label,
    kind: "machine",
    machine: `${machineText(program.machine)}, ${configuration.engine} engine`,
    configuration: { ...configuration },
  };
  const images = Math.min(configuration.images, data.count);
  return { side, entry, machine: { side, configuration, data, model }, images };
}

async function buildProgram({
  label,
  configuration,
  assignmentName,
}: Exclude<SideRequest, { readonly dump: Dump }>): Promise<
  { program: Program; configuration: RunConfiguration; data: Dataset; model: string } | { readonly fault: Fault }
> {
  if (await isProgramFile(configuration.model)) {
    const opened = await openProgramFile(configuration.model);
    if ("fault" in opened) return opened;
    const { program } = opened;
    const data = await openData(configuration, programInput(program), configuration.images);
    requireElements(program, data, configuration);
    const { machine, seed } = program;
    const fixed = { ...configuration, machine, seed, assignment: {}, ...dataConfiguration(data) };
    return { program, configuration: fixed, data, model: configuration.model };
  }
  const model = await openModel(configuration.model, configuration);
  const data = await openData(configuration, model.graph.input, configuration.images);
  const prepared = await prepareModel(configuration, model, data);
  const { assignment, calibration } = prepared;
  const resolved = { ...configuration, assignment, calibration, ...dataConfiguration(data) };
  const computation = soleComputation(layerNames(prepared.lowerable), assignment, null, assignmentName ?? "assignment");
  if (computation !== "machine") throw noWords(label);
  const { program } = compilePrepared(prepared, resolved, assignmentName);
  requireElements(program, data, configuration);
  return { program, configuration: resolved, data, model: prepared.name };
}

function requireElements(program: Program, data: Dataset, { data: where }: RunConfiguration): void {
  const expected = elementCount(tensorSymbol(program, program.input).shape);
  const found = elementsOf(data.shape);
  if (expected === found) return;
  const what = `images of ${shapeText(data.shape)} = ${found} values, but the network takes ${expected}`;
  throw diagnosticError("DATA_SHAPE", where, what, "use data of the network's own input shape, or --resize and --crop");
}

/** Words of channels that one side scales stand for other values than the other's. */
function requireSameChannels(
  { side, configuration: first }: OpenedMachine,
  label: string,
  other: RunConfiguration,
): void {
  const scaled = ({ assignment }: RunConfiguration): object => ({ ...givenExponents(assignment) });
  if (isDeepStrictEqual(scaled(first), scaled(other))) return;
  const what = `scales other output channels by powers of two than ${side.label}, so that their words differ in meaning`;
  throw diagnosticError("COMPARE", label, what, "give both --equalize none, or assignments with the same equalize");
}

/** Only computations on the same images can be compared; the first machine, whose data all take. */
function requireSameData(opened: readonly Opened[]): OpenedMachine | null {
  const machines = opened.flatMap(({ machine }) => (machine === null ? [] : [machine]));
  const [first, ...others] = machines;
  if (first === undefined) return null;
  for (const { side, data, configuration } of others) {
    requireSameChannels(first, side.label, configuration);
    if (data.name === first.data.name && isDeepStrictEqual(data.preprocessing, first.data.preprocessing)) continue;
    const what = `reads other images than ${first.side.label}, or prepares them in another way`;
    throw diagnosticError("COMPARE", side.label, what, "give both the same --data and preprocessing");
  }
  return first;
}
