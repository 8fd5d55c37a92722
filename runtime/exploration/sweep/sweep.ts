import { DiagnosticError } from "../../../isa/diagnostic.ts";
import type { Candidate, CandidateCost, Evaluation, Evaluator } from "../../results/evaluation.ts";
import type { RefusedPoint, SweepPoint, SweepRecord, SweepResult } from "../../results/sweep-report.ts";
import type { MeasurePoints } from "./experiment.ts";
import type { GridEntry } from "./grid.ts";

export interface SweepJob {
  readonly entries: readonly GridEntry[];
  readonly evaluator: Pick<Evaluator, "evaluate" | "cost">;
  readonly candidateOf: (point: SweepPoint) => Candidate;
  /** The same for points that give the same result. */
  readonly keyOf: (point: SweepPoint) => Promise<string>;
  /** Results at hand, which are not computed again. */
  readonly known: readonly SweepRecord[];
  /** Called with every result that was computed; the next point waits for it. */
  readonly keep: (record: SweepRecord) => Promise<void>;
  readonly signal?: AbortSignal;
  /** Called with the images done, those of known results among them. */
  readonly onProgress?: (images: number) => void;
}

export interface SweepOutcome {
  /** One per distinct key, in the order of the entries. */
  readonly records: readonly SweepRecord[];
  readonly refused: readonly RefusedPoint[];
}

/** Runs the points that are not known, one after another. */
export async function runSweep(job: SweepJob): Promise<SweepOutcome> {
  const sweep = new Sweep(job);
  for (const entry of job.entries) {
    if (entry.kind === "point") await sweep.point(entry.point);
    else await best(sweep, entry);
  }
  return sweep.outcome();
}

/** Runs the points that something asks for, one after another, those that are known not again. */
export async function measurePoints<T>(
  job: Omit<SweepJob, "entries">,
  use: (measure: MeasurePoints) => Promise<T>,
): Promise<{ readonly outcome: SweepOutcome; readonly value: T }> {
  const sweep = new Sweep(job);
  const value = await use(async (points) => {
    const results: (SweepResult | null)[] = [];
    for (const point of points) results.push((await sweep.point(point))?.result ?? null);
    return results;
  });
  return { outcome: sweep.outcome(), value };
}

/** The lowest fraction length where several answer equally well. */
async function best(sweep: Sweep, { trials, images }: Extract<GridEntry, { kind: "best" }>): Promise<void> {
  let chosen: SweepRecord | null = null;
  for (const trial of trials) {
    const record = await sweep.point(trial);
    if (record !== null && (chosen === null || isBetter(record.result, chosen.result))) chosen = record;
  }
  if (chosen === null) return;
  const { first: _, ...point } = chosen.point;
  await sweep.point({ ...point, images });
}

/** More images right, else more classes kept, else nearer to float. */
function isBetter(a: SweepResult, b: SweepResult): boolean {
  const figures = ({ accuracy, agreement, error }: SweepResult): readonly number[] => [
    accuracy?.fixed ?? 0,
    agreement?.share ?? 0,
    // No error at all is the best.
    error.sqnrDb ?? (error.maxAbs === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY),
  ];
  const [first, second] = [figures(a), figures(b)];
  const index = first.findIndex((figure, at) => figure !== second[at]);
  return index >= 0 && (first[index] ?? 0) > (second[index] ?? 0);
}

class Sweep {
  readonly #job: Omit<SweepJob, "entries">;
  readonly #known: Map<string, SweepRecord>;
  readonly #records: Map<string, SweepRecord> = new Map();
  readonly #refused: RefusedPoint[] = [];
  #images = 0;

  constructor(job: Omit<SweepJob, "entries">) {
    this.#job = job;
    this.#known = new Map(job.known.map((record) => [record.key, record]));
  }

  /** The result of a point, computed where it is not known; null where it was refused. */
  async point(point: SweepPoint): Promise<SweepRecord | null> {
    const { keyOf, signal, onProgress } = this.#job;
    signal?.throwIfAborted();
    const key = await keyOf(point);
    const record = this.#known.get(key) ?? (await this.#compute(point, key));
    this.#images += point.images;
    onProgress?.(this.#images);
    // The grid's own point: its subunit may have been written another way before.
    if (record !== null && !this.#records.has(key)) this.#records.set(key, { ...record, point });
    return record === null ? null : { ...record, point };
  }

  outcome(): SweepOutcome {
    return { records: [...this.#records.values()], refused: this.#refused };
  }

  async #compute(point: SweepPoint, key: string): Promise<SweepRecord | null> {
    const { evaluator, candidateOf, keep, signal, onProgress } = this.#job;
    const started = performance.now();
    const candidate = candidateOf(point);
    let result: SweepResult;
    try {
      const evaluation = await evaluator.evaluate(
        candidate,
        { first: point.first ?? 0, images: point.images },
        { ...(signal && { signal }), onProgress: (images) => onProgress?.(this.#images + images) },
      );
      result = resultOf(evaluation, evaluator.cost(candidate));
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      this.#refused.push({ point, why: error.diagnostics.map(({ what }) => what).join("; ") });
      return null;
    }
    const seconds = (performance.now() - started) / 1000;
    // As the journal gives it back.
    const record: SweepRecord = JSON.parse(JSON.stringify({ key, point, result, seconds }));
    await keep(record);
    this.#known.set(key, record);
    return record;
  }
}

function resultOf(evaluation: Evaluation, cost: CandidateCost | null): SweepResult {
  const { accuracy, agreement, error, overflow, clippedConstants, digest } = evaluation;
  const worst = overflow.toSorted((a, b) => b.overflow - a.overflow)[0] ?? null;
  const total = overflow.reduce((sum, place) => sum + place.overflow, 0);
  return { accuracy, agreement, error, overflow: { total, compile: clippedConstants, worst }, cost, digest };
}
