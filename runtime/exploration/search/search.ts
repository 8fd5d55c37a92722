/** Which register needs how many bits: the search as a whole, over any network that can be evaluated. */
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";

import { formatText } from "../../../isa/numerics/format.ts";
import type {
  AlternativeAssignment,
  LayerRequirement,
  Measured,
  MeasuredAssignment,
  RegisterRequirement,
  Strategy,
  Trial,
} from "../../results/bits-report.ts";
import type { Evaluation, Evaluator, ImageSpan } from "../../results/evaluation.ts";
import type { OutcomeStore } from "../journal/outcome-store.ts";
import { type Judged, TrialRunner } from "../trial-runner.ts";
import {
  bottleneckOf,
  type ComfortableStart,
  comfortableStart,
  needsAlone,
  type RegisterNeed,
  shortenTogether,
} from "./greedy.ts";
import { cheapestFinalist, heldOutOf } from "./held-out.ts";
import { type CostWeights, type Priced, priceAgainst } from "./objective.ts";
import { assignmentOf, type Formats, registerBits, type SearchRegister, type SearchSpace } from "./search-space.ts";
import { advantage, figureOf, keeps, TARGET_RULES, type Target } from "./target.ts";
import { searchUniform } from "./uniform.ts";

/** Images of an evaluator. */
export interface ImagesOf {
  readonly evaluator: Evaluator;
  readonly span: ImageSpan;
}

export interface SearchRequest {
  readonly space: SearchSpace;
  readonly search: ImagesOf;
  /** Images that no decision sees. */
  readonly final: ImagesOf;
  readonly target: Target;
  readonly weights: CostWeights;
  readonly strategy: Strategy;
  /** Of early verdicts; see `TrialSettings`. */
  readonly errorProbability: number;
  /** Of the intervals' bootstrap. */
  readonly seed: number;
  /** Everything beside candidate and images that decides an outcome. */
  readonly shared: unknown;
}

export interface SearchHooks {
  readonly store?: OutcomeStore;
  readonly signal?: AbortSignal;
  /** A trial was made; `expected` is a guess of how many there will be. */
  readonly onTrial?: (trial: Trial, done: number, expected: number) => void;
}

export interface SearchResult {
  readonly uniform: MeasuredAssignment | null;
  readonly chosen: MeasuredAssignment | null;
  readonly kept: boolean;
  readonly alternative: AlternativeAssignment | null;
  readonly trials: readonly Trial[];
  readonly front: readonly number[];
  readonly layers: readonly LayerRequirement[];
  /** Bits of every register at the start; null where no start keeps the target, or none was needed. */
  readonly startWordLength: number | null;
}

/** Deterministic: the same request gives the same result, interrupted or not. */
export async function search(request: SearchRequest, hooks: SearchHooks = {}): Promise<SearchResult> {
  const expected = expectedTrials(request);
  const { space, target, errorProbability, shared } = request;
  const runner = new TrialRunner({
    ...request.search,
    target,
    errorProbability,
    shared,
    ...(hooks.store && { store: hooks.store }),
    ...(hooks.signal && { signal: hooks.signal }),
    onTrial: (trial, done) => hooks.onTrial?.(trial, done, Math.max(expected, done)),
  });
  const uniform = await searchUniform(runner, space);
  const single = request.strategy === "uniform" ? null : await searchRegisters(runner, request);
  const best = cheaper(runner, request, uniform, single);
  const measuredUniform = uniform && (await measured(request, uniform.change, uniform, hooks));
  const chosen = best === uniform ? measuredUniform : best && (await measured(request, PER_REGISTER, best, hooks));
  const figure = chosen?.final?.figure;
  const kept = figure !== undefined && keeps(target.kind, figure, target.value);
  return {
    uniform: measuredUniform,
    chosen,
    kept,
    alternative: best === null || kept ? null : await alternativeTo(best, runner, request, hooks),
    trials: runner.trials.map(({ key, change, images, figure, cost, verdict, early }) => ({
      key,
      change,
      images,
      figure,
      cost,
      verdict,
      early,
    })),
    front: frontOf(runner, request),
    layers: requirements(space, single, best === single?.judged ? null : (best?.assignment ?? null)),
    startWordLength: single?.start.wordLength ?? null,
  };
}

/** See `AlternativeAssignment`. */
async function alternativeTo(
  missed: Judged,
  { trials }: TrialRunner,
  request: SearchRequest,
  hooks: SearchHooks,
): Promise<AlternativeAssignment | null> {
  const { final, target, weights } = request;
  const heldOut = heldOutOf(final.span);
  if (heldOut === null) return null;
  const { signal } = hooks;
  const finalist = await cheapestFinalist({
    trials,
    missed,
    target,
    weights,
    evaluate: (assignment) =>
      final.evaluator.evaluate({ assignment, layers: null }, heldOut.decision, signal === undefined ? {} : { signal }),
  });
  if (finalist === null) return null;
  const found = await measured(
    { ...request, final: { ...final, span: heldOut.rest } },
    finalist.change,
    finalist,
    hooks,
  );
  const figure = found.final?.figure;
  return figure !== undefined && keeps(target.kind, figure, target.value) ? { ...found, ...heldOut } : null;
}

/** Name of an assignment that no single format describes. */
const PER_REGISTER = "format per register";

interface RegistersFound {
  readonly start: ComfortableStart;
  readonly needs: readonly RegisterNeed[];
  readonly formats: Formats;
  readonly judged: Judged;
}

/** Null where not even the longest start keeps the target. */
async function searchRegisters(runner: TrialRunner, request: SearchRequest): Promise<RegistersFound | null> {
  const { space, strategy, weights } = request;
  const start = await comfortableStart(runner, space);
  if (start === null) return null;
  const needs = await needsAlone(runner, space, start);
  const reference: Priced = { cost: start.judged.cost, registerBits: registerBits(space, start.formats) };
  const price = priceAgainst(reference, weights);
  const found = await shortenTogether(runner, space, start, needs, { price });
  if (strategy === "pareto") {
    for (const limit of TARGET_RULES[runner.target.kind].ladder(runner.limit)) {
      if (!keeps(runner.target.kind, start.judged.figure, limit)) continue;
      await shortenTogether(runner, space, start, needs, { price, limit, whole: true });
    }
  }
  return { start, needs, ...found };
}

/** The less costly of the two, by the weights of the request. */
function cheaper(
  runner: TrialRunner,
  { space, weights }: SearchRequest,
  uniform: Judged | null,
  single: RegistersFound | null,
): Judged | null {
  if (single === null || uniform === null) return single?.judged ?? uniform;
  // Only the costs are compared: registers that a preset makes are not counted alike.
  const reference: Priced = { cost: uniform.cost, registerBits: 0 };
  const price = priceAgainst(reference, weights);
  const cost = runner.cost(assignmentOf(space, single.formats));
  return cost === null || price({ cost, registerBits: 0 }) <= price(reference) ? single.judged : uniform;
}

async function measured(
  { search, final, target, seed }: SearchRequest,
  name: string,
  { assignment, cost }: Judged,
  { signal }: SearchHooks,
): Promise<MeasuredAssignment> {
  const on = async ({ evaluator, span }: ImagesOf): Promise<Measured> => {
    const evaluation = await evaluator.evaluate(
      { assignment, layers: null },
      span,
      signal === undefined ? {} : { signal },
    );
    return measuredOn(evaluation, target, seed);
  };
  return { name, assignment, cost, search: await on(search), final: await on(final) };
}

function measuredOn(evaluation: Evaluation, target: Target, seed: number): Measured {
  const { span, accuracy, agreement, error, overflow, digest } = evaluation;
  return {
    images: span.images,
    figure: figureOf(target.kind, evaluation),
    figure95: TARGET_RULES[target.kind].interval(evaluation, seed),
    accuracy,
    agreement,
    error,
    overflow: overflow.reduce((sum, register) => sum + register.overflow, 0),
    digest,
  };
}

/** Trials on all images than which no other is both cheaper and better; the cheapest first. */
function frontOf(runner: TrialRunner, { weights, target }: SearchRequest): readonly number[] {
  const whole = [...runner.trials.keys()].filter((index) => {
    const trial = runner.trials[index];
    return trial?.whole === true && trial.cost !== null && !Number.isNaN(trial.figure);
  });
  const reference = runner.trials[whole[0] ?? -1];
  if (reference === undefined) return [];
  const price = priceAgainst({ cost: reference.cost, registerBits: 0 }, weights);
  const points = whole.map((index) => ({
    index,
    price: price({ cost: runner.trials[index]?.cost ?? null, registerBits: 0 }),
    figure: runner.trials[index]?.figure ?? 0,
  }));
  points.sort((a, b) => a.price - b.price || advantage(target.kind, b.figure, a.figure) || a.index - b.index);
  const front: typeof points = [];
  for (const point of points) {
    const best = front.at(-1);
    if (best === undefined || advantage(target.kind, point.figure, best.figure) > 0) front.push(point);
  }
  return front.map(({ index }) => index);
}

/** The formats of what was chosen: `uniform` where it is not null. */
function requirements(
  space: SearchSpace,
  found: RegistersFound | null,
  uniform: AssignmentSpecification | null,
): readonly LayerRequirement[] {
  if (found === null) return [];
  const { rounding = "nearest", overflow = "saturate" } = space.defaults;
  const bottleneck = bottleneckOf(found.needs);
  const layers = new Map<string, Record<string, RegisterRequirement>>();
  for (const [index, register] of space.registers.entries()) {
    const need = found.needs[index];
    const own = found.formats[index];
    const format = uniform === null ? own && formatText(own) : formatIn(uniform, register);
    const entry: RegisterRequirement = {
      format: `${format} ${rounding} ${overflow}`,
      observedIntegerBits: register.observedIntegerBits,
      provenIntegerBits: register.provenIntegerBits,
      identicalWordLength: need?.identicalWordLength ?? null,
      targetWordLength: need?.targetWordLength ?? null,
      bottleneck: index === bottleneck,
    };
    layers.set(register.layer, { ...layers.get(register.layer), [register.register]: entry });
  }
  return [...layers].map(([name, registers]) => ({ name, registers }));
}

/** The format of a register in an assignment whose entries are texts; an input without one has its producer's. */
function formatIn(
  { default: all, layers }: AssignmentSpecification,
  { layer, register, producer }: SearchRegister,
): string {
  const own = register === "scale" ? undefined : layers?.[layer]?.[register];
  const entry = own ?? (producer === null ? all?.format : layers?.[producer]?.output);
  return typeof entry === "string" ? entry : (all?.format ?? "");
}

/** A guess for progress: what bisections ask, and about a bit and a half lost per register. */
function expectedTrials({ space, strategy }: SearchRequest): number {
  const uniform = 30;
  const registers = space.registers.length;
  const single = strategy === "uniform" ? 0 : 8 * registers + 10;
  const front = strategy === "pareto" ? 20 * registers : 0;
  return uniform + single + front;
}
