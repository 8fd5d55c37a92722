import { workerData } from "node:worker_threads";
import type { EngineSession } from "../engine.ts";
import { ENGINES } from "../engines.ts";
import type { Fault } from "../fault.ts";
import { locatedBefore, noteLocated } from "./located-images.ts";
import type { WorkerAnswer, WorkerSetup, WorkerTask } from "./task.ts";

let opened: { readonly session: EngineSession } | { readonly fault: Fault } | undefined;

/** Runs in a piscina worker thread: opens the program at its first task and keeps it open. */
export default function runTask(task: WorkerTask): WorkerAnswer {
  try {
    if (opened === undefined) {
      // piscina hands its own data and ours as a pair.
      const setup = (Array.isArray(workerData) ? workerData[1] : workerData) as WorkerSetup;
      opened = ENGINES[setup.engine].open(setup.program);
    }
    if ("fault" in opened) return { kind: "fault", fault: opened.fault };
    const { session } = opened;
    const { batch, options, located } = task;
    const result = session.run(batch, { ...options, located: locatedBefore(located, batch.firstImage) });
    noteLocated(located, result.evidence);
    const isFirst = batch.firstImage === 0;
    return { kind: "result", result, session: isFirst ? { cycles: session.cycles, kernels: session.kernels } : null };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: "error", message, stack: stack ?? message };
  }
}
