import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INSTRUCTIONS, type Instruction } from "../../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import type { Program } from "../../../isa/program/program.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { configureAll, HALT, load, program, SYNCHRONISE, store, tensors, tokens, vector } from "./build.ts";

/*
 * Programs of loads, copies and stores of 8-bit words on tiny memories, and two judges that know no clocks and no
 * segments: one looks at all pairs of instructions, one runs the program with random durations.
 */

const SETTINGS = configureAll(8);
const WORDS = 8;
const DECLARED = tensors(["in", "input", WORDS, 8], ["mid", "input", WORDS, 8], ["out", "input", WORDS, 8]);
const MEMORY = { capacityBits: 8 * WORDS, banks: 1, bitsPerCycle: 64 };
const MACHINE: Machine = { ...DEFAULT_MACHINE, inputScratchpad: MEMORY, outputBuffer: MEMORY };

interface Move {
  readonly unit: "load" | "compute" | "store";
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** Words as `memory:number`. */
function moveOf(instruction: Instruction): Move | null {
  const words = (memory: string, address: number, count: number): readonly string[] =>
    Array.from({ length: count }, (_, word) => `${memory}:${address / 8 + word}`);
  switch (instruction.opcode) {
    case "load":
      return {
        unit: "load",
        reads: words("dram", instruction.dramAddress, instruction.channels),
        writes: words("scratchpad", instruction.address, instruction.channels),
      };
    case "vector":
      return {
        unit: "compute",
        reads: words("scratchpad", instruction.addressA, instruction.elements),
        writes: words("buffer", instruction.outputAddress, instruction.elements),
      };
    case "store":
      return {
        unit: "store",
        reads: words("buffer", instruction.address, instruction.channels),
        writes: words("dram", instruction.dramAddress, instruction.channels),
      };
    default:
      return null;
  }
}

/** For every instruction those that directly precede it in its unit, through a token or at a barrier. */
function predecessors(instructions: readonly Instruction[]): readonly (readonly number[])[] {
  const signals = new Map<number, number[]>();
  for (const [pc, { signal }] of instructions.entries()) {
    for (let channel = 0; channel < 8; channel++) {
      if ((signal >> channel) & 1) signals.set(channel, [...(signals.get(channel) ?? []), pc]);
    }
  }
  const taken = new Map<number, number>();
  return instructions.map(({ opcode, wait }, pc) => {
    const before: number[] = [];
    for (let other = 0; other < pc; other++) {
      const units = [opcode, (instructions[other] as Instruction).opcode].map((name) => INSTRUCTIONS[name].unit);
      if (units[0] === units[1] || units.includes("control")) before.push(other);
    }
    for (let channel = 0; channel < 8; channel++) {
      if (((wait >> channel) & 1) === 0) continue;
      const index = taken.get(channel) ?? 0;
      before.push(signals.get(channel)?.[index] as number);
      taken.set(channel, index + 1);
    }
    return before;
  });
}

/** All pairs: the first instruction that reads an unwritten word or conflicts with an earlier, unordered one. */
function judgePairs(instructions: readonly Instruction[]): { kind: string; pc: number } | null {
  const direct = predecessors(instructions);
  const reaches = (from: number, to: number): boolean => {
    const seen = new Set<number>();
    const open = [to];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === from) return true;
      for (const each of direct[at] ?? []) {
        if (!seen.has(each)) open.push(each);
        seen.add(each);
      }
    }
    return false;
  };
  const written = new Set<string>();
  for (const { address } of DECLARED)
    for (let word = 0; word < WORDS; word++) written.add(`dram:${address / 8 + word}`);
  for (const [pc, instruction] of instructions.entries()) {
    const move = moveOf(instruction);
    if (!move) continue;
    if (move.reads.some((word) => !written.has(word))) return { kind: "uninitialised", pc };
    for (let other = 0; other < pc; other++) {
      const earlier = moveOf(instructions[other] as Instruction);
      if (!earlier || earlier.unit === move.unit) continue;
      const conflict =
        earlier.writes.some((word) => move.reads.includes(word) || move.writes.includes(word)) ||
        earlier.reads.some((word) => move.writes.includes(word));
      if (conflict && !reaches(other, pc)) return { kind: "hazard", pc };
    }
    for (const word of move.writes) written.add(word);
  }
  return null;
}

/** What every word holds at the end when instructions take these times and touch memory at any moment while they run. */
function run(instructions: readonly Instruction[], random: () => number): ReadonlyMap<string, string> {
  const direct = predecessors(instructions);
  const end = new Map<number, number>();
  const endOf = (pc: number): number => {
    const known = end.get(pc);
    if (known !== undefined) return known;
    const start = Math.max(0, ...(direct[pc] ?? []).map(endOf));
    const finish = start + 1 + random() * 10;
    end.set(pc, finish);
    const move = moveOf(instructions[pc] as Instruction);
    if (move) {
      const read = start + random() * (finish - start) * 0.999;
      events.push({ pc, time: read, write: false, move });
      events.push({ pc, time: read + random() * (finish - read) * 0.999, write: true, move });
    }
    return finish;
  };
  const events: { pc: number; time: number; write: boolean; move: Move }[] = [];
  for (const pc of instructions.keys()) endOf(pc);
  events.sort((a, b) => a.time - b.time || Number(a.write) - Number(b.write));
  const memory = new Map<string, string>();
  const held = new Map<number, readonly string[]>();
  for (const { pc, write, move } of events) {
    if (!write)
      held.set(
        pc,
        move.reads.map((word) => memory.get(word) ?? word),
      );
    else for (const [index, word] of move.writes.entries()) memory.set(word, `${pc}(${held.get(pc)?.[index]})`);
  }
  return memory;
}

/** Copies from random places to random places, one after another, ordered by the tokens of a plain pipeline. */
const drawnPrograms = fc
  .array(
    fc.record({
      kind: fc.constantFrom("load", "vector", "store", "synchronise"),
      from: fc.integer({ min: 0, max: WORDS - 3 }),
      to: fc.integer({ min: 0, max: WORDS - 3 }),
      count: fc.integer({ min: 1, max: 3 }),
      tensor: fc.integer({ min: 0, max: 2 }),
      keep: fc.integer({ min: 0, max: 7 }),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) => {
    const all = load({ channels: WORDS });
    const instructions: Instruction[] = [all, SYNCHRONISE, vector({ elements: WORDS }), SYNCHRONISE];
    const channels: Record<string, string> = {
      "load vector": "inputReady",
      "vector load": "inputFree",
      "vector store": "outputReady",
      "store vector": "outputFree",
      "store load": "stored",
      "load store": "consumed",
    };
    let last: { kind: string; pc: number } | null = null;
    for (const { kind, from, to, count, tensor, keep } of steps) {
      if (kind === "synchronise") {
        if (keep < 3) instructions.push(SYNCHRONISE);
        continue;
      }
      const dram = (DECLARED[tensor]?.address ?? 0) + 8 * from;
      const next: Instruction =
        kind === "load"
          ? load({ dramAddress: dram, address: 8 * to, channels: count })
          : kind === "store"
            ? store({ dramAddress: dram, address: 8 * to, channels: count })
            : vector({ addressA: 8 * from, outputAddress: 8 * to, elements: count });
      const channel = last ? channels[`${last.kind} ${kind}`] : undefined;
      instructions.push(next);
      // Most hand-overs keep their token; the others are the ones that may hurt.
      if (last && channel && keep > 0) {
        const bit = tokens(channel);
        const giver = instructions[last.pc] as Instruction;
        instructions[last.pc] = { ...giver, signal: giver.signal | bit };
        instructions[instructions.length - 1] = { ...next, wait: bit };
      }
      last = { kind, pc: instructions.length - 1 };
    }
    return instructions;
  });

function wrap(instructions: readonly Instruction[]): Program {
  return program([...SETTINGS, ...instructions, HALT], DECLARED, MACHINE);
}

describe("hazards on random programs", () => {
  test("are those that a look at all pairs of instructions finds, at the same instruction", () => {
    const seen = { hazard: 0, uninitialised: 0, none: 0 };
    fc.assert(
      fc.property(drawnPrograms, (instructions) => {
        const fault = checkProgram(wrap(instructions));
        const expected = judgePairs(instructions);
        const found = fault && { kind: fault.kind, pc: (fault.pc ?? 0) - SETTINGS.length };
        expect(found).toEqual(expected);
        seen[(fault?.kind ?? "none") as keyof typeof seen]++;
      }),
      { numRuns: 800 },
    );
    expect(seen.hazard).toBeGreaterThan(100);
    expect(seen.none).toBeGreaterThan(100);
  });

  test("an admitted program leaves the same words however long its instructions take", () => {
    const changed = { admitted: 0, refused: 0 };
    fc.assert(
      fc.property(
        drawnPrograms,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (instructions, stream) => {
          const random = (): number => stream.next().value ?? 0.5;
          const fault = checkProgram(wrap(instructions));
          const first = run(instructions, random);
          for (let repeat = 0; repeat < 4; repeat++) {
            const again = run(instructions, random);
            const same = first.size === again.size && [...first].every(([word, value]) => again.get(word) === value);
            if (fault === null) expect(again).toEqual(first);
            if (!same) changed[fault === null ? "admitted" : "refused"]++;
          }
        },
      ),
      { numRuns: 400 },
    );
    expect(changed.admitted).toBe(0);
    // The judge can see a difference: some refused programs really change.
    expect(changed.refused).toBeGreaterThan(10);
  });

  test("a token taken out of an admitted program of the compiler's shape faults or changes no order", () => {
    let faults = 0;
    let removals = 0;
    fc.assert(
      fc.property(machinePrograms(2), fc.nat(), ({ program: drawn }, choice) => {
        expect(checkProgram(drawn)).toBeNull();
        const waiting = drawn.instructions.flatMap(({ wait }, pc) => (wait === 0 ? [] : [pc]));
        const pc = waiting[choice % waiting.length] as number;
        const instructions = drawn.instructions.map((each, at) => (at === pc ? { ...each, wait: 0 } : each));
        const fault = checkProgram({ ...drawn, instructions });
        removals++;
        if (fault === null) return;
        faults++;
        expect(fault.kind).toBe("hazard");
      }),
      { numRuns: 100 },
    );
    expect(faults).toBeGreaterThan(removals / 2);
  });
});
