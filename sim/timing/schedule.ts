import { UNITS, type Unit } from "../../isa/instructions/definition.ts";
import type { Instruction } from "../../isa/instructions/table.ts";
import type { Program } from "../../isa/program/program.ts";
import { type StallCause, TOKEN_CHANNELS } from "../../isa/tokens.ts";
import { admissionFault, type ConfiguredInstruction, walkConfiguration } from "../configuration.ts";
import type { CycleReport, UnitCycles } from "../cycles.ts";
import type { Fault } from "../fault.ts";
import { instructionCycles } from "./instruction-cycles.ts";
import type { InstructionCycles } from "./occupancy.ts";
import { type TokenGraph, type TokenSource, tokenGraph } from "./token-graph.ts";

/** What the closed forms say of a whole program. */
export interface Schedule {
  readonly report: CycleReport;
  /** One per instruction. */
  readonly instructions: readonly InstructionCycles[];
}

/**
 * Cycles of one image from shapes and tokens alone, without stepping: O(instructions). Faults: configuration, halt,
 * token use, deadlock, and a program of more than 2^53 cycles, which no counter here could hold.
 */
export function scheduleProgram(program: Program): Schedule | { readonly fault: Fault } {
  const walk = walkConfiguration(program);
  if ("fault" in walk) return walk;
  const tokens = tokenGraph(program);
  if ("fault" in tokens) return tokens;
  return scheduleGraph(program, walk.configured, tokens.graph);
}

/** The same where configuration and tokens are resolved already. */
export function scheduleGraph(
  program: Program,
  configured: readonly ConfiguredInstruction[],
  graph: TokenGraph,
): Schedule | { readonly fault: Fault } {
  const instructions = configured.map((each) => instructionCycles(each, program.machine));
  const count = instructions.length;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  const units = UNITS.map(() => new UnitClock());
  for (const pc of graph.order) {
    const { cycles, stalls } = instructions[pc] as InstructionCycles;
    const unit = units[graph.unitOf[pc] as number];
    if (unit) {
      start[pc] = unit.waitForTokens(graph.sources[pc] ?? [], end);
      unit.work(cycles, stalls);
    } else {
      start[pc] = Math.max(...units.map(({ free }) => free));
      const { opcode } = program.instructions[pc] as Instruction;
      for (const each of units) each.pass(start[pc] ?? 0, opcode === "halt");
    }
    const last = (start[pc] ?? 0) + cycles;
    end[pc] = last;
    if (last > Number.MAX_SAFE_INTEGER) {
      return { fault: admissionFault("configuration", pc, "the program takes more than 2^53 cycles up to here") };
    }
  }
  const total = Math.max(0, ...units.map(({ free }) => free));
  const perUnit = Object.fromEntries(UNITS.map((name, unit) => [name, units[unit]?.report()]));
  return {
    report: {
      total,
      units: perUnit as Record<Unit, UnitCycles>,
      start,
      end,
      layers: layerCycles(program, end, total),
    },
    instructions,
  };
}

/** One unit's time line. */
class UnitClock {
  /** First cycle in which the unit has nothing to do. */
  free = 0;
  #busy = 0;
  #idle = 0;
  readonly #stalls: { [Cause in StallCause]?: number } = {};

  #stall(cause: StallCause, cycles: number): void {
    this.#stalls[cause] = (this.#stalls[cause] ?? 0) + cycles;
  }

  /**
   * Moves to the first cycle in which every token is there. A cycle of waiting belongs to the lowest-numbered channel
   * that is empty in it: channels come ascending, and each takes the cycles that those before it have left.
   */
  waitForTokens(sources: readonly TokenSource[], end: Float64Array): number {
    for (const { channel, pc } of sources) {
      const given = end[pc] ?? 0;
      const cause = TOKEN_CHANNELS[channel]?.cause;
      if (given <= this.free || cause === undefined) continue;
      this.#stall(cause, given - this.free);
      this.free = given;
    }
    return this.free;
  }

  work(cycles: number, stalls: { readonly [Cause in StallCause]?: number }): void {
    let stalled = 0;
    for (const [cause, count] of Object.entries(stalls)) {
      this.#stall(cause as StallCause, count);
      stalled += count;
    }
    this.#busy += cycles - stalled;
    this.free += cycles;
  }

  /** Takes part in a barrier that happens in `cycle`; waiting for `halt` is idle time. */
  pass(cycle: number, halt: boolean): void {
    const waited = cycle - this.free;
    if (halt) this.#idle += waited;
    else if (waited > 0) this.#stall("synchronise", waited);
    this.#busy += 1;
    this.free = cycle + 1;
  }

  report(): UnitCycles {
    return { busy: this.#busy, stalls: this.#stalls, idle: this.#idle };
  }
}

/** See `CycleReport.layers`. */
function layerCycles(program: Program, end: Float64Array, total: number): readonly number[] {
  let reached = 0;
  return program.layers.map(({ firstInstruction, endInstruction }, index) => {
    const before = reached;
    for (let pc = firstInstruction; pc < endInstruction; pc++) reached = Math.max(reached, end[pc] ?? 0);
    if (index === program.layers.length - 1) reached = total;
    return reached - before;
  });
}
