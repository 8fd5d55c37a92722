import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UNITS, type Unit } from "../../../isa/instructions/definition.ts";
import { INSTRUCTIONS, type Instruction } from "../../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import type { Program } from "../../../isa/program/program.ts";
import { TOKEN_CHANNELS } from "../../../isa/tokens.ts";
import type { CycleReport, UnitCycles } from "../../../sim/cycles.ts";
import { formulaText, layerFormulas, type Schedule, scheduleProgram } from "../../../sim/timing/index.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import {
  configureAll,
  HALT,
  layer,
  load,
  matrix,
  pixels,
  program,
  reduction,
  SYNCHRONISE,
  store,
  tokens,
  vector,
} from "../check/build.ts";

/** One cycle per DRAM word, no latency: a load of n words of 8 bits takes n cycles, a vector of n elements n cycles. */
const MACHINE: Machine = {
  ...DEFAULT_MACHINE,
  columns: 1,
  dram: { capacityBits: 2 ** 20, wordBits: 8, bytesPerCycle: 1, latencyCycles: 0 },
};

const SETTINGS = configureAll(8);

function schedule(instructions: readonly Instruction[], layers?: Program["layers"]): Schedule {
  const result = scheduleProgram(program(instructions, undefined, MACHINE, layers));
  if ("fault" in result) throw new Error(result.fault.message);
  return result;
}

function faultOf(instructions: readonly Instruction[]): { kind: string; pc: number | null; message: string } {
  const result = scheduleProgram(program(instructions, undefined, MACHINE));
  if (!("fault" in result)) throw new Error("no fault");
  expect(result.fault.cycle).toBeNull();
  return result.fault;
}

/** A machine that only counts: every cycle, every unit either works, waits or is done. Written without closed forms. */
function stepThrough(instructions: readonly Instruction[], durations: readonly number[]): Omit<CycleReport, "layers"> {
  const count = instructions.length;
  const start = new Float64Array(count);
  const end = new Float64Array(count);
  const held = TOKEN_CHANNELS.map(() => 0);
  const spent = UNITS.map(() => ({ busy: 0, stalls: {} as Record<string, number>, idle: 0 }));
  const queues = UNITS.map((unit) =>
    instructions.flatMap(({ opcode }, pc) => {
      const owner = INSTRUCTIONS[opcode].unit;
      return owner === unit || owner === "control" ? [pc] : [];
    }),
  );
  const active: { pc: number; left: number }[] = UNITS.map(() => ({ pc: -1, left: 0 }));
  for (let cycle = 0; cycle < 2_000; cycle++) {
    // Tokens given at the end of the cycle before are seen by all now.
    for (const [unit, at] of active.entries()) {
      if (at.pc < 0 || at.left > 0) continue;
      end[at.pc] = cycle;
      for (let channel = 0; channel < 8; channel++) {
        if (((instructions[at.pc]?.signal ?? 0) >> channel) & 1) held[channel] = (held[channel] ?? 0) + 1;
      }
      active[unit] = { pc: -1, left: 0 };
    }
    if (queues.every((queue) => queue.length === 0) && active.every(({ pc }) => pc < 0)) {
      const units = Object.fromEntries(UNITS.map((name, unit) => [name, spent[unit]])) as Record<Unit, UnitCycles>;
      return { total: cycle, units, start, end };
    }
    const heads = queues.map((queue) => queue[0] ?? -1);
    const atBarrier = heads.every((pc, unit) => pc === heads[0] && active[unit]?.pc === -1);
    for (const unit of UNITS.keys()) {
      const own = spent[unit] as { busy: number; stalls: Record<string, number>; idle: number };
      const at = active[unit] as { pc: number; left: number };
      if (at.pc < 0) {
        const pc = heads[unit] as number;
        const { opcode, wait } = instructions[pc] as Instruction;
        const empty = TOKEN_CHANNELS.findIndex((_, channel) => ((wait >> channel) & 1) === 1 && held[channel] === 0);
        if (opcode === "halt" && !atBarrier) {
          own.idle++;
          continue;
        }
        const cause = opcode === "synchronise" && !atBarrier ? "synchronise" : TOKEN_CHANNELS[empty]?.cause;
        if (cause !== undefined) {
          own.stalls[cause] = (own.stalls[cause] ?? 0) + 1;
          continue;
        }
        for (let channel = 0; channel < 8; channel++)
          if ((wait >> channel) & 1) held[channel] = (held[channel] ?? 0) - 1;
        queues[unit]?.shift();
        active[unit] = { pc, left: durations[pc] as number };
        start[pc] = cycle;
      }
      own.busy++;
      (active[unit] as { left: number }).left--;
    }
  }
  throw new Error("deadlock");
}

/** Random instructions of all units with random legal tokens; many deadlock. */
const tokenPrograms = fc
  .array(
    fc.record({
      kind: fc.constantFrom("load", "vector", "store", "load", "vector", "store", "synchronise"),
      size: fc.integer({ min: 1, max: 12 }),
      wait: fc.integer({ min: 0, max: 255 }),
      signal: fc.integer({ min: 0, max: 255 }),
      sparse: fc.boolean(),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((steps) => {
    const mask = (unit: string, side: "from" | "to", bits: number): number =>
      TOKEN_CHANNELS.reduce((sum, channel, index) => (channel[side] === unit ? sum | (bits & (1 << index)) : sum), 0);
    const given = TOKEN_CHANNELS.map(() => 0);
    const instructions: Instruction[] = [...SETTINGS];
    for (const { kind, size, wait, signal, sparse } of steps) {
      if (kind === "synchronise") {
        instructions.push(SYNCHRONISE);
        continue;
      }
      const unit = kind === "vector" ? "compute" : kind;
      // Mostly wait only for what the program has signalled so far; sometimes for anything.
      let wanted = mask(unit, "to", wait);
      if (!sparse) for (const [channel, count] of given.entries()) if (count <= 0) wanted &= ~(1 << channel);
      const given2 = mask(unit, "from", signal);
      for (const channel of given.keys()) {
        given[channel] = (given[channel] ?? 0) + ((given2 >> channel) & 1) - ((wanted >> channel) & 1);
      }
      const header = { wait: wanted, signal: given2 };
      if (kind === "load") instructions.push(load({ ...header, channels: size }));
      else if (kind === "store") instructions.push(store({ ...header, channels: size }));
      else instructions.push(vector({ ...header, elements: size }));
    }
    return [...instructions, HALT];
  });

const sizeOf = (instruction: Instruction): number =>
  instruction.opcode === "load" || instruction.opcode === "store"
    ? instruction.channels
    : instruction.opcode === "vector"
      ? instruction.elements
      : 1;

function expectWhole({ total, units }: CycleReport): void {
  for (const unit of UNITS) {
    const { busy, stalls, idle } = units[unit];
    expect(busy + Object.values(stalls).reduce((sum, count) => sum + count, 0) + idle, unit).toBe(total);
  }
}

describe("the schedule of the three units", () => {
  test("equals a machine that steps through tokens cycle by cycle, deadlocks included", () => {
    let finished = 0;
    fc.assert(
      fc.property(tokenPrograms, (instructions) => {
        const result = scheduleProgram(program(instructions, undefined, MACHINE));
        if ("fault" in result) {
          expect(result.fault.kind).toBe("deadlock");
          expect(() => stepThrough(instructions, instructions.map(sizeOf))).toThrow("deadlock");
          return;
        }
        finished++;
        const { total, units, start, end } = result.report;
        expect({ total, units, start, end }).toEqual(stepThrough(instructions, instructions.map(sizeOf)));
      }),
      { numRuns: 150 },
    );
    expect(finished).toBeGreaterThan(20);
  });

  test("busy + stalls + idle is the total in every unit, and layers add up to it", () => {
    fc.assert(
      fc.property(machinePrograms(), (drawn) => {
        const result = scheduleProgram(drawn.program);
        if ("fault" in result) throw new Error(result.fault.message);
        expectWhole(result.report);
        expect(result.report.layers.reduce((sum, cycles) => sum + cycles, 0)).toBe(result.report.total);
      }),
      { numRuns: 150 },
    );
  });

  test("waiting belongs to the lowest-numbered empty channel of each cycle", () => {
    const first = SETTINGS.length;
    const { report } = schedule([
      ...SETTINGS,
      load({ channels: 20, signal: tokens("weightReady") }),
      load({ channels: 5, signal: tokens("inputReady") }),
      vector({ elements: 3, wait: tokens("inputReady", "weightReady") }),
      HALT,
    ]);
    // Load: 2 settings, then 20 and 5 cycles: tokens at 22 and 27. Compute is free after 9 settings.
    expect(report.units.compute.stalls).toEqual({ input: 18 });
    expect(report.start[first + 2]).toBe(27);

    const swapped = schedule([
      ...SETTINGS,
      load({ channels: 20, signal: tokens("inputReady") }),
      load({ channels: 5, signal: tokens("weightReady") }),
      vector({ elements: 3, wait: tokens("inputReady", "weightReady") }),
      HALT,
    ]);
    expect(swapped.report.units.compute.stalls).toEqual({ input: 13, weights: 5 });
  });

  test("waiting at synchronise is a stall, waiting at halt is idle, the barrier's own cycle is busy", () => {
    const { report } = schedule([...SETTINGS, load({ channels: 30 }), SYNCHRONISE, store({ channels: 4 }), HALT]);
    expect(report.total).toBe(2 + 30 + 1 + 4 + 1);
    expect(report.units.store).toEqual({ busy: 6, stalls: { synchronise: 32 }, idle: 0 });
    expect(report.units.load).toEqual({ busy: 34, stalls: {}, idle: 4 });
    expect(report.units.compute).toEqual({ busy: 11, stalls: { synchronise: 23 }, idle: 4 });
  });

  test("port stalls of an instruction count under their cause, not as busy", () => {
    const machine: Machine = {
      ...MACHINE,
      weightScratchpad: { ...MACHINE.weightScratchpad, bitsPerCycle: 4 },
      rows: 2,
      tail: 3,
    };
    const instructions = [...SETTINGS, pixels({}), reduction({ innerCount: 5 }), matrix({ reductionLength: 5 }), HALT];
    const result = scheduleProgram(program(instructions, undefined, machine));
    if ("fault" in result) throw new Error(result.fault.message);
    // 2·2 + 1 + 5 − 2 = 8 steps of two cycles, and the tail.
    expect(result.report.units.compute).toEqual({ busy: 9 + 2 + 8 + 3 + 1, stalls: { weights: 8 }, idle: 0 });
  });

  test("a layer moves the program forward from the end of those before it; the last takes the rest", () => {
    const first = SETTINGS.length;
    const { report } = schedule(
      [...SETTINGS, load({ channels: 50 }), load({ channels: 7 }), vector({ elements: 3 }), HALT],
      [layer("settings", 0, first), layer("loads", first, first + 2), layer("vector", first + 2, first + 3)],
    );
    // Settings end at 9, loads at 2 + 57, the vector at 12, halt at 60.
    expect(report.layers).toEqual([9, 50, 1]);
    expect(report.total).toBe(60);
  });

  test("formulas of a layer come with their multiplicities and add up to the unit's work", () => {
    fc.assert(
      fc.property(machinePrograms(), (drawn) => {
        const result = scheduleProgram(drawn.program);
        if ("fault" in result) throw new Error(result.fault.message);
        const terms = layerFormulas(drawn.program, result).flat();
        for (const unit of UNITS) {
          const { busy, stalls } = result.report.units[unit];
          const ports = (["input", "weights", "accumulator", "output"] as const).map((cause) => stalls[cause] ?? 0);
          const work = terms.reduce((sum, term) => sum + (term.unit === unit ? term.cycles * term.count : 0), 0);
          const tokenWaits = busy + ports.reduce((sum, cycles) => sum + cycles, 0) - 1 - work;
          expect(tokenWaits).toBeGreaterThanOrEqual(0);
          if (unit !== "compute") expect(busy - 1).toBe(work);
        }
      }),
      { numRuns: 50 },
    );
    const instructions = [...SETTINGS, vector({ elements: 3 }), vector({ elements: 3 }), vector({ elements: 4 }), HALT];
    const declared = program(instructions, undefined, MACHINE, [layer("all", SETTINGS.length, instructions.length)]);
    const timing = schedule(instructions);
    expect(formulaText(layerFormulas(declared, timing)[0] ?? [], "compute")).toBe(
      "2 vector × [⌈3 / 1⌉] + 1 vector × [⌈4 / 1⌉]",
    );
  });
});

describe("faults of the schedule", () => {
  test("a program without halt, with an early halt, and an empty one", () => {
    expect(faultOf([...SETTINGS])).toMatchObject({ kind: "illegal-instruction", pc: SETTINGS.length - 1 });
    expect(faultOf([HALT, HALT])).toMatchObject({ kind: "illegal-instruction", pc: 0 });
    expect(faultOf([])).toMatchObject({ kind: "illegal-instruction", pc: null });
  });

  test("a unit that waits or signals on another's channel, and a barrier with tokens", () => {
    const pc = SETTINGS.length;
    expect(faultOf([...SETTINGS, load({ wait: tokens("inputReady") }), HALT])).toMatchObject({ kind: "token", pc });
    expect(faultOf([...SETTINGS, load({ signal: tokens("stored") }), HALT])).toMatchObject({ kind: "token", pc });
    expect(faultOf([{ ...SYNCHRONISE, wait: 1 }, HALT])).toMatchObject({ kind: "token", pc: 0 });
    expect(faultOf([...SETTINGS, { ...vector({}), wait: 256 }, HALT])).toMatchObject({ kind: "token", pc });
  });

  test("a wait without a signal names instruction and channel", () => {
    const fault = faultOf([...SETTINGS, vector({ wait: tokens("inputReady") }), HALT]);
    expect(fault).toMatchObject({ kind: "deadlock", pc: SETTINGS.length });
    expect(fault.message).toContain("inputReady");
  });

  test("two units that wait for each other have no single instruction to blame", () => {
    const fault = faultOf([
      ...SETTINGS,
      load({ wait: tokens("inputFree"), signal: tokens("inputReady") }),
      vector({ wait: tokens("inputReady"), signal: tokens("inputFree") }),
      HALT,
    ]);
    expect(fault).toMatchObject({ kind: "deadlock", pc: null });
    expect(fault.message).toContain("inputFree");
    expect(fault.message).toContain("inputReady");
  });

  test("a token that is given only behind a barrier never arrives before it", () => {
    const fault = faultOf([
      ...SETTINGS,
      vector({ wait: tokens("inputReady") }),
      SYNCHRONISE,
      load({ signal: tokens("inputReady") }),
      HALT,
    ]);
    expect(fault.kind).toBe("deadlock");
  });

  test("a program of more than 2^53 cycles", () => {
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      rows: 1,
      columns: 1,
      inputScratchpad: { ...DEFAULT_MACHINE.inputScratchpad, bitsPerCycle: 1 },
    };
    const huge = [
      ...configureAll(64),
      pixels({ rowCount: 65535, columnCount: 65535 }),
      reduction({ outerCount: 16777215, innerCount: 1 }),
      matrix({ columns: 65535, reductionLength: 16777215 }),
      HALT,
    ];
    expect(scheduleProgram(program(huge, undefined, machine))).toMatchObject({
      fault: { kind: "configuration", message: expect.stringContaining("2^53") },
    });
  });
});
