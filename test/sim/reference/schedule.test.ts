import { describe, expect, it } from "vitest";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import type { StallCause } from "../../../isa/tokens.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import type { Activity } from "../../../sim/reference/observer.ts";
import {
  activation,
  HALT,
  layer,
  load,
  matrix,
  pixels,
  programOf,
  reduction,
  requantize,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  tokens,
  vector,
} from "./programs.ts";
import { timeline } from "./watch.ts";

const FORMAT = fixedPoint(8, 0);

/** 16 words of 8 bits take two cycles; a latency of 2 makes it four. */
const MACHINE = { ...SMALL_MACHINE, dram: { ...SMALL_MACHINE.dram, latencyCycles: 2 } };

function programWith(instructions: readonly Instruction[], layers = [layer("all", 0, instructions.length)]) {
  return programOf(
    MACHINE,
    [
      { name: "input", role: "input", format: FORMAT, length: 16 },
      { name: "output", role: "output", format: FORMAT, length: 16 },
    ],
    instructions,
    { layers },
  );
}

const IMAGE = Array.from({ length: 16 }, (_, index) => BigInt(index));
const SETTINGS: readonly Instruction[] = [
  set("source", FORMAT),
  set("input", FORMAT),
  set("operandA", FORMAT),
  set("output", FORMAT),
  activation("none"),
];

/** Load → copy → store of 16 words through tokens. */
const PIPELINE: readonly Instruction[] = [
  ...SETTINGS,
  load({ channels: 16, signal: tokens("inputReady") }),
  vector({ operation: "copy", elements: 16, wait: tokens("inputReady"), signal: tokens("outputReady", "inputFree") }),
  store({ channels: 16, wordLength: 8, dramAddress: 128, wait: tokens("outputReady"), signal: tokens("stored") }),
  HALT,
];

/** "busy 2, input 3 …": runs of equal activities. */
function runs(line: readonly Activity[] | undefined): string {
  const found: { activity: Activity; cycles: number }[] = [];
  for (const activity of line ?? []) {
    const last = found.at(-1);
    if (last?.activity === activity) last.cycles++;
    else found.push({ activity, cycles: 1 });
  }
  return found.map(({ activity, cycles }) => `${activity} ${cycles}`).join(", ");
}

describe("the three units", () => {
  it("start in the cycle after the signal they waited for, and count what they waited for", () => {
    const lines = timeline(programWith(PIPELINE), IMAGE);
    // load: two settings, then cycles 2 … 5; vector: 6 … 13; store: 14 … 17; halt: 18.
    expect(runs(lines.load)).toBe("busy 6, idle 12, busy 1");
    expect(runs(lines.compute)).toBe("busy 3, input 3, busy 8, idle 4, busy 1");
    expect(runs(lines.store)).toBe("compute 14, busy 5");
  });

  it("report starts, ends, busy, stalls and idle of the same run", () => {
    const { session } = referenceEngine.open(programWith(PIPELINE));
    const { total, units, start, end, layers } = session.cycles;
    expect(total).toBe(19);
    expect([...start]).toEqual([0, 1, 0, 1, 2, 2, 6, 14, 18]);
    expect([...end]).toEqual([1, 2, 1, 2, 3, 6, 14, 18, 19]);
    expect(units).toEqual({
      load: { busy: 7, stalls: {}, idle: 12 },
      compute: { busy: 12, stalls: { input: 3 }, idle: 4 },
      store: { busy: 5, stalls: { compute: 14 }, idle: 0 },
    });
    expect(layers).toEqual([19]);
  });

  it("give each layer what it moves the running end forward, the halt to the last", () => {
    const layers = [layer("settings", 0, 5), layer("load", 5, 6), layer("late", 6, 8)];
    expect(referenceEngine.open(programWith(PIPELINE, layers)).session.cycles.layers).toEqual([3, 3, 13]);
    const reversed = [layer("early", 0, 7), layer("store", 7, 8)];
    expect(referenceEngine.open(programWith(PIPELINE, reversed)).session.cycles.layers).toEqual([14, 5]);
  });

  it("meet at a barrier: waiting for others is a synchronise stall, the barrier itself is busy", () => {
    const lines = timeline(
      programWith([
        ...SETTINGS,
        load({ channels: 16 }),
        SYNCHRONISE,
        vector({ operation: "copy", elements: 1 }),
        SYNCHRONISE,
        HALT,
      ]),
      IMAGE,
    );
    // 0 … 5 settings and load, 6 barrier, 7 vector, 8 barrier, 9 halt.
    expect(runs(lines.load)).toBe("busy 7, synchronise 1, busy 2");
    expect(runs(lines.compute)).toBe("busy 3, synchronise 3, busy 4");
    expect(runs(lines.store)).toBe("synchronise 6, busy 1, synchronise 1, busy 2");
  });

  it("blame the lowest empty channel of the mask in each cycle", () => {
    const both = tokens("inputReady", "weightReady");
    const lines = timeline(
      programWith([
        ...SETTINGS,
        load({ channels: 16, signal: tokens("inputReady") }),
        load({ channels: 16, target: "weightScratchpad", signal: tokens("weightReady") }),
        vector({ operation: "copy", elements: 2, wait: both }),
        HALT,
      ]),
      IMAGE,
    );
    expect(runs(lines.compute)).toBe("busy 3, input 3, weights 4, busy 2");
  });

  it.each<[string, StallCause, "load" | "compute" | "store"]>([
    ["inputReady", "input", "compute"],
    ["weightReady", "weights", "compute"],
    ["inputFree", "space", "load"],
    ["weightFree", "space", "load"],
    ["outputReady", "compute", "store"],
    ["outputFree", "store", "compute"],
    ["stored", "store", "load"],
    ["consumed", "load", "store"],
  ])("a wait on %s is a stall of cause %s in the %s unit", (channel, cause, waiter) => {
    const wait = tokens(channel);
    const signal = tokens(channel);
    // A first tensor reaches the output buffer, so that every unit has something harmless to do.
    const first: Record<string, (masks: { wait?: number; signal?: number }) => Instruction> = {
      load: (masks) => load({ channels: 16, ...masks }),
      compute: (masks) => vector({ operation: "copy", elements: 16, outputAddress: 1024, ...masks }),
      store: (masks) => store({ channels: 16, wordLength: 8, dramAddress: 128, ...masks }),
    };
    const giver = { inputReady: "load", weightReady: "load", consumed: "load", outputFree: "store", stored: "store" }[
      channel
    ];
    const giving = first[giver ?? "compute"] as (typeof first)[string];
    const waiting = first[waiter] as (typeof first)[string];
    const program = programWith([
      ...SETTINGS,
      load({ channels: 16 }),
      SYNCHRONISE,
      vector({ operation: "copy", elements: 16 }),
      SYNCHRONISE,
      giving({ signal }),
      waiting({ wait }),
      HALT,
    ]);
    const { session } = referenceEngine.open(program);
    const given = session.cycles.end[9] ?? Number.NaN;
    const before = session.cycles.end[8] ?? Number.NaN;
    expect(session.cycles.start[10]).toBe(given);
    expect(session.cycles.units[waiter].stalls[cause]).toBe(given - before);
  });

  it("count tokens: two signals let two instructions start, the second at once", () => {
    const wait = tokens("inputReady");
    const lines = timeline(
      programWith([
        ...SETTINGS,
        load({ channels: 16, signal: wait }),
        load({ channels: 16, signal: wait }),
        vector({ operation: "copy", elements: 16, wait }),
        vector({ operation: "copy", elements: 2, wait }),
        HALT,
      ]),
      IMAGE,
    );
    expect(runs(lines.compute)).toBe("busy 3, input 3, busy 10");
  });

  it("count port stalls of a narrow memory by the port's name", () => {
    const narrow = {
      ...MACHINE,
      inputScratchpad: { ...MACHINE.inputScratchpad, bitsPerCycle: 5 },
      outputBuffer: { ...MACHINE.outputBuffer, bitsPerCycle: 8 },
    };
    const program = { ...programWith(PIPELINE), machine: narrow };
    // Two lanes of 8 bits: the input port needs 4 cycles a step, the output port 2; 8 steps.
    expect(referenceEngine.open(program).session.cycles.units.compute).toMatchObject({
      busy: 12,
      stalls: { input: 3 + 8 * 3 },
    });
    const equal = { ...narrow, outputBuffer: { ...narrow.outputBuffer, bitsPerCycle: 5 } };
    expect(referenceEngine.open({ ...program, machine: equal }).session.cycles.units.compute.stalls).toEqual({
      input: 27,
    });
  });

  it("write a bank sum in the cycle after the instruction where there is no tail, before the next one reads it", () => {
    const wide = fixedPoint(16, 0);
    const program = programOf(
      { ...SMALL_MACHINE, dataflow: "weight-stationary", rows: 1, columns: 1 },
      [
        { name: "input", role: "input", format: FORMAT, length: 1 },
        { name: "output", role: "output", format: wide, length: 1 },
      ],
      [
        set("source", FORMAT),
        set("input", FORMAT),
        load({ channels: 1 }),
        load({ channels: 1, target: "weightScratchpad" }),
        SYNCHRONISE,
        set("operandA", FORMAT),
        set("weight", FORMAT),
        set("product", wide),
        set("accumulator", wide),
        set("output", wide),
        activation("none"),
        pixels(1, 1, 0, 0),
        reduction([1, 1, 1], [0, 0, 0]),
        matrix({ columns: 1, reductionLength: 1 }),
        matrix({ columns: 1, reductionLength: 1, accumulate: true }),
        requantize({ pixels: 1, columns: 1 }),
        SYNCHRONISE,
        store({ channels: 1, wordLength: 16, dramAddress: 64 }),
        HALT,
      ],
    );
    const { outputs, fault } = runImages(program, [[-7]]);
    expect(fault).toBeNull();
    expect([...outputs]).toEqual([98]);
  });
});

describe("deadlock", () => {
  it("names the one instruction that waits for ever", () => {
    const program = programWith([
      ...SETTINGS,
      vector({ operation: "copy", elements: 1, wait: tokens("inputReady") }),
      HALT,
    ]);
    expect(runImages(program, [IMAGE]).fault).toEqual({
      kind: "deadlock",
      pc: 5,
      cycle: 3,
      site: null,
      message:
        "load waits at instruction 6 (halt) for the end; compute waits at instruction 5 (vector) for input; " +
        "store waits at instruction 6 (halt) for the end",
    });
  });

  it("comes when the second of two waits finds the one token taken", () => {
    const wait = tokens("inputReady");
    const program = programWith([
      ...SETTINGS,
      load({ channels: 16, signal: wait }),
      vector({ operation: "copy", elements: 2, wait }),
      vector({ operation: "copy", elements: 2, wait }),
      HALT,
    ]);
    expect(runImages(program, [IMAGE]).fault).toMatchObject({ kind: "deadlock", pc: 7, cycle: 7 });
  });

  it("names none where several units wait for each other", () => {
    const program = programWith([
      ...SETTINGS,
      load({ channels: 16, wait: tokens("inputFree"), signal: tokens("inputReady") }),
      vector({ operation: "copy", elements: 1, wait: tokens("inputReady"), signal: tokens("inputFree") }),
      HALT,
    ]);
    expect(runImages(program, [IMAGE]).fault).toMatchObject({ kind: "deadlock", pc: null, cycle: 3 });
  });
});
