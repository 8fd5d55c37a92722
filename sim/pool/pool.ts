import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import { InvariantError } from "../../isa/diagnostic.ts";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import type { ImageBatch } from "../engine.ts";
import type { EngineName } from "../engines.ts";
import type { LayerEvidence } from "../evidence.ts";
import { type ImageRange, splitImages } from "./image-ranges.ts";
import { type LocatedImages, locatedImages } from "./located-images.ts";
import { mergeAnswers, type PoolResult } from "./merge.ts";
import { shareProgram } from "./shared-program.ts";
import type { WorkerAnswer, WorkerTask } from "./task.ts";

export { mergeResults, type PoolResult } from "./merge.ts";

/** How a set of images is spread over workers. None of it changes a bit of the result. */
export interface PoolOptions {
  readonly engine: EngineName;
  /** Worker threads, at least 1. */
  readonly workers: number;
  /** Images of one task, at least 1. */
  readonly batchImages: number;
  /** Number of the first image within the whole run, where this is a part of one; 0 unless given. */
  readonly firstImage?: number;
  /** Evidence of the run's images before this part: what it locates, the part's own evidence may leave out. */
  readonly earlier?: readonly LayerEvidence[];
  /** The first images of this part, for which statistics are collected and intermediate tensors returned. */
  readonly observedImages: number;
  /** Called with the number of images done so far. */
  readonly onProgress?: (images: number) => void;
  readonly signal?: AbortSignal;
}

/** How often a batch is given to a worker before its deaths are taken to be the batch's doing. */
const ATTEMPTS = 3;

/** The same images took their worker down time and again; `cause` is the last death. */
export class WorkerDeathError extends Error {
  constructor({ firstImage, count }: ImageBatch, cause: unknown) {
    super(
      `images ${firstImage} to ${firstImage + count - 1}: the worker thread died ${ATTEMPTS} times, at last with ` +
        `"${reasonOf(cause)}"; if memory ran out, use fewer workers`,
      { cause },
    );
    this.name = "WorkerDeathError";
  }
}

/** What an error and its causes say. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return reasonOf(error.cause);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}

/** A worker thread, as far as one may look at it from outside. */
export interface PoolThread {
  readonly threadId: number;
  terminate(): Promise<number>;
  once(event: "message" | "exit", listener: () => void): unknown;
}

/**
 * Worker threads that run one program after another; each program is shared once, and threads keep the last ones open. A
 * worker that dies is replaced and its images run again.
 */
export class SimulationPool {
  readonly #piscina: Piscina<WorkerTask, WorkerAnswer>;
  readonly #engine: EngineName;
  /** One for each batch that waits for a worker or is with one. */
  readonly #underWay = new Set<AbortController>();
  /** Threads that lived at an abort: piscina does not wait for the end of those it terminates then. */
  readonly #ending = new Set<Piscina["threads"][number]>();
  #closed = false;
  /** Why the last worker died that had no batch. */
  #lastDeath: unknown;

  constructor(engine: EngineName, workers: number) {
    this.#engine = engine;
    this.#piscina = new Piscina({
      filename: workerFile(),
      minThreads: workers,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
    });
    // A worker that dies without a task is replaced too; there is nothing to repeat.
    this.#piscina.on("error", (error: unknown) => {
      this.#lastDeath = error;
    });
    this.#piscina.on("workerDestroy", () => setImmediate(() => this.#wakeStranded()));
  }

  /** The worker threads that live now. */
  get threads(): readonly PoolThread[] {
    return this.#piscina.threads;
  }

  /**
   * Runs a program on all `images` (count × input elements). A fault ends the run: its result covers the images before it. Throws the
   * signal's reason when aborted, and `WorkerDeathError` for images that no worker survives; no batch is under way any
   * more when it returns or throws. Runs may overlap.
   */
  async run(
    program: Program,
    images: Raws,
    count: number,
    options: Omit<PoolOptions, "engine" | "workers">,
  ): Promise<PoolResult> {
    const { signal } = options;
    const shared = { program: shareProgram(program), engine: this.#engine };
    /** This run's part of `underWay`. */
    const own = new Set<AbortController>();
    const ranges = splitImages(count, options.observedImages, options.batchImages);
    const firstImage = options.firstImage ?? 0;
    const elements = count === 0 ? 0 : images.length / count;
    const located = locatedImages(program.layers.length, options.earlier);
    const answers: WorkerAnswer[] = [];
    let next = 0;
    let done = 0;
    // Each lane takes the next batch when it is free: at most two batches a worker are under way or copied.
    const lane = async (): Promise<void> => {
      while (next < ranges.length) {
        const index = next++;
        const range = ranges[index] as ImageRange;
        const task = { ...shared, ...taskOf(range, images, elements, firstImage, located) };
        const answer = await this.#ask(task, own, signal).catch((error: unknown) => {
          next = ranges.length;
          throw error;
        });
        answers[index] = answer;
        if (answer.kind === "fault" || answer.result.fault !== null) {
          // Images behind a fault are not wanted any more; those before it are already under way.
          next = ranges.length;
        } else {
          done += answer.result.images;
          options.onProgress?.(done);
        }
      }
    };
    const abort = (): void => {
      for (const thread of this.#piscina.threads) {
        if (this.#ending.has(thread)) continue;
        this.#ending.add(thread);
        thread.once("exit", () => this.#ending.delete(thread));
      }
      for (const controller of own) controller.abort(signal?.reason);
    };
    signal?.addEventListener("abort", abort);
    try {
      const lanes = await Promise.allSettled(Array.from({ length: 2 * this.#piscina.maxThreads }, lane));
      signal?.throwIfAborted();
      for (const settled of lanes) if (settled.status === "rejected") throw settled.reason;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
    return mergeAnswers(program, answers);
  }

  /** Ends all threads; a run under way fails. */
  async close(): Promise<void> {
    this.#closed = true;
    // A thread that was terminated at an abort and ends after `destroy` makes piscina start another in its place.
    do {
      await this.#piscina.destroy();
      await Promise.all([...this.#ending].map((thread) => once(thread, "exit")));
    } while (this.#piscina.threads.length > 0);
  }

  async #ask(
    task: WorkerTask,
    own: Set<AbortController>,
    signal: AbortSignal | undefined,
  ): Promise<Exclude<WorkerAnswer, { kind: "error" }>> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const controller = new AbortController();
      this.#underWay.add(controller);
      own.add(controller);
      let answer: WorkerAnswer;
      try {
        answer = await this.#piscina.run(task, { signal: controller.signal });
      } catch (error) {
        signal?.throwIfAborted();
        if (this.#closed) throw new Error("the pool was closed while it ran images", { cause: error });
        if (attempt < ATTEMPTS) continue;
        throw new WorkerDeathError(task.batch, error);
      } finally {
        this.#underWay.delete(controller);
        own.delete(controller);
      }
      if (answer.kind === "error") throw new InvariantError(`in a worker: ${answer.stack}`);
      return answer;
    }
  }

  /**
   * piscina replaces no worker that died while it was starting: batches that wait then would wait for ever. They are
   * taken back and asked again, which starts a worker.
   */
  #wakeStranded(): void {
    if (this.#piscina.threads.length > 0 || this.#piscina.queueSize === 0) return;
    const reason = new Error("the worker died while it was starting", { cause: this.#lastDeath });
    for (const controller of this.#underWay) controller.abort(reason);
  }
}

/** Runs images on a pool that lives for this call only. */
export async function runOnPool(
  program: Program,
  images: Raws,
  count: number,
  options: PoolOptions,
): Promise<PoolResult> {
  const pool = new SimulationPool(options.engine, options.workers);
  try {
    return await pool.run(program, images, count, options);
  } finally {
    await pool.close();
  }
}

/** A batch as a worker takes it; images lie `elements` words apart. */
function taskOf(
  { first, images: count, observed }: ImageRange,
  images: Raws,
  elements: number,
  firstImage: number,
  located: LocatedImages,
): Omit<WorkerTask, "program" | "engine"> {
  const raws = images.slice(first * elements, (first + count) * elements);
  return {
    batch: { firstImage: firstImage + first, count, raws },
    options: { statistics: observed, capture: observed },
    located,
  };
}

/** Workers must be compiled JavaScript: from source, the build in dist/ serves. */
function workerFile(): string {
  const fromSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(fromSource ? "../../dist/sim/pool/worker.js" : "./worker.js", import.meta.url));
}
