import type { EngineSession } from "../engine.ts";
import { ENGINES } from "../engines.ts";
import type { Fault } from "../fault.ts";
import { locatedBefore, noteLocated } from "./located-images.ts";
import { openShared } from "./shared-program.ts";
import type { WorkerAnswer, WorkerTask } from "./task.ts";

type Opened = { readonly session: EngineSession } | { readonly fault: Fault };

/** Programs that a thread holds open; each has memory of its own. A network of which float computes some layers has several. */
const OPEN_PROGRAMS = 3;

/** By engine and program, the one used last at the end. */
const opened = new Map<string, Opened>();

/** Runs in a piscina worker thread: opens a program at its first task and keeps it until others take its place. */
export default function runTask(task: WorkerTask): WorkerAnswer {
  try {
    const found = open(task);
    if ("fault" in found) return { kind: "fault", fault: found.fault };
    const { session } = found;
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

function open({ program, engine }: WorkerTask): Opened {
  const key = `${engine} ${program.id}`;
  const known = opened.get(key);
  opened.delete(key);
  if (known === undefined) {
    // Before the next one is opened: never more of them in memory than stated.
    for (const oldest of opened.keys()) if (opened.size >= OPEN_PROGRAMS) opened.delete(oldest);
  }
  const found = known ?? ENGINES[engine].open(openShared(program));
  opened.set(key, found);
  return found;
}
