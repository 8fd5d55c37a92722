import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** Turns of a multiply-and-xor chain on 32-bit integers: no memory, no allocation, nothing to share but the processor. */
function integerLoop(turns: number): number {
  let state = 1;
  for (let turn = 0; turn < turns; turn++) state = Math.imul(state ^ (state >>> 15), 0x735a2d97) ^ turn;
  return state;
}

/** Threads that run the loop: what the machine itself gains from a second thread. */
export class LoopThreads {
  readonly #workers: readonly Worker[];

  constructor(threads: number) {
    this.#workers = Array.from({ length: threads }, () => new Worker(workerFile()));
  }

  /** Spreads `turns` evenly over the threads and waits for all. */
  async run(turns: number): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const answered = once(worker, "message");
        worker.postMessage(turns / this.#workers.length);
        await answered;
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** Workers must be compiled JavaScript: from source, the build in dist/ serves. */
function workerFile(): URL {
  const fromSource = import.meta.url.endsWith(".ts");
  return new URL(fromSource ? "../../dist/test/bench/integer-loop.js" : import.meta.url, import.meta.url);
}

// This module is the worker's program as well.
if (!isMainThread) parentPort?.on("message", (turns: number) => parentPort?.postMessage(integerLoop(turns)));
