import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Emitter, type MemoryRange, type SharedMemory } from "../../../compiler/lowering/emitter.ts";
import { AccessMap } from "../../../compiler/lowering/memory/access-map.ts";
import { INSTRUCTIONS, type Instruction } from "../../../isa/instructions/table.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { TOKEN_CHANNELS, tokenBit } from "../../../isa/tokens.ts";

describe("the access map", () => {
  test("agrees with one entry per bit", () => {
    const access = fc.record({
      kind: fc.constantFrom("read" as const, "write" as const),
      start: fc.nat(30),
      length: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(access, { maxLength: 25 }), (accesses) => {
        const map = new AccessMap();
        const bits = Array.from({ length: 50 }, () => ({ read: -1, write: -1 }));
        accesses.forEach(({ kind, start, length }, index) => {
          const range = { start, end: start + length };
          for (const latest of ["read", "write"] as const) {
            const expected = Math.max(...bits.slice(start, start + length).map((bit) => bit[latest]));
            expect(map.latest(latest, range)).toBe(expected);
          }
          map.note(kind, range, index);
          for (const bit of bits.slice(start, start + length)) {
            bit[kind] = index;
            if (kind === "write") bit.read = -1;
          }
        });
      }),
    );
  });
});

interface Touch {
  readonly load: boolean;
  readonly memory: SharedMemory;
  readonly start: number;
  readonly length: number;
}

/** Loads and vector instructions that touch ranges of the input scratchpad, and stores of the output buffer. */
const touches: fc.Arbitrary<readonly Touch[]> = fc.array(
  fc.record({
    load: fc.boolean(),
    memory: fc.constantFrom<SharedMemory>("inputScratchpad", "outputBuffer"),
    start: fc.nat(20),
    length: fc.integer({ min: 1, max: 10 }),
  }),
  { maxLength: 40 },
);

/** Loads write the input scratchpad, vectors read it; vectors write the output buffer, stores read it. */
function emitTouch(emitter: Emitter, { load, memory, start, length }: Touch): void {
  const range: MemoryRange = { memory, start, end: start + length };
  const block = { rows: 1, columns: 1, channels: length, rowStride: 0, columnStride: 0 };
  const pads = { padTop: 0, padBottom: 0, padLeft: 0, padRight: 0 };
  const input = memory === "inputScratchpad";
  if (load && input) {
    emitter.emit(
      { opcode: "load", target: "inputScratchpad", dramAddress: 0, address: start, ...block, ...pads },
      { writes: [range] },
    );
  } else if (load) {
    emitter.emit({ opcode: "store", address: start, dramAddress: 0, wordLength: 1, ...block }, { reads: [range] });
  } else {
    emitter.emit(
      {
        opcode: "vector",
        operation: "copy",
        addressA: 0,
        addressB: 0,
        outputAddress: 0,
        elements: 1,
        shift: 0n,
        tableAddress: 0,
        period: 1,
      },
      input ? { reads: [range] } : { writes: [range] },
    );
  }
}

/** For each instruction the instructions it waits for: the k-th wait of a channel takes the k-th signal. */
function awaited(instructions: readonly Instruction[]): readonly (readonly number[])[] {
  const signals = TOKEN_CHANNELS.map((_, channel) =>
    instructions.flatMap(({ signal }, index) => ((signal >> channel) & 1 ? [index] : [])),
  );
  const taken = TOKEN_CHANNELS.map(() => 0);
  return instructions.map(({ wait }) =>
    TOKEN_CHANNELS.flatMap((_, channel) => {
      if (((wait >> channel) & 1) === 0) return [];
      const signaller = signals[channel]?.[taken[channel] ?? 0];
      taken[channel] = (taken[channel] ?? 0) + 1;
      return [signaller ?? Number.POSITIVE_INFINITY];
    }),
  );
}

describe("the emitter", () => {
  test("orders every two instructions of different units that touch the same bits, one of them writing", () => {
    fc.assert(
      fc.property(touches, (list) => {
        const emitter = new Emitter();
        for (const touch of list) emitTouch(emitter, touch);
        const instructions = emitter.finish();
        const waits = awaited(instructions);
        // Everything that must have ended before an instruction starts.
        const before: Set<number>[] = [];
        instructions.forEach(({ opcode }, index) => {
          const ended = new Set<number>();
          const include = (earlier: number): void => {
            ended.add(earlier);
            for (const one of before[earlier] ?? []) ended.add(one);
          };
          const { unit } = INSTRUCTIONS[opcode];
          for (let earlier = 0; earlier < index; earlier++) {
            const other = instructions[earlier];
            if (other && INSTRUCTIONS[other.opcode].unit === unit) include(earlier);
          }
          for (const earlier of waits[index] ?? []) {
            expect(earlier).toBeLessThan(index);
            include(earlier);
          }
          before.push(ended);
        });
        list.forEach((later, index) => {
          list.slice(0, index).forEach((earlier, at) => {
            const overlap = later.start < earlier.start + earlier.length && earlier.start < later.start + later.length;
            const conflict = later.memory === earlier.memory && later.load !== earlier.load && overlap;
            if (conflict) expect(before[index]?.has(at)).toBe(true);
          });
        });
      }),
    );
  });

  test("leaves no token over: as many signals as waits on every channel", () => {
    fc.assert(
      fc.property(touches, (list) => {
        const emitter = new Emitter();
        for (const touch of list) emitTouch(emitter, touch);
        const instructions = emitter.finish();
        for (const { name } of TOKEN_CHANNELS) {
          const bit = tokenBit(name);
          const count = (mask: "wait" | "signal"): number => instructions.filter((each) => each[mask] & bit).length;
          expect(count("signal")).toBe(count("wait"));
        }
      }),
    );
  });

  test("sets a register only where its setting changes", () => {
    const emitter = new Emitter();
    const eight = register(fixedPoint(8, 4));
    emitter.setRegister("product", eight);
    emitter.setRegister("product", register(fixedPoint(8, 4)));
    emitter.setRegister("accumulator", eight);
    emitter.setRegister("product", register(fixedPoint(8, 4), "down"));
    emitter.setLoad(eight, eight);
    emitter.setLoad(eight, register(fixedPoint(6, 4)));
    emitter.setActivation({ activation: "clip", lowest: 0n, highest: 96n, fractionLength: 4n });
    emitter.setActivation({ activation: "clip", lowest: 0n, highest: 96n, fractionLength: 4n });
    emitter.setActivation({ activation: "clip", lowest: 0n, highest: 97n, fractionLength: 4n });
    const opcodes = emitter.finish().map(({ opcode }) => opcode);
    expect(opcodes.filter((opcode) => opcode === "configure.register")).toHaveLength(3);
    expect(opcodes.filter((opcode) => opcode === "configure.load")).toHaveLength(3);
    expect(opcodes.filter((opcode) => opcode === "configure.activation")).toHaveLength(2);
    expect(opcodes.at(-1)).toBe("halt");
  });
});
