import { InvariantError } from "../../isa/diagnostic.ts";
import type { Unit } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Instruction } from "../../isa/instructions/table.ts";
import type { StallCause } from "../../isa/tokens.ts";
import type { Execution } from "./execute/execution.ts";
import { execute } from "./execute/table.ts";
import { MachineFault } from "./machine-fault.ts";
import type { MachineState } from "./machine-state.ts";
import type { Activity } from "./observer.ts";
import { checkTokenUse } from "./tokens.ts";

/** Next instruction of a unit. */
interface Fetched {
  readonly index: number;
  readonly instruction: Instruction;
}

/** One unit: takes its own instructions and the control instructions in program order, one at a time. */
export class SequencedUnit {
  readonly unit: Unit;
  /** What this cycle was spent on; meaningful once the cycle is over. */
  activity: Activity = "idle";
  readonly #state: MachineState;
  readonly #program: readonly Instruction[];
  #index: number;
  #execution: Execution | null = null;

  constructor(unit: Unit, state: MachineState, program: readonly Instruction[]) {
    this.unit = unit;
    this.#state = state;
    this.#program = program;
    this.#index = this.#following(0);
  }

  /** Whether an instruction is at work. */
  get isRunning(): boolean {
    return this.#execution !== null;
  }

  /** Index of the control instruction at which the unit waits; null at work and before any other instruction. */
  get barrier(): number | null {
    if (this.#execution !== null) return null;
    const { index, instruction } = this.#fetch();
    return INSTRUCTIONS[instruction.opcode].unit === "control" ? index : null;
  }

  /** Index of the instruction at work or next. */
  get index(): number {
    return this.#index;
  }

  /** First half of a cycle: the instruction at work does its part of this cycle, or has ended and gives its tokens. */
  advance(): void {
    if (this.#execution === null) return;
    this.#state.executing = this.#index;
    const cycle = this.#execution.next();
    if (!cycle.done) {
      this.activity = cycle.value;
      return;
    }
    this.#execution = null;
    this.#state.tokens.give(this.#fetch().instruction.signal);
    this.#state.observer.ended(this.#index, this.#state.cycle);
    this.#index = this.#following(this.#index + 1);
  }

  /** Second half, when all tokens of this cycle have been given: a free unit starts its next instruction if it may. */
  start(): void {
    if (this.#execution !== null) return;
    this.#state.executing = this.#index;
    const { index, instruction } = this.#fetch();
    const definition = INSTRUCTIONS[instruction.opcode];
    checkTokenUse(definition, instruction);
    if (instruction.opcode === "synchronise" || instruction.opcode === "halt") {
      this.activity = instruction.opcode === "halt" ? "idle" : "synchronise";
      return;
    }
    const missing: StallCause | null = this.#state.tokens.missing(instruction.wait);
    if (missing !== null) {
      this.activity = missing;
      return;
    }
    this.#state.tokens.take(instruction.wait);
    this.#state.observer.started(index, this.#state.cycle);
    this.#execution = execute(this.#state, index, instruction);
    const first = this.#execution.next();
    if (first.done) throw new InvariantError(`${instruction.opcode} took no cycle`);
    this.activity = first.value;
  }

  /** All units have met at this control instruction: the barrier takes this cycle. */
  passBarrier(): void {
    this.activity = "busy";
    this.#index = this.#following(this.#index + 1);
  }

  #fetch(): Fetched {
    const instruction = this.#program[this.#index];
    if (instruction === undefined) {
      throw new MachineFault("illegal-instruction", "the program ends without halt", this.#index);
    }
    if (!Object.hasOwn(INSTRUCTIONS, instruction.opcode)) {
      throw new MachineFault("illegal-instruction", `there is no instruction ${instruction.opcode}`, this.#index);
    }
    return { index: this.#index, instruction };
  }

  /** First instruction from an index on that concerns this unit. */
  #following(start: number): number {
    let index = start;
    for (let instruction = this.#program[index]; instruction !== undefined; instruction = this.#program[++index]) {
      if (!Object.hasOwn(INSTRUCTIONS, instruction.opcode)) return index;
      const { unit } = INSTRUCTIONS[instruction.opcode];
      if (unit === this.unit || unit === "control") return index;
    }
    return index;
  }
}
