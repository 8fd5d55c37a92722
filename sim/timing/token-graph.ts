import { UNITS, type Unit } from "../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Instruction } from "../../isa/instructions/table.ts";
import type { Program } from "../../isa/program/program.ts";
import { TOKEN_CHANNELS } from "../../isa/tokens.ts";
import { admissionFault } from "../configuration.ts";
import type { Fault } from "../fault.ts";

/** A token that an instruction takes: the channel and the instruction that gave it. */
export interface TokenSource {
  readonly channel: number;
  readonly pc: number;
}

/** Which instruction waits for which, by units, tokens and barriers; independent of how long anything takes. */
export interface TokenGraph {
  /** Index into `UNITS`, or `CONTROL` for a barrier. */
  readonly unitOf: Int8Array;
  /** Every instruction once, after all those it waits for. */
  readonly order: Int32Array;
  /** Tokens each instruction takes, channels ascending. */
  readonly sources: readonly (readonly TokenSource[])[];
}

/** `unitOf` of an instruction that involves all three units. */
export const CONTROL = 3;

const NO_SOURCES: readonly TokenSource[] = [];

/**
 * Pairs waits with signals (the k-th wait of a channel takes its k-th signal) and orders the instructions. Faults: a
 * program that does not end with its only halt, a channel used by a unit that may not, a wait whose signal never comes.
 */
export function tokenGraph(
  program: Pick<Program, "instructions">,
): { readonly graph: TokenGraph } | { readonly fault: Fault } {
  const { instructions } = program;
  const fault = haltFault(instructions) ?? tokenFault(instructions);
  if (fault !== null) return { fault };

  const unitOf = Int8Array.from(instructions, ({ opcode }) => unitIndex(opcode));
  const queues = UNITS.map((_, unit) => queueOf(unitOf, unit));
  const next = UNITS.map(() => 0);
  const given: number[][] = TOKEN_CHANNELS.map(() => []);
  const taken = TOKEN_CHANNELS.map(() => 0);
  const sources: (readonly TokenSource[])[] = new Array(instructions.length).fill(NO_SOURCES);
  const order = new Int32Array(instructions.length);
  let done = 0;

  const head = (unit: number): number => queues[unit]?.[next[unit] ?? 0] ?? -1;
  const finish = (pc: number): void => {
    order[done++] = pc;
  };

  for (let before = -1; before !== done; ) {
    before = done;
    for (let unit = 0; unit < UNITS.length; unit++) {
      for (let pc = head(unit); pc >= 0 && unitOf[pc] !== CONTROL; pc = head(unit)) {
        const instruction = instructions[pc] as Instruction;
        const tokens = takeTokens(instruction.wait, given, taken);
        if (tokens === null) break;
        if (tokens.length > 0) sources[pc] = tokens;
        finish(pc);
        for (const channel of channelsOf(instruction.signal)) given[channel]?.push(pc);
        next[unit] = (next[unit] ?? 0) + 1;
      }
    }
    const barrier = head(0);
    if (barrier >= 0 && UNITS.every((_, unit) => head(unit) === barrier)) {
      finish(barrier);
      for (let unit = 0; unit < UNITS.length; unit++) next[unit] = (next[unit] ?? 0) + 1;
    }
  }
  if (done < instructions.length)
    return {
      fault: deadlockFault(
        instructions,
        UNITS.map((_, unit) => head(unit)),
        given,
        taken,
      ),
    };
  return { graph: { unitOf, order, sources } };
}

/** Channels of a mask, ascending. */
export function channelsOf(mask: number): readonly number[] {
  const channels: number[] = [];
  for (let channel = 0; mask >> channel !== 0; channel++) if ((mask >> channel) & 1) channels.push(channel);
  return channels;
}

function unitIndex(opcode: Instruction["opcode"]): number {
  const { unit } = INSTRUCTIONS[opcode];
  return unit === "control" ? CONTROL : UNITS.indexOf(unit);
}

function queueOf(unitOf: Int8Array, unit: number): Int32Array {
  const pcs: number[] = [];
  for (let pc = 0; pc < unitOf.length; pc++) if (unitOf[pc] === unit || unitOf[pc] === CONTROL) pcs.push(pc);
  return Int32Array.from(pcs);
}

/** One token of every channel in the mask, or null, taking none, where one is empty. */
function takeTokens(
  mask: number,
  given: readonly (readonly number[])[],
  taken: number[],
): readonly TokenSource[] | null {
  if (mask === 0) return NO_SOURCES;
  const tokens: TokenSource[] = [];
  for (const channel of channelsOf(mask)) {
    const pc = given[channel]?.[taken[channel] ?? 0];
    if (pc === undefined) return null;
    tokens.push({ channel, pc });
  }
  for (const { channel } of tokens) taken[channel] = (taken[channel] ?? 0) + 1;
  return tokens;
}

function haltFault(instructions: readonly Instruction[]): Fault | null {
  const first = instructions.findIndex(({ opcode }) => opcode === "halt");
  if (first < 0) {
    const last = instructions.length === 0 ? null : instructions.length - 1;
    return admissionFault("illegal-instruction", last, "the program has no halt; its last instruction must be one");
  }
  if (first < instructions.length - 1) {
    return admissionFault("illegal-instruction", first, "halt before the end of the program");
  }
  return null;
}

function tokenFault(instructions: readonly Instruction[]): Fault | null {
  for (const [pc, { opcode, wait, signal }] of instructions.entries()) {
    const { unit } = INSTRUCTIONS[opcode];
    const wrong = wrongChannel(wait, unit, "to", "wait for") ?? wrongChannel(signal, unit, "from", "signal") ?? null;
    if (wrong !== null) return admissionFault("token", pc, `${opcode}: ${wrong}`);
  }
  return null;
}

function wrongChannel(mask: number, unit: Unit | "control", side: "from" | "to", verb: string): string | null {
  for (const index of channelsOf(mask)) {
    const channel = TOKEN_CHANNELS[index];
    if (channel === undefined) return `there is no token channel ${index}`;
    if (unit === "control") return `a barrier may not ${verb} a token (${channel.name})`;
    if (channel[side] !== unit) return `only the ${channel[side]} unit may ${verb} ${channel.name}`;
  }
  return null;
}

/** Says for every unit that is left where it stands; `pc` where exactly one of them lacks a token. */
function deadlockFault(
  instructions: readonly Instruction[],
  heads: readonly number[],
  given: readonly (readonly number[])[],
  taken: readonly number[],
): Fault {
  const stuck: number[] = [];
  const texts = heads.map((pc, unit) => {
    const { opcode, wait } = instructions[pc] as Instruction;
    const empty = channelsOf(wait).filter((channel) => given[channel]?.[taken[channel] ?? 0] === undefined);
    if (empty.length === 0) return `${UNITS[unit]} waits at instruction ${pc} (${opcode}) for the other units`;
    stuck.push(pc);
    const names = empty.map((channel) => TOKEN_CHANNELS[channel]?.name).join(", ");
    return `${UNITS[unit]} waits at instruction ${pc} (${opcode}) for ${names}, which nobody signals`;
  });
  const [only] = stuck;
  return admissionFault("deadlock", stuck.length === 1 && only !== undefined ? only : null, texts.join("; "));
}
