import { describe, expect, test } from "vitest";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine } from "../../../isa/machine.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import type { TensorSymbol } from "../../../isa/program/program.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import type { Fault } from "../../../sim/fault.ts";
import {
  configure,
  configureAll,
  HALT,
  layer,
  load,
  matrix,
  pixels,
  pool,
  preload,
  program,
  reduction,
  requantize,
  SYNCHRONISE,
  signed,
  store,
  table,
  tensors,
  tokens,
  vector,
} from "./build.ts";

const SETTINGS = configureAll(8);
const FIRST = SETTINGS.length;

/** in → copy → out, 16 words of 8 bits. */
const TENSORS = tensors(["in", "input", 16, 8], ["out", "output", 16, 8]);
const OUT = TENSORS[1]?.address ?? 0;
const LOAD = load({ channels: 16, signal: tokens("inputReady") });
const COPY = vector({ elements: 16, wait: tokens("inputReady"), signal: tokens("outputReady") });
const STORE = store({ channels: 16, dramAddress: OUT, wait: tokens("outputReady") });

function check(
  instructions: readonly Instruction[],
  declared: readonly TensorSymbol[] = TENSORS,
  machine: Machine = DEFAULT_MACHINE,
): Fault | null {
  return checkProgram(program([...SETTINGS, ...instructions, HALT], declared, machine));
}

describe("admission", () => {
  test("a program whose units hand over through tokens is admitted", () => {
    expect(check([LOAD, COPY, STORE])).toBeNull();
  });

  test("and so is one that hands over at barriers", () => {
    expect(
      check([{ ...LOAD, signal: 0 }, SYNCHRONISE, { ...COPY, wait: 0, signal: 0 }, SYNCHRONISE, { ...STORE, wait: 0 }]),
    ).toBeNull();
  });

  test("a layer's datapath is what its instructions compute with", () => {
    const copy = layer("copy", 0, SETTINGS.length + 4);
    const instructions = [...SETTINGS, LOAD, COPY, STORE, HALT];
    const of = (output: RegisterSpec) =>
      checkProgram(
        program(instructions, TENSORS, DEFAULT_MACHINE, [{ ...copy, datapath: { ...copy.datapath, output } }]),
      );
    expect(of(signed(8))).toBeNull();
    for (const other of [signed(9), { ...signed(8), rounding: "down" } as const]) {
      const fault = of(other);
      expect(fault).toMatchObject({ kind: "configuration", pc: FIRST + 1 });
      expect(fault?.message).toContain('layer "copy" names');
    }
  });

  test("fields no word can hold, before anything else", () => {
    expect(check([load({ channels: 0 }), COPY, STORE])).toMatchObject({ kind: "illegal-instruction", pc: FIRST });
    expect(check([load({ channels: 1.5 }), COPY, STORE])).toMatchObject({ kind: "illegal-instruction", pc: FIRST });
    expect(check([{ ...LOAD, wait: tokens("inputReady") }])).toMatchObject({ kind: "token", pc: FIRST });
    expect(checkProgram(program([]))).toMatchObject({ kind: "illegal-instruction", pc: null });
    expect(checkProgram(program([HALT, HALT], TENSORS))).toMatchObject({ kind: "illegal-instruction", pc: 0 });
  });

  test("settings that are never set name themselves", () => {
    const bare = (instruction: Instruction): Fault | null => checkProgram(program([instruction, HALT], TENSORS));
    expect(bare(LOAD)).toMatchObject({ kind: "configuration", pc: 0, message: expect.stringMatching(/source, input/) });
    expect(bare(matrix({}))?.message).toMatch(/operandA, weight, product, accumulator, pixel counters.*reduction/);
    expect(bare(requantize({ hasBias: true, useSum: true }))?.message).toMatch(
      /accumulator, output, sum, bias, activation/,
    );
    expect(bare(requantize({ hasBias: true, hasScale: true }))?.message).toMatch(
      /accumulator, output, scale, bias, activation/,
    );
    expect(bare(preload({}))?.message).toMatch(/bias, accumulator;/);
    expect(bare(vector({ operation: "lookup" }))?.message).toMatch(/operandA, output, table/);
    expect(bare(vector({ operation: "interpolate" }))?.message).toMatch(/operandA, output, scale, table/);
    expect(bare(vector({ operation: "pieces" }))?.message).toMatch(/operandA, output, lines.*bounds/);
    expect(bare(vector({ operation: "slopes" }))?.message).toMatch(/operandA, output, scale;/);
    expect(bare(vector({ operation: "hardSwish" }))?.message).toMatch(/operandA, output;/);
    expect(bare(pool({}))?.message).toMatch(/operandA;/);
    expect(bare(pool({ kind: "average" }))?.message).toMatch(/operandA, accumulator, output/);
    expect(bare(vector({ operation: "add" }))?.message).toMatch(/operandA, output, operandB, activation/);
  });

  test("settings that contradict each other", () => {
    const wrong = [
      configure("output", signed(65)),
      configure("weight", { ...signed(8), saturatedBits: 3 }),
      configure("sum", { ...signed(8), overflow: "wrap", saturatedBits: 9 }),
      configure(
        "bias",
        register({ wordLength: 8, fractionLength: 0, signed: false }, "nearest", "wrap-sign-magnitude"),
      ),
    ];
    for (const instruction of wrong) {
      expect(check([instruction, LOAD, COPY, STORE])).toMatchObject({ kind: "configuration", pc: FIRST });
    }
    expect(
      check([configure("product", signed(192)), configure("accumulator", signed(192)), LOAD, COPY, STORE]),
    ).toBeNull();
  });

  test("steps beyond the reduction counters, and a start inside a group of R", () => {
    const setup = [pixels({}), reduction({ innerCount: 40 })];
    const at = FIRST + setup.length;
    const beyond = check([...setup, matrix({ reductionStart: 16, reductionLength: 25 })]);
    expect(beyond).toMatchObject({ kind: "configuration", pc: at, message: expect.stringContaining("40") });
    const inside = [...setup, matrix({ reductionStart: 8, reductionLength: 8 })];
    expect(check(inside, TENSORS, { ...DEFAULT_MACHINE, dataflow: "weight-stationary" })).toMatchObject({
      kind: "configuration",
      pc: at,
    });
    expect(check(inside)?.kind).toBe("uninitialised");
  });

  test("pixels whose sums would share a word of the bank", () => {
    const shared = [pixels({ columnCount: 2 }), reduction({}), matrix({ columns: 3, accumulatorPitch: 2 })];
    expect(check(shared)).toMatchObject({ kind: "configuration", pc: FIRST + 2 });
    const filled = [preload({ pixels: 2, columns: 3, accumulatorPitch: 2 })];
    expect(check(filled)).toMatchObject({ kind: "configuration", pc: FIRST });
    expect(check([preload({ columns: 3, accumulatorPitch: 2 })])?.kind).toBe("uninitialised");
  });

  test("a pooling window of nothing but padding", () => {
    const window = { inputRows: 4, inputColumns: 4, outputRows: 2, outputColumns: 1, kernelRows: 2, kernelColumns: 4 };
    expect(check([LOAD, pool({ ...window, padTop: 2, wait: tokens("inputReady") })])?.kind).toBe("configuration");
    expect(check([LOAD, pool({ ...window, strideRows: 4, wait: tokens("inputReady") })])?.kind).toBe("configuration");
    expect(
      check([
        LOAD,
        pool({ ...window, padTop: 2, kind: "average", countPadding: true, wait: tokens("inputReady") }),
        COPY,
      ])?.kind,
    ).toBe("deadlock");
  });

  test("addresses beyond a memory name the last word", () => {
    const { capacityBits } = DEFAULT_MACHINE.inputScratchpad;
    const address = capacityBits - 8 * 15;
    const fault = check([load({ channels: 16, address }), SYNCHRONISE]);
    expect(fault).toMatchObject({ kind: "address", pc: FIRST });
    expect(fault?.message).toContain(`bit ${capacityBits} of inputScratchpad`);
    expect(check([load({ channels: 15, address })])?.kind).toBe("uninitialised");
  });

  test("DRAM outside tensors, across their end, between their words, at another W, and into a constant", () => {
    const at = (fields: object): string | undefined => check([load({ channels: 4, ...fields })])?.message;
    expect(at({ dramAddress: 2 ** 20 })).toContain("outside every tensor");
    expect(at({ dramAddress: 8 * 13 })).toContain("1 words behind tensor in");
    expect(at({ dramAddress: 4 })).toContain("no word of tensor in starts there");
    expect(check([configure("source", signed(16)), load({})])).toMatchObject({ kind: "address", pc: FIRST + 1 });
    const constants = tensors(["in", "input", 16, 8], ["c", "constant", 16, 8], ["out", "output", 16, 8]);
    expect(check([LOAD, COPY, { ...STORE, dramAddress: constants[1]?.address ?? 0 }], constants)).toMatchObject({
      kind: "address",
      message: expect.stringContaining("tensor c is a constant"),
    });
  });

  test("declarations that overlap, leave the DRAM, start inside a word or are missing", () => {
    const [input, output] = TENSORS as [TensorSymbol, TensorSymbol];
    const fault = { kind: "address", pc: null };
    expect(check([LOAD, COPY, STORE], [input, { ...output, address: 64 }])).toMatchObject(fault);
    expect(check([LOAD, COPY, STORE], [input, { ...output, address: 2 ** 33 }])).toMatchObject(fault);
    expect(check([LOAD, COPY, STORE], [input, { ...output, address: 4100 }])).toMatchObject(fault);
    expect(checkProgram({ ...program([...SETTINGS, HALT], TENSORS), output: "nowhere" })).toMatchObject(fault);
  });

  test("words never written, written with another W or off by a bit", () => {
    expect(check([{ ...COPY, wait: 0 }])).toMatchObject({ kind: "uninitialised", pc: FIRST });
    expect(check([LOAD, { ...COPY, elements: 17 }])?.message).toMatch(
      /bit 128 of inputScratchpad: nothing was written/,
    );
    const wider = check([LOAD, configure("operandA", signed(16)), { ...COPY, elements: 8 }]);
    expect(wider).toMatchObject({ kind: "uninitialised", pc: FIRST + 2 });
    expect(wider?.message).toContain("words of 8 bits");
    expect(check([LOAD, { ...COPY, addressA: 4, elements: 15 }])?.kind).toBe("uninitialised");
  });

  test("sums that no matrix instruction left are not requantized, nor accumulated upon", () => {
    const multiply = [
      pixels({}),
      reduction({}),
      LOAD,
      load({ target: "weightScratchpad", signal: tokens("weightReady") }),
    ];
    const wait = tokens("inputReady", "weightReady");
    expect(check([...multiply, matrix({ wait }), requantize({ columns: 2 })])).toMatchObject({
      kind: "uninitialised",
      pc: FIRST + 5,
      message: expect.stringContaining("accumulatorBank"),
    });
    expect(check([...multiply, matrix({ wait, accumulate: true })])).toMatchObject({
      kind: "uninitialised",
      pc: FIRST + 4,
    });
    expect(check([...multiply, matrix({ wait }), matrix({ accumulate: true }), requantize({})])?.message).toContain(
      "output tensor",
    );
  });

  test("an output tensor that is not written to the end", () => {
    const fault = check([LOAD, COPY, { ...STORE, channels: 15 }]);
    expect(fault).toMatchObject({ kind: "uninitialised", pc: FIRST + 3 });
    expect(fault?.message).toContain("word 15 of output tensor out");
  });

  test("a deadlock", () => {
    expect(check([COPY, STORE])).toMatchObject({ kind: "deadlock", pc: null });
    expect(check([{ ...LOAD, wait: tokens("inputFree") }])).toMatchObject({ kind: "deadlock", pc: FIRST });
  });
});

describe("hazards", () => {
  test("a reader that does not wait for the writer", () => {
    const fault = check([LOAD, { ...COPY, wait: 0 }, STORE]);
    expect(fault).toMatchObject({ kind: "hazard", pc: FIRST + 1, cycle: null, site: null });
    expect(fault?.message).toBe(
      `instruction ${FIRST + 1} (vector) reads the word of 8 bits at bit 0 of inputScratchpad: which instruction ` +
        `${FIRST} (load) writes; no token makes it wait for that`,
    );
    expect(check([LOAD, COPY, { ...STORE, wait: 0 }])).toMatchObject({ kind: "hazard", pc: FIRST + 2 });
  });

  test("a writer that does not wait for the last reader", () => {
    const again = [LOAD, COPY, STORE, load({ address: 120 })];
    expect(check(again)).toMatchObject({ kind: "hazard", pc: FIRST + 3 });
    expect(check(again)?.message).toContain("bit 120 of inputScratchpad");
    expect(check([LOAD, { ...COPY, elements: 15 }, { ...STORE, channels: 15 }, load({ address: 120 })])?.kind).toBe(
      "uninitialised",
    );
    expect(
      check([
        LOAD,
        { ...COPY, signal: tokens("outputReady", "inputFree") },
        STORE,
        load({ address: 120, wait: tokens("inputFree") }),
      ]),
    ).toBeNull();
  });

  test("an overlap of bits is enough, whatever the word lengths", () => {
    const narrow = [configure("source", signed(8)), configure("input", signed(3))];
    expect(check([LOAD, COPY, STORE, ...narrow, load({ address: 126 })])?.kind).toBe("hazard");
    expect(check([LOAD, COPY, STORE, ...narrow, load({ address: 128 })])).toBeNull();
  });

  test("a token that arrives by chance counts for nothing: the order must follow for any duration", () => {
    // The load is long over when compute starts, behind a thousand settings; nothing says so.
    const settings = Array.from({ length: 1000 }, () => configure("sum", signed(8)));
    expect(check([LOAD, ...settings, { ...COPY, wait: 0 }, STORE])?.kind).toBe("hazard");
  });

  test("order through a third unit counts", () => {
    const third = [
      LOAD,
      COPY,
      { ...STORE, signal: tokens("stored") },
      load({ address: 0, channels: 16, wait: tokens("stored") }),
    ];
    expect(check(third)).toBeNull();
  });

  test("tokens that order two instructions against the program are a hazard", () => {
    // The first load waits until the vector further down has read what it overwrites.
    const swapped = [
      { ...LOAD, signal: tokens("inputReady") },
      load({ channels: 16, wait: tokens("inputFree"), signal: tokens("inputReady") }),
      { ...COPY, signal: tokens("outputReady", "inputFree") },
      STORE,
    ];
    expect(check(swapped)).toMatchObject({ kind: "hazard", pc: FIRST + 2 });
  });

  test("a tensor in DRAM read before the store that fills it has ended", () => {
    const declared = tensors(["in", "input", 16, 8], ["mid", "intermediate", 16, 8], ["out", "output", 16, 8]);
    const middle = declared[1]?.address ?? 0;
    const last = declared[2]?.address ?? 0;
    const chain = (stored: number): readonly Instruction[] => [
      LOAD,
      COPY,
      { ...STORE, dramAddress: middle, signal: tokens("stored") },
      { ...LOAD, dramAddress: middle, address: 4096, wait: stored },
      { ...COPY, addressA: 4096, outputAddress: 4096 },
      { ...STORE, address: 4096, dramAddress: last },
    ];
    expect(check(chain(tokens("stored")), declared)).toBeNull();
    expect(check(chain(0), declared)).toMatchObject({ kind: "hazard", pc: FIRST + 3 });
  });

  test("a tensor overwritten while it may still be read", () => {
    const declared = tensors(["in", "input", 16, 8], ["out", "output", 16, 8]);
    const rewrite = [LOAD, COPY, STORE, { ...STORE, dramAddress: 0, wait: 0 }];
    // The first load has ended before the store through both tokens.
    expect(check(rewrite, declared)).toBeNull();
    expect(
      check([LOAD, COPY, STORE, load({ address: 4096 }), { ...STORE, dramAddress: 0, wait: 0 }], declared),
    ).toMatchObject({
      kind: "hazard",
      pc: FIRST + 4,
    });
  });
});

describe("cost of the check", () => {
  test("a hostile machine with scratchpads of 2^31 bits takes neither time nor memory", () => {
    const memory = { capacityBits: 2 ** 31, banks: 1, bitsPerCycle: 64 };
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      inputScratchpad: memory,
      outputBuffer: memory,
      dram: { ...DEFAULT_MACHINE.dram, capacityBits: 2 ** 39 },
    };
    const length = 2 ** 31 - 2 ** 16;
    const bits = tensors(["in", "input", length, 1], ["out", "output", length, 1]);
    const block = { rows: 2 ** 15 - 1, channels: 2 ** 16, rowStride: 2 ** 16 };
    const before = process.memoryUsage().heapUsed;
    const begun = performance.now();
    const fault = checkProgram(
      program(
        [
          ...configureAll(1),
          load({ ...block, signal: tokens("inputReady") }),
          vector({ elements: 2 ** 24 - 1, wait: tokens("inputReady"), signal: tokens("outputReady") }),
          store({
            channels: 2 ** 24 - 1,
            wordLength: 1,
            dramAddress: bits[1]?.address ?? 0,
            wait: tokens("outputReady"),
          }),
          HALT,
        ],
        bits,
        machine,
      ),
    );
    expect(fault).toMatchObject({ kind: "uninitialised", message: expect.stringContaining("output tensor") });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 ** 28);
  });

  test("ten thousand tiles of a large layer are checked in seconds", () => {
    const words = 4096;
    const tiles = 10_000;
    const declared = tensors(["in", "input", words * 64, 8], ["out", "output", words * tiles, 8]);
    const instructions: Instruction[] = [
      ...configureAll(8),
      pixels({ rowCount: 16, columnCount: 16, rowStride: 18 * 8, columnStride: 8 }),
    ];
    instructions.push(
      reduction({ outerCount: 3, middleCount: 3, innerCount: 8, outerStride: 18 * 8, middleStride: 8 }),
      load({ target: "weightScratchpad", channels: 72 * 16, signal: tokens("weightReady") }),
    );
    for (let tile = 0; tile < tiles; tile++) {
      const half = (tile % 2) * 32768;
      const free = tile < 2 ? 0 : tokens("inputFree");
      instructions.push(
        load({
          rows: 18,
          channels: 144,
          rowStride: 150 + (tile % 5),
          address: half,
          wait: free,
          signal: tokens("inputReady"),
        }),
        matrix({
          inputAddress: half,
          columns: 16,
          reductionLength: 72,
          wait: tokens("inputReady", ...(tile === 0 ? ["weightReady"] : [])),
          signal: tokens("inputFree"),
        }),
        requantize({
          pixels: 256,
          columns: 16,
          outputAddress: half,
          wait: tile < 2 ? 0 : tokens("outputFree"),
          signal: tokens("outputReady"),
        }),
        store({
          channels: words,
          address: half,
          dramAddress: (declared[1]?.address ?? 0) + tile * words * 8,
          wait: tokens("outputReady"),
          signal: tokens("outputFree"),
        }),
      );
    }
    const begun = performance.now();
    const machine: Machine = {
      ...DEFAULT_MACHINE,
      outputBuffer: { ...DEFAULT_MACHINE.outputBuffer, capacityBits: 65536 },
    };
    expect(checkProgram(program([...instructions, HALT], declared, machine))).toBeNull();
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe("scale words and look-up tables", () => {
  const WORDS = tensors(["in", "input", 16, 8], ["table", "constant", 16, 8], ["out", "output", 16, 8]);
  const TABLE = load({ target: "weightScratchpad", channels: 16, dramAddress: WORDS[1]?.address ?? 0 });
  const store16 = { ...STORE, dramAddress: WORDS[2]?.address ?? 0 };
  const both = tokens("inputReady", "weightReady");
  const lookup = vector({
    operation: "lookup",
    elements: 16,
    wait: both,
    signal: tokens("outputReady"),
  });

  const SIXTEEN = table(-128n, 4, 16);

  test("a table with an entry for every word of operandA is admitted", () => {
    expect(check([SIXTEEN, LOAD, { ...TABLE, signal: tokens("weightReady") }, lookup, store16], WORDS)).toBeNull();
  });

  test("an entry that was never written is uninitialised, whether or not a word names it", () => {
    const short = { ...TABLE, channels: 15, signal: tokens("weightReady") };
    const fault = check([SIXTEEN, LOAD, short, lookup, store16], WORDS);
    expect(fault).toMatchObject({ kind: "uninitialised", pc: FIRST + 3 });
    expect(fault?.message).toMatch(/bit 120 of weightScratchpad/);
  });

  test("a table beyond the scratchpad is an address fault, however many entries it asks for", () => {
    for (const wordLength of [24, 64]) {
      const wide = (["source", "input", "operandA"] as const).map((name) => configure(name, signed(wordLength)));
      const words = tensors(["in", "input", 16, wordLength], ["out", "output", 16, 8]);
      const most = table(0n, 0, 2 ** 24 - 1);
      const fault = check([...wide, most, LOAD, { ...lookup, wait: tokens("inputReady") }], words);
      expect(fault).toMatchObject({ kind: "address", pc: FIRST + 5 });
      expect(fault?.message).toMatch(/weightScratchpad/);
    }
  });

  test("a table that is still being loaded is a hazard", () => {
    const first = { ...TABLE, signal: tokens("weightReady") };
    const fault = check([SIXTEEN, LOAD, first, TABLE, lookup, store16], WORDS);
    expect(fault).toMatchObject({ kind: "hazard", pc: FIRST + 4 });
  });

  test("requantize with both a scale and the sum register is a contradiction", () => {
    const fault = check([configure("scale", signed(8)), requantize({ hasScale: true, useSum: true })]);
    expect(fault).toMatchObject({ kind: "configuration", pc: FIRST + 1 });
    expect(fault?.message).toMatch(/hasScale and useSum/);
  });
});
