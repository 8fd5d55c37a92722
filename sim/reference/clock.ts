import { UNITS } from "../../isa/instructions/definition.ts";
import type { Instruction } from "../../isa/instructions/table.ts";
import { compareSites, type OverflowSite } from "../evidence.ts";
import { type Fault, trapFault } from "../fault.ts";
import { MachineFault } from "./machine-fault.ts";
import type { MachineState } from "./machine-state.ts";
import { SequencedUnit } from "./unit.ts";

/**
 * Runs a program from cycle 0 to its halt: the global clock. With `trapsStop` the machine stops at the end of the first
 * cycle in which a `trap` register overflows; without, traps only saturate. Returns the fault that stopped it, or null.
 */
export function runProgram(state: MachineState, program: readonly Instruction[], trapsStop: boolean): Fault | null {
  const units = UNITS.map((unit) => new SequencedUnit(unit, state, program));
  try {
    for (; ; state.cycle++) {
      const halted = clockCycle(state, units, program);
      const trap = trapsStop ? firstTrap(state.trapped) : undefined;
      if (trap !== undefined) return trapFault(trap);
      if (halted) return null;
    }
  } catch (error) {
    if (!(error instanceof MachineFault)) throw error;
    return {
      kind: error.kind,
      pc: error.pc === undefined ? state.executing : error.pc,
      cycle: state.cycle,
      message: error.message,
      site: null,
    };
  }
}

/** One cycle of the whole machine; true where it was the last. */
function clockCycle(state: MachineState, units: readonly SequencedUnit[], program: readonly Instruction[]): boolean {
  state.observer.cycle(state.cycle);
  state.bankAdders.step((instruction) => {
    state.executing = instruction;
  });
  for (const unit of units) unit.advance();
  for (const unit of units) unit.start();
  const passed = passBarrier(state, units);
  if (passed === null && !units.some((unit) => unit.isRunning)) throw deadlock(units, program);
  for (const { unit, activity } of units) state.observer.unit(unit, activity, state.cycle);
  return passed !== null && program[passed]?.opcode === "halt";
}

/** Lets the units go on where all of them have met at one control instruction; its index, or null. */
function passBarrier(state: MachineState, units: readonly SequencedUnit[]): number | null {
  const [met, ...others] = new Set(units.map((unit) => unit.barrier));
  if (met === undefined || met === null || others.length > 0) return null;
  state.observer.started(met, state.cycle);
  for (const unit of units) unit.passBarrier();
  state.observer.ended(met, state.cycle + 1);
  return met;
}

/** Nobody works, nobody can start: nothing will ever change. */
function deadlock(units: readonly SequencedUnit[], program: readonly Instruction[]): MachineFault {
  const waits = units.map(({ unit, index, activity }) => {
    return `${unit} waits at instruction ${index} (${program[index]?.opcode}) for ${activity === "idle" ? "the end" : activity}`;
  });
  const blocked = units.filter((unit) => unit.barrier === null);
  return new MachineFault("deadlock", waits.join("; "), blocked.length === 1 ? blocked[0]?.index : null);
}

function firstTrap(sites: readonly OverflowSite[]): OverflowSite | undefined {
  return sites.length === 0 ? undefined : [...sites].sort(compareSites)[0];
}
