import type { Unit } from "../../isa/instructions/definition.ts";
import type { Program } from "../../isa/program/program.ts";
import type { StallCause } from "../../isa/tokens.ts";
import type { CycleReport, UnitCycles } from "../cycles.ts";
import type { Activity, Observer } from "./observer.ts";

/** Counts how each unit spent every cycle of one image, and when each instruction started and ended. */
export class CycleCounter implements Observer {
  readonly #program: Program;
  readonly #start: Float64Array;
  readonly #end: Float64Array;
  readonly #spent: Readonly<Record<Unit, Map<Activity, number>>> = {
    load: new Map(),
    compute: new Map(),
    store: new Map(),
  };
  #total = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#start = new Float64Array(program.instructions.length);
    this.#end = new Float64Array(program.instructions.length);
  }

  cycle(): void {
    this.#total++;
  }

  started(instruction: number, cycle: number): void {
    this.#start[instruction] = cycle;
  }

  ended(instruction: number, cycle: number): void {
    this.#end[instruction] = cycle;
  }

  unit(unit: Unit, activity: Activity): void {
    const spent = this.#spent[unit];
    spent.set(activity, (spent.get(activity) ?? 0) + 1);
  }

  /** The counts of an image that ran to its halt. */
  report(): CycleReport {
    const { load, compute, store } = this.#spent;
    const units = { load: unitCycles(load), compute: unitCycles(compute), store: unitCycles(store) };
    return { total: this.#total, units, start: this.#start, end: this.#end, layers: this.#layers() };
  }

  #layers(): number[] {
    const cycles: number[] = [];
    let reached = 0;
    for (const { firstInstruction, endInstruction } of this.#program.layers) {
      const before = reached;
      for (let index = firstInstruction; index < endInstruction; index++) {
        reached = Math.max(reached, this.#end[index] ?? 0);
      }
      cycles.push(reached - before);
    }
    const last = cycles.pop();
    if (last !== undefined) cycles.push(last + this.#total - reached);
    return cycles;
  }
}

function unitCycles(spent: ReadonlyMap<Activity, number>): UnitCycles {
  const stalls: { [Cause in StallCause]?: number } = {};
  for (const [activity, cycles] of spent) {
    if (activity !== "busy" && activity !== "idle") stalls[activity] = cycles;
  }
  return { busy: spent.get("busy") ?? 0, stalls, idle: spent.get("idle") ?? 0 };
}
