import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { INSTRUCTIONS, type Instruction, type Opcode } from "../../../isa/instructions/table.ts";
import {
  allowedTokens,
  decode,
  decodeAll,
  encode,
  encodeAll,
  fieldRange,
  HEADER_FIELDS,
  INSTRUCTION_BITS,
  INSTRUCTION_BYTES,
  instructionProblems,
  placedFields,
} from "../../../isa/program/encoding.ts";
import { TOKEN_CHANNELS, tokenBit } from "../../../isa/tokens.ts";
import { instruction, instructionOf, OPCODES } from "../../arbitraries/instructions.ts";

/** Bits first … first + count − 1 of a word, one at a time. */
function bitsOf(word: Uint8Array, first: number, count: number): bigint {
  let value = 0n;
  for (let bit = 0; bit < count; bit++) {
    const position = first + bit;
    value |= BigInt(((word[position >> 3] ?? 0) >> (position & 7)) & 1) << BigInt(bit);
  }
  return value;
}

function withBits(word: Uint8Array, first: number, count: number, value: bigint): Uint8Array {
  const changed = word.slice();
  for (let bit = 0; bit < count; bit++) {
    const position = first + bit;
    const mask = 1 << (position & 7);
    const byte = changed[position >> 3] ?? 0;
    changed[position >> 3] = (value >> BigInt(bit)) & 1n ? byte | mask : byte & ~mask;
  }
  return changed;
}

/** The simplest legal instruction of an opcode, with some values replaced. */
function sample(opcode: Opcode, values: object = {}): Instruction {
  const [first] = fc.sample(instructionOf(opcode), { numRuns: 1, seed: 1 });
  return { ...first, wait: 0, signal: 0, ...values } as Instruction;
}

function reasonOf(word: Uint8Array): string | undefined {
  const decoded = decode(word);
  return "illegal" in decoded ? decoded.illegal : undefined;
}

const FORMAT = {
  wordLength: 16,
  fractionLength: 8n,
  signed: true,
  rounding: "nearest",
  overflow: "saturate",
  saturatedBits: 0,
  dialect: "sc",
};

describe("no two encodings overlap", () => {
  it("opcodes are distinct and fit 8 bits", () => {
    const codes = OPCODES.map((opcode) => INSTRUCTIONS[opcode].code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => Number.isInteger(code) && code > 0 && code < 256)).toBe(true);
  });

  it.each(OPCODES)("the fields of %s are disjoint and lie within 256 bits", (opcode) => {
    const owner = new Map<number, string>();
    for (const { field, lowestBit } of placedFields(INSTRUCTIONS[opcode])) {
      for (let bit = lowestBit; bit < lowestBit + field.bits; bit++) {
        expect(owner.get(bit), `bit ${bit} of ${field.name}`).toBeUndefined();
        owner.set(bit, field.name);
      }
    }
    expect(Math.max(...owner.keys())).toBeLessThan(INSTRUCTION_BITS);
    expect(owner.get(0)).toBe("opcode");
    expect(owner.get(8)).toBe("wait");
    expect(owner.get(16)).toBe("signal");
  });

  it("the header is opcode in bits 0 to 7, wait in 8 to 15, signal in 16 to 23", () => {
    expect(HEADER_FIELDS.map(({ field, lowestBit }) => [field.name, lowestBit, field.bits])).toEqual([
      ["opcode", 0, 8],
      ["wait", 8, 8],
      ["signal", 16, 8],
    ]);
  });

  it("every word of a bit-by-bit walk over the fields holds the values that were encoded", () => {
    fc.assert(
      fc.property(instruction(), (given) => {
        const word = encode(given);
        for (const { field, lowestBit } of placedFields(INSTRUCTIONS[given.opcode])) {
          const value = (given as unknown as Record<string, unknown>)[field.name];
          const bits = bitsOf(word, lowestBit, field.bits);
          if (field.name === "opcode") expect(bits).toBe(BigInt(INSTRUCTIONS[given.opcode].code));
          else if (field.kind.type === "unsigned") expect(Number(bits)).toBe(value);
          else if (field.kind.type === "signed") expect(BigInt.asIntN(field.bits, bits)).toBe(value);
          else if (field.kind.type === "flag") expect(bits === 1n).toBe(value);
          else expect(field.kind.names[Number(bits)]).toBe(value);
        }
      }),
    );
  });
});

describe("encode and decode are inverse", () => {
  it("decode gives back what was encoded, at any offset", () => {
    fc.assert(
      fc.property(instruction(), fc.nat(40), (given, offset) => {
        const bytes = new Uint8Array(offset + INSTRUCTION_BYTES + 3).fill(0xa5);
        bytes.set(encode(given), offset);
        expect(decode(bytes, offset)).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it("a random word is illegal or the encoding of what it decodes to", () => {
    const code = fc.oneof(fc.nat(255), fc.constantFrom(...OPCODES.map((opcode) => INSTRUCTIONS[opcode].code)));
    const rest = fc.uint8Array({ minLength: INSTRUCTION_BYTES - 1, maxLength: INSTRUCTION_BYTES - 1 });
    fc.assert(
      fc.property(code, rest, (first, others) => {
        const word = new Uint8Array([first, ...others]);
        const decoded = decode(word);
        if (!("illegal" in decoded)) expect(encode(decoded)).toEqual(word);
      }),
      { numRuns: 1000 },
    );
  });

  it("a legal word with some bits flipped is illegal or decodes to another instruction that encodes to it", () => {
    let legal = 0;
    fc.assert(
      fc.property(instruction(), fc.array(fc.nat(255), { minLength: 1, maxLength: 3 }), (given, flips) => {
        const word = encode(given);
        for (const bit of new Set(flips)) word[bit >> 3] = (word[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const decoded = decode(word);
        if ("illegal" in decoded) return;
        legal++;
        expect(encode(decoded)).toEqual(word);
        expect(decoded).not.toEqual(given);
      }),
      { numRuns: 2000 },
    );
    expect(legal).toBeGreaterThan(100);
  });
});

describe("illegal words", () => {
  it("all zeros, all ones and every unused opcode", () => {
    const used = new Set(OPCODES.map((opcode) => INSTRUCTIONS[opcode].code));
    for (let code = 0; code < 256; code++) {
      if (used.has(code)) continue;
      const word = new Uint8Array(INSTRUCTION_BYTES);
      word[0] = code;
      expect(reasonOf(word)).toBe(`no instruction has opcode 0x${code.toString(16).padStart(2, "0")}`);
    }
    expect(reasonOf(new Uint8Array(INSTRUCTION_BYTES).fill(0xff))).toBeDefined();
  });

  it.each(OPCODES)("%s with any spare bit set", (opcode) => {
    const word = encode(sample(opcode));
    const used = placedFields(INSTRUCTIONS[opcode]).reduce((bits, { field }) => bits + field.bits, 0);
    for (let bit = used; bit < INSTRUCTION_BITS; bit++) {
      expect(reasonOf(withBits(word, bit, 1, 1n))).toContain(`a bit from ${used} up is not zero`);
    }
  });

  it.each(OPCODES)("%s with a value below the minimum of a field or beyond its names", (opcode) => {
    const word = encode(sample(opcode));
    for (const { field, lowestBit } of placedFields(INSTRUCTIONS[opcode]).slice(3)) {
      const { min, max } = fieldRange(field);
      if (field.kind.type === "unsigned" && min > 0n) {
        expect(reasonOf(withBits(word, lowestBit, field.bits, min - 1n))).toContain(field.name);
      }
      if (max + 1n < 1n << BigInt(field.bits) && field.kind.type === "name") {
        expect(reasonOf(withBits(word, lowestBit, field.bits, max + 1n))).toContain(field.name);
        expect(reasonOf(withBits(word, lowestBit, field.bits, max))).toBeUndefined();
      }
    }
  });

  it.each(OPCODES)("%s with a token on a channel that is not its unit's", (opcode) => {
    const { unit } = INSTRUCTIONS[opcode];
    const word = encode(sample(opcode));
    TOKEN_CHANNELS.forEach((channel, index) => {
      const waited = reasonOf(withBits(word, 8 + index, 1, 1n));
      const signalled = reasonOf(withBits(word, 16 + index, 1, 1n));
      expect(waited === undefined).toBe(channel.to === unit);
      expect(signalled === undefined).toBe(channel.from === unit);
      if (waited && unit !== "control") expect(waited).toContain(`may not wait on ${channel.name}`);
    });
  });

  it("configure.load takes the two load registers and configure.register the nine others", () => {
    const count = (opcode: Opcode): number =>
      Array.from({ length: 16 }, (_, register) => withBits(encode(sample(opcode, FORMAT)), 24, 4, BigInt(register)))
        .map(reasonOf)
        .filter((reason) => reason === undefined).length;
    expect(count("configure.load")).toBe(2);
    expect(count("configure.register")).toBe(9);
    expect(() => encode(sample("configure.load", { ...FORMAT, register: "output" }))).toThrow(InvariantError);
    expect(() => encode(sample("configure.register", { ...FORMAT, register: "source" }))).toThrow(InvariantError);
  });
});

describe("a value that does not fit its field", () => {
  it.each([
    ["a matrix tile without columns", sample("matrix", { columns: 0 }), "columns", "nearest legal value is 1"],
    ["an address of 33 bits", sample("matrix", { inputAddress: 2 ** 32 }), "inputAddress", `${2 ** 32 - 1}`],
    ["a fractional count", sample("vector", { elements: 1.5 }), "elements", "elements"],
    ["NaN", sample("vector", { elements: Number.NaN }), "elements", "elements"],
    ["a shift below its range", sample("vector", { shift: -65n }), "shift", "nearest legal value is -64"],
    ["a number where a bigint belongs", sample("vector", { shift: 1 }), "shift", "exponent"],
    ["a misspelt name", sample("vector", { operation: "multipy" }), "operation", "did you mean multiply?"],
    ["a number where a flag belongs", sample("matrix", { accumulate: 1 }), "accumulate", "bank"],
    ["a missing field", sample("store", { rows: undefined }), "rows", "write rows=…"],
    ["a foreign token", sample("store", { wait: tokenBit("inputReady") }), "wait", "outputReady,consumed"],
    ["a token on halt", sample("halt", { signal: 1 }), "signal", "remove it"],
  ])("%s is one problem with a hint, and not encoded", (_, given, field, hint) => {
    const problems = instructionProblems(given);
    expect(problems.map((problem) => problem.field)).toEqual([field]);
    expect(problems[0]?.hint).toContain(hint);
    expect(() => encode(given)).toThrow(InvariantError);
  });

  it("an unknown opcode names the nearest one", () => {
    const given = { opcode: "matirx", wait: 0, signal: 0 } as unknown as Instruction;
    expect(instructionProblems(given)[0]?.hint).toBe("did you mean matrix?");
    expect(() => encode(given)).toThrow(InvariantError);
  });
});

describe("a code section", () => {
  it("decodes to the instructions it was made of", () => {
    fc.assert(
      fc.property(fc.array(instruction(), { maxLength: 12 }), (given) => {
        expect(decodeAll(encodeAll(given))).toEqual({ instructions: given });
      }),
    );
  });

  it("names the first illegal word by its pc", () => {
    const bytes = encodeAll([sample("load"), sample("store"), sample("halt"), sample("halt")]);
    bytes[2 * INSTRUCTION_BYTES] = 0xee;
    bytes[3 * INSTRUCTION_BYTES] = 0xdd;
    expect(decodeAll(bytes)).toEqual({ illegal: { pc: 2, message: "no instruction has opcode 0xee" } });
  });

  it("refuses to read beyond its bytes", () => {
    expect(() => decode(new Uint8Array(31))).toThrow(InvariantError);
    expect(() => decode(new Uint8Array(64), 33)).toThrow(InvariantError);
    expect(() => decode(new Uint8Array(64), -1)).toThrow(InvariantError);
  });
});

it("a unit waits on the channels that lead to it and signals on those that leave it", () => {
  const names = (mask: number): string[] => TOKEN_CHANNELS.filter((_, i) => (mask >> i) & 1).map(({ name }) => name);
  expect(names(allowedTokens("load", "wait"))).toEqual(["inputFree", "weightFree", "stored"]);
  expect(names(allowedTokens("compute", "wait"))).toEqual(["inputReady", "weightReady", "outputFree"]);
  expect(names(allowedTokens("store", "signal"))).toEqual(["outputFree", "stored"]);
  expect(allowedTokens("control", "wait")).toBe(0);
});
