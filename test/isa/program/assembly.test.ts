import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { assemble, disassemble, instructionText } from "../../../isa/program/assembly.ts";
import { writeProgramFile } from "../../../isa/program/program-file.ts";
import { OPCODES } from "../../arbitraries/instructions.ts";
import { storableProgram } from "../../arbitraries/program.ts";

const MACHINE = [
  ".machine name=tiny clockHz=200000000 rows=3 columns=5 dataflow=tree macPipeline=1 tail=2",
  "weightDoubleBuffer=false drainOverlap=true",
  'inputScratchpad={"capacityBits":4096,"banks":2,"bitsPerCycle":64} weightScratchpad={"capacityBits":4096,"banks":2,"bitsPerCycle":64}',
  'accumulatorBank={"capacityBits":2048,"banks":1,"bitsPerCycle":128} outputBuffer={"capacityBits":2048,"banks":1,"bitsPerCycle":64}',
  'dram={"capacityBits":1048576,"wordBits":64,"bytesPerCycle":8,"latencyCycles":3}',
].join(" ");

/** Written as a person would: comments, blank lines, hexadecimal, any order of keys, constants before their tensor. */
const LISTING = `# doubles an image
.program seed=7 output=scores input=image hostOperators=[] metadata={"note":"a # in a string"}
${MACHINE}

.constant tensor=weights
  .raws 1 -2 15   # the first row
  .raws -16 0 3

.tensor name=image role=input address=0 shape=[1,2,3] format=16,8
.tensor name=scores role=output address=128 shape=[1,2,3] format=u16,-2
.tensor name=weights role=constant address=256 shape=[1,2,3] format="5,4"

configure.activation activation=clip lowest=-9 highest=-5 fractionLength=3
.layer name=double kind=copy macs=0 inputs=["image"] output=scores constants={} doubleRounding=true
  .datapath input="16,8 nearest saturate" weight="5,4 down wrap" product="80,12 nearest saturate" accumulator="96,12 nearest wrap:70" bias="16,8 nearest-even saturate-zero ac" output="u16,-2 stochastic wrap:3 ap" averageDivider=false
  .tile row=0 column=0 channel=0 columns=2 channels=3
  vector operation=shift addressA=0x10 addressB=0 outputAddress=0 elements=6 shift=1 tableAddress=0 period=1 signal=outputReady wait=inputReady,outputFree
.endLayer
halt
.compileOverflow layer=double weight=1 bias=0
`;

/** The diagnostics of a listing, each as `line: what`. */
function complaints(text: string): string[] {
  try {
    assemble(text, "a.asm");
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    expect(error.diagnostics.every((each) => each.code === "ASSEMBLY" && each.hint !== "")).toBe(true);
    return error.diagnostics.map(({ where, what, hint }) => `${where.replace("a.asm:", "")}: ${what}; ${hint}`);
  }
  return [];
}

/** The listing with its first `line` that contains `part` changed. */
function withLine(part: string, change: (line: string) => string): { text: string; number: number } {
  const lines = LISTING.split("\n");
  const index = lines.findIndex((line) => line.includes(part));
  expect(index).toBeGreaterThanOrEqual(0);
  lines[index] = change(lines[index] as string);
  return { text: lines.join("\n"), number: index + 1 };
}

describe("a listing and its program", () => {
  it("assembling a disassembled program gives the same program file, byte for byte", () => {
    fc.assert(
      fc.property(storableProgram(), (program) => {
        const again = assemble(disassemble(program), "a.asm");
        expect(again).toEqual(program);
        expect(writeProgramFile(again)).toEqual(writeProgramFile(program));
      }),
      { numRuns: 100 },
    );
  });

  it("a listing written by hand says what it says", () => {
    const program = assemble(LISTING, "a.asm");
    expect(program.instructions[1]).toEqual({
      opcode: "vector",
      wait: 0b100001,
      signal: 0b10000,
      operation: "shift",
      addressA: 16,
      addressB: 0,
      outputAddress: 0,
      elements: 6,
      shift: 1n,
      tableAddress: 0,
      period: 1,
    });
    expect(program.instructions[0]).toMatchObject({
      activation: "clip",
      lowest: -9n,
      highest: -5n,
      fractionLength: 3n,
    });
    expect(program.layers[0]).toMatchObject({ firstInstruction: 1, endInstruction: 2, doubleRounding: true });
    expect(program.layers[0]?.datapath.accumulator).toEqual({
      format: { wordLength: 96, fractionLength: 12, signed: true },
      rounding: "nearest",
      overflow: "wrap",
      saturatedBits: 70,
      dialect: "sc",
    });
    expect(program.layers[0]?.datapath.bias.dialect).toBe("ac");
    expect(program.layers[0]?.datapath).not.toHaveProperty("sum");
    expect(program.tiles).toEqual([{ instruction: 1, row: 0, column: 0, channel: 0, columns: 2, channels: 3 }]);
    expect(program.constants).toEqual([{ tensor: "weights", raws: Int32Array.of(1, -2, 15, -16, 0, 3) }]);
    expect(program.tensors[1]?.format).toEqual({ wordLength: 16, fractionLength: -2, signed: false });
    expect(program.metadata).toEqual({ note: "a # in a string" });
    expect(program.machine).toMatchObject({ dataflow: "tree", rows: 3, columns: 5, dram: { latencyCycles: 3 } });
    expect(complaints(disassemble(program))).toEqual([]);
  });

  it("line ends and a byte order mark do not matter", () => {
    const program = assemble(LISTING, "a.asm");
    expect(assemble(`\uFEFF${LISTING.replaceAll("\n", "\r\n")}`, "a.asm")).toEqual(program);
  });

  it("an instruction is one line of mnemonic, fields and tokens", () => {
    const [, vector, halt] = assemble(LISTING, "a.asm").instructions;
    expect(vector && instructionText(vector)).toBe(
      "vector operation=shift addressA=16 addressB=0 outputAddress=0 elements=6 shift=1 tableAddress=0 period=1 wait=inputReady,outputFree signal=outputReady",
    );
    expect(halt && instructionText(halt)).toBe("halt");
  });
});

describe("a wrong line is named by its number", () => {
  /** Where the complaint is about another line than the changed one. */
  const LINES_AWAY: Readonly<Record<string, number>> = {
    "raws of no constant": 1,
    "an unclosed layer": -4,
    "a layer without datapath": -1,
    "a tile without instruction": 1,
  };

  it.each<[string, string, (line: string) => string, string]>([
    [
      "a misspelt instruction",
      "vector",
      (line) => line.replace("vector", "vectr"),
      "unknown instruction vectr; did you mean vector?",
    ],
    [
      "a misspelt field",
      "vector",
      (line) => line.replace("elements", "elemens"),
      "vector: elemens; did you mean elements?",
    ],
    ["a missing field", "vector", (line) => line.replace("shift=1", ""), "shift is missing; write shift=…"],
    [
      "a value out of range",
      "vector",
      (line) => line.replace("shift=1", "shift=64"),
      "shift: found 64, expected -64 to 63; the nearest legal value is 63",
    ],
    [
      "a value below the minimum",
      "vector",
      (line) => line.replace("elements=6", "elements=0"),
      "elements: found 0, expected 1",
    ],
    ["a negative count", "vector", (line) => line.replace("elements=6", "elements=-6"), "elements: found -6"],
    [
      "a fraction",
      "vector",
      (line) => line.replace("elements=6", "elements=6.5"),
      'elements: found "6.5", expected an unsigned integer',
    ],
    ["a misspelt name", "vector", (line) => line.replace("=shift", "=shfit"), "did you mean shift?"],
    [
      "a misspelt token",
      "vector",
      (line) => line.replace("inputReady", "inputRedy"),
      'wait: channel "inputRedy"; did you mean inputReady?',
    ],
    [
      "a token of another unit",
      "vector",
      (line) => line.replace("inputReady", "inputFree"),
      "compute may not wait on inputFree",
    ],
    ["a field given twice", "vector", (line) => `${line} shift=1`, "shift is given twice"],
    ["a word without value", "halt", () => "halt now", '"now" has no value'],
    ["tokens on halt", "halt", () => "halt signal=inputFree", "a control instruction carries no tokens"],
    ["an unknown directive", ".endLayer", () => ".endlayr", "unknown directive .endlayr; did you mean .endLayer?"],
    ["an unknown key", ".tile", (line) => `${line} depth=1`, "unknown .tile: depth"],
    ["a number where a list belongs", ".tensor", (line) => line.replace("[1,2,3]", "6"), "shape: expected tuple"],
    ["broken JSON", ".tensor", (line) => line.replace("[1,2,3]", "[1,,3]"), "broken JSON"],
    ["JSON without end", ".tensor", (line) => line.replace("[1,2,3]", "[1,2,3"), "shape= has no complete value"],
    ["no blank between pairs", ".tensor", (line) => line.replace("] ", "]"), "no blank before"],
    ["a stray character", "halt", () => "halt ]", 'unexpected "]"'],
    ["a line without head", "halt", () => "x=1", "the line has no instruction"],
    ["a format without F", ".tensor", (line) => line.replace("16,8", "16"), '"16" is not a format'],
    ["a format too wide", ".tensor", (line) => line.replace("16,8", "193,8"), '"193,8" is not a format'],
    [
      "an unknown rounding",
      ".datapath",
      (line) => line.replace("5,4 down", "5,4 dwon"),
      'unknown rounding mode "dwon"; did you mean down?',
    ],
    [
      "an unknown overflow",
      ".datapath",
      (line) => line.replace('wrap"', 'wrapp"'),
      'unknown overflow mode "wrapp"; did you mean wrap?',
    ],
    ["half a register", ".datapath", (line) => line.replace("5,4 down wrap", "5,4"), "is not a register"],
    [
      "a raw out of range",
      ".raws",
      (line) => line.replace("15", "16"),
      'raw 16 of constant "weights"; write integers from -16 to 15',
    ],
    ["a raw that is none", ".raws", (line) => line.replace("15", "0x1"), "raw 0x1"],
    ["raws of no constant", ".constant", () => "", "raws of no constant"],
    ["an unclosed layer", ".endLayer", () => "", "the layer is not closed"],
    ["a layer without datapath", ".datapath", () => "", "the layer has no .datapath"],
    [
      "a second datapath",
      ".tile",
      () => LISTING.split("\n").find((line) => line.includes(".datapath")) ?? "",
      "a second .datapath",
    ],
    ["a tile without instruction", "  vector", () => "", "the layer ends between a tile and its instruction"],
    ["an end of no layer", "halt", () => ".endLayer", "no layer is open"],
    [
      "a layer inside a layer",
      ".endLayer",
      () => ".layer name=b kind=copy macs=0 inputs=[] output=scores constants={} doubleRounding=false",
      "is open; close it by .endLayer",
    ],
    ["a second machine", "halt", () => MACHINE, "a second .machine line"],
    ["a program line without seed", ".program", (line) => line.replace("seed=7", ""), "seed is missing"],
  ])("%s", (name, part, change, text) => {
    const { text: listing, number } = withLine(part, change);
    const found = complaints(listing);
    const matching = found.filter((complaint) => complaint.includes(text)).map((each) => Number.parseInt(each, 10));
    expect(matching, found.join("\n")).toContain(number + (LINES_AWAY[name] ?? 0));
  });

  it("all wrong lines are named in one go", () => {
    const found = complaints(
      LISTING.replace("halt", "hlat").replace("shift=1", "shift=640").replace("macs=0", "macs=-1"),
    );
    expect(found.length).toBe(3);
    expect(found.map((complaint) => Number.parseInt(complaint, 10)).sort((a, b) => a - b)).toEqual([14, 17, 19]);
  });

  it("the first fifty of very many", () => {
    const found = complaints("nonsense\n".repeat(10_000));
    expect(found.length).toBeGreaterThanOrEqual(50);
    expect(found.length).toBeLessThan(60);
  });
});

describe("a listing whose lines are right and whose whole is wrong", () => {
  it.each<[string, (text: string) => string, string]>([
    ["nothing at all", () => "", "there is no .program line"],
    ["no machine", (text) => text.replace(MACHINE, ""), "there is no .machine line"],
    ["a tensor over another", (text) => text.replace("address=128", "address=64"), 'inside tensor "image"'],
    ["too few words", (text) => text.replace("-16 0 3", "-16 0"), "5 words; its shape 1 × 2 × 3 asks for 6"],
    [
      "an unknown output",
      (text) => text.replace("output=scores input", "output=score input"),
      'did you mean "scores"?',
    ],
    [
      "a constant that is no tensor",
      (text) => text.replace("tensor=weights", "tensor=weight"),
      "no tensor of role constant",
    ],
  ])("%s is a diagnostic", (_, change, text) => {
    expect(complaints(change(LISTING)).join("\n")).toContain(text);
  });
});

describe("mutated listings", () => {
  const accepts = (text: string): boolean => {
    const found = complaints(text);
    if (found.length > 0) return false;
    writeProgramFile(assemble(text, "a.asm"));
    return true;
  };
  const piece = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.constantFrom(
      "#",
      '"',
      "[",
      "{",
      "=",
      "\n",
      "0",
      "-",
      ".",
      ",",
      " ",
      "__proto__=1 ",
      ".raws ",
      "x=[",
      "\\",
      "1e9",
    ),
    fc.constantFrom(...OPCODES),
  );

  it("give a program or diagnostics, and nothing else", () => {
    let accepted = 0;
    const edit = fc.tuple(fc.nat(LISTING.length), fc.nat(12), piece);
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const text = edits.reduce(
          (all, [at, cut, inserted]) => all.slice(0, at) + inserted + all.slice(at + cut),
          LISTING,
        );
        if (accepts(text)) accepted++;
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it("any text gives diagnostics", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        expect(accepts(pieces.join(""))).toBe(false);
      }),
    );
  });

  it("a value nested very deep is refused", () => {
    const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    expect(complaints(LISTING.replace('{"note":"a # in a string"}', deep)).join()).toContain("nested at most 64 deep");
  });
});
