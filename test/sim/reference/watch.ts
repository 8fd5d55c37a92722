import { rawAt } from "../../../isa/numerics/raws.ts";
import type { Program } from "../../../isa/program/program.ts";
import type { BatchResult } from "../../../sim/engine.ts";
import type { EvidenceRegister } from "../../../sim/evidence.ts";
import type { Activity, Observer } from "../../../sim/reference/observer.ts";
import { runImages } from "./programs.ts";

/** One register write of one instruction; `cycle` counts from the instruction's start. */
export interface RegisterEvent {
  readonly register: EvidenceRegister;
  readonly cycle: number;
  readonly row: number;
  readonly column: number;
  readonly pixel: number;
  readonly channel: number;
  readonly step: number;
  readonly after: bigint;
}

export interface Watched {
  readonly result: BatchResult;
  /** The output tensor of the image. */
  readonly outputs: readonly bigint[];
  /** In the order in which the machine writes. */
  readonly events: readonly RegisterEvent[];
  /** Cycles of the instruction. */
  readonly cycles: number;
}

/** Runs one image and reports what one instruction does. */
export function watch(program: Program, image: readonly bigint[], instruction: number): Watched {
  const events: RegisterEvent[] = [];
  let [start, end] = [0, 0];
  const observer: Observer = {
    started: (index, cycle) => {
      if (index === instruction) start = cycle;
    },
    ended: (index, cycle) => {
      if (index === instruction) end = cycle;
    },
    quantized: ({ site }) => {
      if (site.instruction !== instruction) return;
      const { register, row, column, pixel, channel, step, after } = site;
      events.push({ register, cycle: site.cycle - start, row, column, pixel, channel, step, after });
    },
  };
  const result = runImages(program, [image], { observers: [observer] });
  return { result, outputs: outputsOf(program, result), events, cycles: end - start };
}

/** The output raws of all images of a result. */
export function outputsOf(program: Program, result: BatchResult): bigint[] {
  const tensor = program.tensors.find(({ name }) => name === program.output);
  if (tensor === undefined) throw new Error("the program has no output tensor");
  return Array.from({ length: result.outputs.length }, (_, index) => rawAt(result.outputs, index, tensor.format));
}

/** What each unit does in each cycle of one image. */
export function timeline(program: Program, image: readonly bigint[] = [0n]): Record<string, Activity[]> {
  const lines: Record<string, Activity[]> = { load: [], compute: [], store: [] };
  const { fault } = runImages(program, [image], {
    observers: [{ unit: (unit, activity) => void lines[unit]?.push(activity) }],
  });
  if (fault !== null) throw new Error(`${fault.kind}: ${fault.message}`);
  return lines;
}
