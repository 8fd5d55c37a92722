/**
 * Collects the instructions of a program and puts tokens between them. A layer emits its instructions in the order in
 * which they make sense one after the other and says which bits each touches; where two units touch the same bits, the
 * emitter lets the earlier one signal and the later one wait. Units overlap as far as that leaves them free.
 *
 * The k-th wait of a channel takes the k-th signal, and so it does here: a wait is put in only where the instruction to
 * wait for is later than any waited for on that channel before, so signals and waits pair up in order, one to one. An
 * instruction always waits for an earlier one, so a program cannot deadlock.
 */
import type { ConfigureActivation } from "../../isa/instructions/configure-activation.ts";
import type { ConfigureBounds } from "../../isa/instructions/configure-bounds.ts";
import type { ConfigureDivisor } from "../../isa/instructions/configure-divisor.ts";
import type { ConfigurePieces } from "../../isa/instructions/configure-pieces.ts";
import type { ConfigurePixels } from "../../isa/instructions/configure-pixels.ts";
import type { ConfigureReduction } from "../../isa/instructions/configure-reduction.ts";
import type { MachineRegister } from "../../isa/instructions/configure-register.ts";
import type { ConfigureTable } from "../../isa/instructions/configure-table.ts";
import type { Unit } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Instruction } from "../../isa/instructions/table.ts";
import { type RegisterSpec, registersEqual } from "../../isa/numerics/register.ts";
import { TOKEN_CHANNELS } from "../../isa/tokens.ts";
import { DEFAULT_LIMITS, type SizeLimits, tooLarge } from "../size-limits.ts";
import { type Access, AccessMap, type BitRange } from "./memory/access-map.ts";

/** Memories that two units share; the accumulator bank is the compute unit's own. */
export type SharedMemory = "dram" | "inputScratchpad" | "weightScratchpad" | "outputBuffer";

export interface MemoryRange extends BitRange {
  readonly memory: SharedMemory;
}

/** What an instruction touches. A range may be larger than the words touched: that costs overlap, not correctness. */
export interface Effects {
  readonly reads?: readonly MemoryRange[];
  readonly writes?: readonly MemoryRange[];
}

type WithoutTokens<Kind> = Kind extends Instruction ? Omit<Kind, "wait" | "signal"> : never;

/** An instruction before it has tokens. */
export type NewInstruction = WithoutTokens<Instruction>;

export type Settings<Kind extends Instruction> = Omit<Kind, "opcode" | "wait" | "signal">;

/** Which access of which memory each channel of `TOKEN_CHANNELS` keeps in order. */
const CHANNEL_HAZARDS: Readonly<
  Record<string, { readonly memory: SharedMemory; readonly earlier: Access; readonly later: Access }>
> = {
  inputReady: { memory: "inputScratchpad", earlier: "write", later: "read" },
  weightReady: { memory: "weightScratchpad", earlier: "write", later: "read" },
  inputFree: { memory: "inputScratchpad", earlier: "read", later: "write" },
  weightFree: { memory: "weightScratchpad", earlier: "read", later: "write" },
  outputReady: { memory: "outputBuffer", earlier: "write", later: "read" },
  outputFree: { memory: "outputBuffer", earlier: "read", later: "write" },
  stored: { memory: "dram", earlier: "write", later: "read" },
  consumed: { memory: "dram", earlier: "read", later: "write" },
};

interface Channel {
  readonly bit: number;
  readonly to: Unit;
  readonly memory: SharedMemory;
  readonly earlier: Access;
  readonly later: Access;
  /** The latest instruction waited for. */
  lastSignal: number;
}

type Draft = NewInstruction & { wait: number; signal: number };

export class Emitter {
  readonly #limits: SizeLimits;
  readonly #where: string;
  readonly #instructions: Draft[] = [];
  readonly #registers: Map<MachineRegister, RegisterSpec> = new Map<MachineRegister, RegisterSpec>();
  readonly #settings: Map<string, string> = new Map<string, string>();
  readonly #accesses: Readonly<Record<SharedMemory, AccessMap>> = {
    dram: new AccessMap(),
    inputScratchpad: new AccessMap(),
    weightScratchpad: new AccessMap(),
    outputBuffer: new AccessMap(),
  };
  readonly #channels: readonly Channel[] = TOKEN_CHANNELS.flatMap(({ name, to }, index) => {
    const hazard = CHANNEL_HAZARDS[name];
    return hazard === undefined ? [] : [{ bit: 1 << index, to, ...hazard, lastSignal: -1 }];
  });

  /** `where` opens the place of the diagnostic for a program beyond the limits. */
  constructor(limits: SizeLimits = DEFAULT_LIMITS, where = "model") {
    this.#limits = limits;
    this.#where = where;
  }

  /** Instructions so far: the index of the next one. */
  get length(): number {
    return this.#instructions.length;
  }

  /** Appends an instruction and returns its index. Throws `DiagnosticError` SIZE beyond the limit of instructions. */
  emit(instruction: NewInstruction, effects: Effects = {}): number {
    const index = this.#instructions.length;
    if (index >= this.#limits.instructions) {
      const what = "the program has more instructions than its tiles are worth: memories of the machine hold few words";
      throw tooLarge(this.#where, what, "instructions", this.#limits);
    }
    const { unit } = INSTRUCTIONS[instruction.opcode];
    const touched: Record<Access, readonly MemoryRange[]> = { read: effects.reads ?? [], write: effects.writes ?? [] };
    const draft: Draft = { ...instruction, wait: 0, signal: 0 };

    for (const channel of this.#channels) {
      if (channel.to !== unit) continue;
      const ranges = touched[channel.later].filter(({ memory }) => memory === channel.memory);
      const accesses = this.#accesses[channel.memory];
      const before = Math.max(-1, ...ranges.map((range) => accesses.latest(channel.earlier, range)));
      const signaller = this.#instructions[before];
      if (signaller === undefined || before <= channel.lastSignal) continue;
      signaller.signal |= channel.bit;
      draft.wait |= channel.bit;
      channel.lastSignal = before;
    }
    for (const access of ["read", "write"] as const) {
      for (const range of touched[access]) this.#accesses[range.memory].note(access, range, index);
    }
    this.#instructions.push(draft);
    return index;
  }

  /** Sets a register of the compute unit, where it is not set so already. */
  setRegister(register: Exclude<MachineRegister, "source" | "input">, spec: RegisterSpec): void {
    this.#configure("configure.register", register, spec);
  }

  /** Sets the registers of the load unit: words in DRAM, words in the scratchpad. */
  setLoad(source: RegisterSpec, input: RegisterSpec): void {
    this.#configure("configure.load", "source", source);
    this.#configure("configure.load", "input", input);
  }

  setReduction(settings: Settings<ConfigureReduction>): void {
    if (this.#changes("reduction", Object.values(settings))) this.emit({ opcode: "configure.reduction", ...settings });
  }

  setPixels(settings: Settings<ConfigurePixels>): void {
    if (this.#changes("pixels", Object.values(settings))) this.emit({ opcode: "configure.pixels", ...settings });
  }

  setActivation(settings: Settings<ConfigureActivation>): void {
    if (this.#changes("activation", Object.values(settings))) {
      this.emit({ opcode: "configure.activation", ...settings });
    }
  }

  setTable(settings: Settings<ConfigureTable>): void {
    if (this.#changes("table", Object.values(settings))) this.emit({ opcode: "configure.table", ...settings });
  }

  setPieces(settings: Settings<ConfigurePieces>): void {
    if (this.#changes("pieces", Object.values(settings))) this.emit({ opcode: "configure.pieces", ...settings });
  }

  setBounds(settings: Settings<ConfigureBounds>): void {
    if (this.#changes("bounds", Object.values(settings))) this.emit({ opcode: "configure.bounds", ...settings });
  }

  setDivisor(settings: Settings<ConfigureDivisor>): void {
    if (this.#changes("divisor", Object.values(settings))) this.emit({ opcode: "configure.divisor", ...settings });
  }

  /** The program, ended by `halt`. */
  finish(): readonly Instruction[] {
    this.emit({ opcode: "halt" });
    return this.#instructions as readonly Instruction[];
  }

  #configure(opcode: "configure.register" | "configure.load", register: MachineRegister, spec: RegisterSpec): void {
    const current = this.#registers.get(register);
    if (current !== undefined && registersEqual(current, spec)) return;
    this.#registers.set(register, spec);
    const { format, rounding, overflow, saturatedBits, dialect } = spec;
    const { wordLength, signed } = format;
    const fractionLength = BigInt(format.fractionLength);
    this.emit({ opcode, register, wordLength, fractionLength, signed, rounding, overflow, saturatedBits, dialect });
  }

  #changes(setting: string, values: readonly unknown[]): boolean {
    const text = values.join(" ");
    if (this.#settings.get(setting) === text) return false;
    this.#settings.set(setting, text);
    return true;
  }
}
