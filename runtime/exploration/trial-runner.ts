/** Tries word lengths on the images of a search: in growing looks, until the verdict is clear, each image once. */
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { DiagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { SequentialMeanTest } from "../metrics/sequential.ts";
import type { Trial } from "../results/bits-report.ts";
import type { CandidateCost, Evaluator, ImageSpan } from "../results/evaluation.ts";
import { canonicalJson } from "./journal/canonical-json.ts";
import { type OutcomeStore, outcomeKey, restored, type SearchedEvaluation, stored } from "./journal/outcome-store.ts";
import { figureOf, keeps, searchLimit, TARGET_RULES, type Target } from "./search/target.ts";

export interface TrialSettings {
  readonly evaluator: Evaluator;
  readonly span: ImageSpan;
  readonly target: Target;
  /** Probability that an early verdict is not that of all images, at most; 0 looks at all images unless the rest cannot matter. */
  readonly errorProbability: number;
  /** Everything beside candidate and images that decides an outcome. */
  readonly shared: unknown;
  readonly store?: OutcomeStore;
  readonly signal?: AbortSignal;
  /** After every trial. */
  readonly onTrial?: (trial: Trial, done: number) => void;
}

export interface JudgeOptions {
  /** Look at all images, however clear the verdict. */
  readonly whole?: boolean;
  /** What the figure must reach to be kept; the target with its margin where nothing is said. */
  readonly limit?: number;
}

/** A verdict with what it was judged on. */
export interface Judged extends Trial {
  readonly assignment: AssignmentSpecification;
  /** Whether all images were seen. */
  readonly whole: boolean;
}

/** Images of the first look; each further one doubles what was seen. */
const FIRST_LOOK = 100;

/** Evaluations of single looks that are kept in memory. */
const KEPT_LOOKS = 512;

export class TrialRunner {
  /** In the order in which they were made. */
  readonly trials: Judged[] = [];
  readonly #settings: TrialSettings;
  readonly #looks: readonly ImageSpan[];
  readonly #evaluations: Map<string, SearchedEvaluation> = new Map();
  readonly #judged: Map<string, Judged> = new Map();
  readonly #costs: Map<string, CandidateCost | null> = new Map();

  constructor(settings: TrialSettings) {
    this.#settings = settings;
    const inLooks = TARGET_RULES[settings.target.kind].scores !== null;
    this.#looks = looksAt(settings.span, inLooks ? FIRST_LOOK : settings.span.images);
  }

  get target(): Target {
    return this.#settings.target;
  }

  /** What the figure of the search's images must reach. */
  get limit(): number {
    return searchLimit(this.target);
  }

  /** Whether an assignment keeps the target. The same question is answered once. */
  async judge(assignment: AssignmentSpecification, change: string, options: JudgeOptions = {}): Promise<Judged> {
    const { limit = this.limit, whole = false } = options;
    const id = canonicalJson(assignment);
    const known = this.#judged.get(id);
    if (known?.whole) return known;
    const memory = `${limit} ${id}`;
    const early = whole ? undefined : this.#judged.get(memory);
    if (early !== undefined) return early;
    const judged = await this.#look(assignment, change, limit, whole);
    this.#judged.set(judged.whole ? id : memory, judged);
    this.trials.push(judged);
    this.#settings.onTrial?.(judged, this.trials.length);
    return judged;
  }

  /** Whether the outputs of all images are those of `reference`, bit by bit; null where outputs have no digest. */
  async identical(assignment: AssignmentSpecification, reference: AssignmentSpecification): Promise<boolean | null> {
    for (const look of this.#looks) {
      const expected = (await this.#evaluate(reference, look)).digest;
      const found = (await this.#evaluate(assignment, look)).digest;
      if (expected === null || found === null) return null;
      if (expected !== found) return false;
    }
    return true;
  }

  /** Null where no machine computes the candidate. */
  cost(assignment: AssignmentSpecification): CandidateCost | null {
    const id = canonicalJson(assignment);
    const known = this.#costs.get(id);
    if (known !== undefined) return known;
    const cost = this.#settings.evaluator.cost({ assignment, layers: null });
    this.#costs.set(id, cost);
    return cost;
  }

  async #look(assignment: AssignmentSpecification, change: string, limit: number, whole: boolean): Promise<Judged> {
    const { target, span, errorProbability, shared } = this.#settings;
    const scores = TARGET_RULES[target.kind].scores?.(limit) ?? null;
    const test =
      scores === null
        ? null
        : new SequentialMeanTest({ population: span.images, low: scores.low, high: scores.high, errorProbability });
    let seen: SearchedEvaluation | null = null;
    for (const look of this.#looks) {
      const evaluation = await this.#evaluate(assignment, look);
      seen = seen === null ? evaluation : joined(seen, evaluation);
      if (whole || scores === null) continue;
      if ((test?.add(scores.of(evaluation, limit)) ?? null) !== null) break;
    }
    if (seen === null) throw new InvariantError("a trial on no images");
    const all = seen.span.images === span.images;
    const early = all ? null : (test?.verdict ?? null);
    // An early share of so few images may be undefined; what it is compared with is not.
    const figure = all ? figureOf(target.kind, seen) : (TARGET_RULES[target.kind].figure(seen) ?? Number.NaN);
    const kept = early === null ? keeps(target.kind, figure, limit) : early === "reached";
    return {
      key: outcomeKey(shared, { assignment, layers: null }, span),
      change,
      images: seen.span.images,
      figure,
      cost: this.cost(assignment),
      verdict: kept ? "kept" : "missed",
      early: !all,
      assignment,
      whole: all,
    };
  }

  async #evaluate(assignment: AssignmentSpecification, span: ImageSpan): Promise<SearchedEvaluation> {
    const { evaluator, store, shared, signal } = this.#settings;
    const candidate = { assignment, layers: null };
    const key = outcomeKey(shared, candidate, span);
    const known = this.#evaluations.get(key) ?? restored(store?.get(key), span);
    if (known !== null) {
      this.#keep(key, known);
      return known;
    }
    signal?.throwIfAborted();
    const evaluation = await evaluator.evaluate(candidate, span, signal === undefined ? {} : { signal });
    await store?.put(key, stored(evaluation));
    this.#keep(key, evaluation);
    return evaluation;
  }

  #keep(key: string, { span, floatRight, fixedRight, sameClass, error, digest }: SearchedEvaluation): void {
    this.#evaluations.delete(key);
    this.#evaluations.set(key, { span, floatRight, fixedRight, sameClass, error, digest });
    for (const oldest of this.#evaluations.keys()) {
      if (this.#evaluations.size <= KEPT_LOOKS) break;
      this.#evaluations.delete(oldest);
    }
  }
}

/** Null where the datapath cannot have these formats, e.g. where a sum would need more bits than the widest register. */
export async function judgeIfPossible(
  runner: TrialRunner,
  assignment: AssignmentSpecification,
  change: string,
  options: JudgeOptions = {},
): Promise<Judged | null> {
  try {
    return await runner.judge(assignment, change, options);
  } catch (error) {
    // What the target or the images lack is not the formats' fault.
    const blamed = ["TARGET", "IMAGES", "DATA", "FILE"];
    if (error instanceof DiagnosticError && !error.diagnostics.some(({ code }) => blamed.includes(code))) return null;
    throw error;
  }
}

/** Consecutive spans: the first of `first` images, each further one as many as were seen before. */
export function looksAt({ first: begin, images }: ImageSpan, first: number): readonly ImageSpan[] {
  const looks: ImageSpan[] = [];
  for (let seen = 0; seen < images; ) {
    const size = Math.min(images - seen, Math.max(first, seen));
    looks.push({ first: begin + seen, images: size });
    seen += size;
  }
  return looks;
}

/** Answers of consecutive spans; errors and digest, which classifiers' looks do not need, are the last one's. */
function joined(first: SearchedEvaluation, second: SearchedEvaluation): SearchedEvaluation {
  const both = (a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null =>
    a === null || b === null ? null : Uint8Array.from([...a, ...b]);
  return {
    span: { first: first.span.first, images: first.span.images + second.span.images },
    floatRight: both(first.floatRight, second.floatRight),
    fixedRight: both(first.fixedRight, second.fixedRight),
    sameClass: both(first.sameClass, second.sameClass),
    error: second.error,
    digest: null,
  };
}
