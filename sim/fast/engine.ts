import { walkConfiguration } from "../configuration.ts";
import type { Engine } from "../engine.ts";
import { scheduleProgram } from "../timing/schedule.ts";
import type { KernelLibrary } from "./kernels/contract.ts";
import { VECTOR_KERNELS } from "./kernels/wasm/library.ts";
import { prepareProgram } from "./prepare/prepare.ts";
import { FastSession } from "./session.ts";

/**
 * An engine that runs whole instructions on blocks of words: values by the kernels of a library, cycles from the timing
 * model, evidence by counting in the kernels and a second pass where something must be located: the first overflow of a
 * register in a layer, unless an earlier image has one (`RunOptions.located`). The program must have been admitted
 * (sim/check).
 */
export function fastEngineWith(library: KernelLibrary): Engine {
  return {
    name: "fast",
    open: (program) => {
      const schedule = scheduleProgram(program);
      if ("fault" in schedule) return schedule;
      const walk = walkConfiguration(program);
      if ("fault" in walk) return walk;
      const prepared = prepareProgram(program, walk.configured, schedule, library.forProgram?.() ?? library);
      return { session: new FastSession(program, prepared, schedule.report) };
    },
  };
}

export const fastEngine: Engine = fastEngineWith(VECTOR_KERNELS);
