import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { encodeAll } from "../../../isa/program/encoding.ts";
import type { Program, TensorSymbol } from "../../../isa/program/program.ts";
import { readProgramFile, writeProgramFile } from "../../../isa/program/program-file.ts";
import { storableProgram } from "../../arbitraries/program.ts";

const CHECKSUM_BYTES = 32;
const SECTIONS_AT = 52;

function tensor(name: string, role: TensorSymbol["role"], address: number, format = fixedPoint(16, 8)): TensorSymbol {
  return { name, role, address, shape: [1, 2, 3], format };
}

const SPEC = register(fixedPoint(16, 8));

/** A small program with one of everything. */
const SMALL: Program = {
  machine: DEFAULT_MACHINE,
  seed: 7,
  instructions: [
    {
      opcode: "configure.activation",
      wait: 0,
      signal: 0,
      activation: "clip",
      lowest: -9n,
      highest: -5n,
      fractionLength: -3n,
    },
    {
      opcode: "vector",
      wait: 1,
      signal: 16,
      operation: "copy",
      addressA: 0,
      addressB: 0,
      outputAddress: 0,
      elements: 6,
      shift: 0n,
      tableAddress: 0,
      period: 1,
    },
    { opcode: "halt", wait: 0, signal: 0 },
  ],
  tensors: [
    tensor("image", "input", 0),
    tensor("scores", "output", 128),
    tensor("weights", "constant", 256, fixedPoint(5, 4)),
  ],
  constants: [{ tensor: "weights", raws: Int32Array.of(1, -2, 15, -16, 0, 3) }],
  layers: [
    {
      name: "copy",
      kind: "copy",
      firstInstruction: 0,
      endInstruction: 2,
      macs: 0,
      datapath: {
        input: SPEC,
        weight: SPEC,
        product: SPEC,
        accumulator: SPEC,
        bias: SPEC,
        output: SPEC,
        averageDivider: false,
      },
      inputs: ["image"],
      output: "scores",
      constants: {},
      doubleRounding: false,
    },
  ],
  tiles: [{ instruction: 1, row: 0, column: 0, channel: 0, columns: 2, channels: 3 }],
  compileOverflow: [{ layer: "copy", weight: 1, bias: 0 }],
  input: "image",
  output: "scores",
  hostOperators: [],
  metadata: { model: "tiny" },
};

/** Content with its checksum made right again. */
function signed(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(0, bytes.length - CHECKSUM_BYTES);
  const result = new Uint8Array(bytes.length);
  result.set(content);
  result.set(createHash("sha256").update(content).digest(), content.length);
  return result;
}

/** The file of `SMALL` with other sections, signed. */
function fileWith(sections: { symbols?: Uint8Array | string; constants?: Uint8Array; code?: Uint8Array }): Uint8Array {
  const bytes = writeProgramFile(SMALL);
  const view = new DataView(bytes.buffer);
  const lengths = [0, 1, 2].map((index) => Number(view.getBigUint64(16 + 12 * index + 4, true)));
  let start = SECTIONS_AT;
  const parts = lengths.map((length) => {
    start += length;
    return bytes.subarray(start - length, start);
  });
  const symbols = typeof sections.symbols === "string" ? new TextEncoder().encode(sections.symbols) : sections.symbols;
  const contents = [symbols, sections.constants, sections.code].map(
    (part, index) => part ?? parts[index] ?? new Uint8Array(),
  );
  const whole = new Uint8Array(SECTIONS_AT + contents.reduce((sum, part) => sum + part.length, 0) + CHECKSUM_BYTES);
  whole.set(bytes.subarray(0, SECTIONS_AT));
  start = SECTIONS_AT;
  contents.forEach((part, index) => {
    new DataView(whole.buffer).setBigUint64(16 + 12 * index + 4, BigInt(part.length), true);
    whole.set(part, start);
    start += part.length;
  });
  return signed(whole);
}

type Json = Record<string, unknown>;

/** The symbols of `SMALL` as the file has them, with the values at some paths (`tensors.1.address`) replaced. */
function symbolsWith(changes: Readonly<Record<string, unknown>>): string {
  const { instructions: _, constants, ...symbols } = SMALL;
  const root = JSON.parse(
    JSON.stringify({ ...symbols, constants: constants.map((constant) => constant.tensor) }),
  ) as Json;
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split(".");
    const last = keys.pop() as string;
    const parent = keys.reduce((at, key) => at[key] as Json, root);
    parent[last] = value;
  }
  return JSON.stringify(root);
}

/** The paths of all values inside a value. */
function pathsOf(value: Json): string[] {
  return Object.entries(value).flatMap(([key, child]) => {
    const inner = typeof child === "object" && child !== null ? pathsOf(child as Json) : [];
    return [key, ...inner.map((path) => `${key}.${path}`)];
  });
}

/** The program that must be in a file. */
function programOf(bytes: Uint8Array): Program {
  const read = readProgramFile(bytes, "a.program");
  if ("illegal" in read) throw new Error(read.illegal.message);
  return read.program;
}

/** The diagnostic lines that reading gives. */
function refusal(bytes: Uint8Array): string {
  try {
    readProgramFile(bytes, "a.program");
  } catch (error) {
    if (error instanceof DiagnosticError) return error.message;
    throw error;
  }
  return "";
}

describe("a program file", () => {
  it("gives back the program that was written, and the same bytes when written again", () => {
    fc.assert(
      fc.property(storableProgram(), (program) => {
        const bytes = writeProgramFile(program);
        const read = programOf(bytes);
        expect(read).toEqual(program);
        expect(writeProgramFile(read)).toEqual(bytes);
      }),
      { numRuns: 120 },
    );
  });

  it("does not depend on the order of an object's keys", () => {
    const reversed = <Value extends object>(value: Value): Value =>
      Object.fromEntries(Object.entries(value).reverse()) as Value;
    const shuffled = reversed({
      ...SMALL,
      machine: reversed(SMALL.machine),
      tensors: SMALL.tensors.map(reversed),
      layers: SMALL.layers.map((layer) => reversed({ ...layer, datapath: reversed(layer.datapath) })),
    });
    expect(writeProgramFile(shuffled)).toEqual(writeProgramFile(SMALL));
  });

  it("packs constants at their own word length: six words of 5 bits are 4 bytes", () => {
    const bytes = writeProgramFile(SMALL);
    expect(Number(new DataView(bytes.buffer).getBigUint64(16 + 12 + 4, true))).toBe(4);
  });

  it("is read at any place of a larger buffer", () => {
    const bytes = writeProgramFile(SMALL);
    const buffer = new Uint8Array(bytes.length + 10).fill(0x5a);
    buffer.set(bytes, 7);
    expect(programOf(buffer.subarray(7, 7 + bytes.length))).toEqual(SMALL);
  });

  it("keeps an own property __proto__ of metadata", () => {
    const metadata = JSON.parse('{"__proto__": {"x": 1}, "2": 1, "1": [null]}');
    const program = programOf(writeProgramFile({ ...SMALL, metadata }));
    expect(JSON.stringify(program.metadata)).toBe(JSON.stringify(metadata));
  });
});

describe("an illegal word in the code section", () => {
  it("is told by its pc and is no diagnostic", () => {
    const code = encodeAll(SMALL.instructions);
    code[32] = 0xee;
    expect(readProgramFile(fileWith({ code }), "a.program")).toEqual({
      illegal: { pc: 1, message: "no instruction has opcode 0xee" },
    });
  });
});

describe("a damaged file", () => {
  const good = writeProgramFile(SMALL);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };

  it.each([
    ["empty", new Uint8Array(0), "the file is empty"],
    ["something else", new TextEncoder().encode("hello world, this is a text"), "this is not a program file"],
    ["cut inside the header", good.slice(0, 12), "ends at byte 12"],
    ["cut inside the section table", good.slice(0, 40), "ends at byte 40"],
    ["cut by one byte", good.slice(0, -1), `ask for a file of ${good.length} bytes, found ${good.length - 1}`],
    ["longer by one byte", Uint8Array.of(...good, 0), `found ${good.length + 1}`],
    ["of version 1", signed(changed(8, 1)), "format version 1, this macroscope reads version 2"],
    ["with four sections", signed(changed(12, 4)), "4 sections, expected 3"],
    ["with a section of kind 9", signed(changed(16, 9)), "section of kind 9, expected 1 (symbols)"],
    ["with a section of 2^56 bytes", signed(changed(27, 1)), "symbols section has 7205759403"],
    ["with one bit flipped", changed(SECTIONS_AT + 3, 0), "checksum does not match"],
    ["with another checksum", changed(good.length - 1, (good.at(-1) ?? 0) ^ 1), "checksum does not match"],
    ["with half an instruction", fileWith({ code: new Uint8Array(48) }), "48 bytes are no whole number of 32-byte"],
    [
      "with too few words",
      fileWith({ constants: new Uint8Array(3) }),
      'constant "weights", 6 words of 5 bits, at byte 0 of 3',
    ],
    ["with words left over", fileWith({ constants: new Uint8Array(5) }), "1 bytes follow the last constant"],
    ["with a bit behind the last word", fileWith({ constants: Uint8Array.of(0, 0, 0, 0x40) }), "byte 3, is not zero"],
    ["with symbols that are no JSON", fileWith({ symbols: "{" }), "symbols section: not JSON"],
    ["with symbols that are no UTF-8", fileWith({ symbols: Uint8Array.of(0x22, 0xff, 0x22) }), "not JSON in UTF-8"],
    [
      "with symbols nested very deep",
      fileWith({ symbols: "[".repeat(200_000) + "]".repeat(200_000) }),
      "expected object",
    ],
  ])("%s is refused", (_, bytes, text) => {
    const message = refusal(bytes);
    expect(message).toContain("error[PROGRAM_FILE] a.program: ");
    expect(message).toContain(text);
  });
});

describe("symbols that contradict each other", () => {
  const [layer] = SMALL.layers;
  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["a missing list", { tiles: undefined }, "symbols section: tiles: expected array"],
    ["an unknown key", { colour: 1 }, "colour"],
    ["a negative address", { "tensors.1.address": -64 }, "tensors[1].address"],
    ["an address that is no multiple", { "tensors.2.address": 257 }, "the next one is 320"],
    ["a tensor over another", { "tensors.1.address": 64 }, 'inside tensor "image"'],
    ["a tensor beyond DRAM", { "tensors.2.address": 2 ** 33 }, "beyond the 8589934592 bits"],
    ["a tensor larger than DRAM", { "tensors.0.shape": [2 ** 40, 2 ** 40, 2 ** 40] }, "beyond the"],
    ["two tensors of one name", { "tensors.1.name": "image" }, "the name is used twice"],
    ["a word length of 65", { "tensors.0.format.wordLength": 65 }, 'tensor "image"'],
    ["a fraction length of 1000", { "tensors.0.format.fractionLength": 1000 }, 'tensor "image"'],
    ["a constant that is no tensor", { constants: ["weigths"] }, 'constant "weigths" is no tensor'],
    ["a constant without words", { "tensors.0.role": "constant" }, 'constant "image": it has no words'],
    ["words of an intermediate tensor", { "tensors.2.role": "intermediate" }, "no tensor of role constant"],
    ["a layer beyond the end", { "layers.0.endInstruction": 4 }, "instructions 0 to 4 of a program with 3"],
    ["a layer that ends first", { "layers.0.firstInstruction": 3 }, "instructions 3 to 2"],
    [
      "a gap between layers",
      { "layers.1": { ...layer, name: "b", firstInstruction: 3, endInstruction: 3 } },
      "starts where the one before it ends",
    ],
    ["two layers of one name", { "layers.1": { ...layer, firstInstruction: 2 } }, "the name is used twice"],
    ["a layer that reads nothing known", { "layers.0.inputs": ["imag"] }, 'did you mean "image"?'],
    ["a register of 193 bits", { "layers.0.datapath.product.format.wordLength": 193 }, "product"],
    ["a bias register of 65 bits", { "layers.0.datapath.bias.format.wordLength": 65 }, "bias"],
    [
      "an unknown rounding mode",
      { "layers.0.datapath.sum": { ...SPEC, rounding: "up-ish" } },
      "layers[0].datapath.sum.rounding",
    ],
    ["a tile of no instruction", { "tiles.0.instruction": 9 }, "tile of instruction 9"],
    ["a tile of halt", { "tiles.0.instruction": 2 }, "halt is not of the compute unit"],
    ["a tile given twice", { "tiles.1": SMALL.tiles[0] }, "list tiles once, in program order"],
    ["clipped words of no layer", { "compileOverflow.0.layer": "cop" }, 'did you mean "copy"?'],
    ["an unknown input", { input: "imagg" }, 'did you mean "image"?'],
    ["an output that is the input", { output: "image" }, "has the role input"],
    ["a machine without rows", { "machine.rows": 0 }, "machine.rows"],
    ["a machine with too many rows", { "machine.rows": 2000 }, "machine: rows"],
    ["an unknown dataflow", { "machine.dataflow": "row-stationary" }, "machine.dataflow"],
    ["a seed of 33 bits", { seed: 2 ** 32 }, "seed"],
    ["metadata that is a list", { metadata: [1] }, "metadata: expected a JSON object"],
  ])("%s is refused", (_, changes, text) => {
    const message = refusal(fileWith({ symbols: symbolsWith(changes) }));
    expect(message).toContain("error[PROGRAM_FILE] a.program: ");
    expect(message).toContain(text);
  });

  it("several problems are all named", () => {
    const symbols = symbolsWith({ "tensors.1.address": 65, "layers.0.output": "nowhere" });
    expect(refusal(fileWith({ symbols })).split("\n").length).toBe(3);
  });

  it("metadata nested too deep for a later walk over it is refused", () => {
    const metadata: unknown = JSON.parse(`${'{"a":'.repeat(100)}1${"}".repeat(100)}`);
    expect(refusal(fileWith({ symbols: symbolsWith({ metadata }) }))).toContain("nested at most 64 deep");
  });
});

describe("a program that must not be written", () => {
  it.each<[string, Partial<Program>]>([
    ["a raw outside its format", { constants: [{ tensor: "weights", raws: Int32Array.of(16, 0, 0, 0, 0, 0) }] }],
    ["too few raws", { constants: [{ tensor: "weights", raws: Int32Array.of(1) }] }],
    ["wide storage of narrow raws", { constants: [{ tensor: "weights", raws: new BigInt64Array(6) }] }],
    ["no raws", { constants: [] }],
    ["a fractional seed", { seed: 0.5 }],
    ["NaN in metadata", { metadata: { accuracy: Number.NaN } }],
    ["a layer beyond the end", { instructions: SMALL.instructions.slice(0, 1), tiles: [] }],
  ])("%s is a broken promise", (_, change) => {
    expect(() => writeProgramFile({ ...SMALL, ...change })).toThrow(InvariantError);
  });
});

describe("mutated files", () => {
  const file = storableProgram().map(writeProgramFile);
  const mutation = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const readsOrRefuses = (bytes: Uint8Array): "program" | "illegal" | "diagnostic" => {
    try {
      const read = readProgramFile(bytes, "a.program");
      return "program" in read ? "program" : "illegal";
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      expect(error.diagnostics.length).toBeGreaterThan(0);
      expect(error.diagnostics.every((each) => each.code === "PROGRAM_FILE" && each.hint !== "")).toBe(true);
      return "diagnostic";
    }
  };
  const mutated = (bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array => {
    const copy = bytes.slice();
    for (const [at, value] of changes) copy[at % copy.length] = value;
    return copy;
  };

  it("give a diagnostic unless nothing changed", () => {
    fc.assert(
      fc.property(file, mutation, (bytes, changes) => {
        const copy = mutated(bytes, changes);
        const same = copy.every((byte, index) => byte === bytes[index]);
        expect(readsOrRefuses(copy)).toBe(same ? "program" : "diagnostic");
      }),
      { numRuns: 150 },
    );
  });

  it("give a diagnostic when cut anywhere", () => {
    fc.assert(
      fc.property(file, fc.double({ min: 0, max: 0.999999, noNaN: true }), (bytes, part) => {
        expect(readsOrRefuses(bytes.slice(0, Math.floor(bytes.length * part)))).toBe("diagnostic");
      }),
      { numRuns: 100 },
    );
  });

  it("with a right checksum give a program, an illegal word or a diagnostic, and nothing else", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(file, mutation, (bytes, changes) => {
        seen.add(readsOrRefuses(signed(mutated(bytes, changes))));
      }),
      { numRuns: 1000, seed: 1 },
    );
    expect([...seen].sort()).toEqual(["diagnostic", "illegal", "program"]);
  });

  it("with one symbol replaced by any JSON give a program or a diagnostic", () => {
    const paths = pathsOf(JSON.parse(symbolsWith({})) as Json);
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(0, -1, 1.5, 2 ** 53, 1e300, "", null, [], {}));
    fc.assert(
      fc.property(fc.nat(), value, (pick, replacement) => {
        const symbols = symbolsWith({ [paths[pick % paths.length] as string]: replacement });
        readsOrRefuses(fileWith({ symbols }));
      }),
      { numRuns: 500 },
    );
  });
});
