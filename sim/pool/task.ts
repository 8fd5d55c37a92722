import type { BatchResult, EngineSession, ImageBatch, RunOptions } from "../engine.ts";
import type { EngineName } from "../engines.ts";
import type { Fault } from "../fault.ts";
import type { LocatedImages } from "./located-images.ts";
import type { SharedProgram } from "./shared-program.ts";

/** One message to a worker. */
export interface WorkerTask {
  readonly program: SharedProgram;
  readonly engine: EngineName;
  readonly batch: ImageBatch;
  readonly options: Omit<RunOptions, "located">;
  /** Of the run that the batch belongs to. */
  readonly located: LocatedImages;
}

/** What a worker answers. A rejected task therefore always means that the worker itself died. */
export type WorkerAnswer =
  | {
      readonly kind: "result";
      readonly result: BatchResult;
      /** With the first image only: every image takes the same cycles, and every worker has the same kernels. */
      readonly session: Pick<EngineSession, "cycles" | "kernels"> | null;
    }
  | { readonly kind: "fault"; readonly fault: Fault }
  | { readonly kind: "error"; readonly message: string; readonly stack: string };
