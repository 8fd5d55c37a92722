import type { z } from "zod";
import { type Diagnostic, DiagnosticError, nearestName } from "../diagnostic.ts";
import { INSTRUCTIONS, type Instruction, type Opcode } from "../instructions/table.ts";
import type { Machine } from "../machine.ts";
import { FORMAT_LIMITS, rawRange } from "../numerics/format.ts";
import { allocateRaws, setRaw } from "../numerics/raws.ts";
import { TOKEN_CHANNELS } from "../tokens.ts";
import {
  type Line,
  parseAnyFormat,
  parseFieldText,
  parseLine,
  parseRegister,
  parseTokens,
  parseValue,
} from "./assembly-syntax.ts";
import { checkSymbols } from "./check-symbols.ts";
import { DATAPATH_REGISTERS } from "./datapath.ts";
import { type FieldValue, instructionProblems } from "./encoding.ts";
import type { CompileOverflow, Constant, LayerSymbol, Program, TensorSymbol, TileSymbol } from "./program.ts";
import {
  compileOverflowSchema,
  layerSchema,
  machineSchema,
  type ProgramFacts,
  parseWith,
  programFactsSchema,
  tensorSchema,
  tileSchema,
} from "./program-schema.ts";

export { disassemble, instructionText } from "./disassembly.ts";

type DirectiveName = keyof typeof DIRECTIVE_KEYS;

/** Keys of each directive, all required but those in `OPTIONAL_KEYS`. */
const DIRECTIVE_KEYS = {
  ".program": ["seed", "input", "output", "modelOutputs", "hostOperators", "metadata"],
  ".machine": [
    "name",
    "clockHz",
    "rows",
    "columns",
    "dataflow",
    "macPipeline",
    "tail",
    "weightDoubleBuffer",
    "drainOverlap",
    "inputScratchpad",
    "weightScratchpad",
    "accumulatorBank",
    "outputBuffer",
    "dram",
  ],
  ".tensor": ["name", "role", "address", "shape", "format", "unit"],
  ".layer": ["name", "kind", "macs", "inputs", "output", "constants", "doubleRounding", "table", "recurrent"],
  ".datapath": [...DATAPATH_REGISTERS, "weightFractionLengths", "biasOrder", "averageDivider"],
  ".endLayer": [],
  ".tile": ["row", "column", "channel", "columns", "channels", "rowStep", "columnStep"],
  ".compileOverflow": ["layer", "weight", "bias"],
  ".constant": ["tensor"],
  ".raws": [],
} as const;

const OPTIONAL_KEYS: readonly string[] = [
  "modelOutputs",
  "unit",
  "sum",
  "scale",
  "weightFractionLengths",
  "biasOrder",
  "table",
  "recurrent",
  "rowStep",
  "columnStep",
];

/** A listing with this many wrong lines is something else; the rest is not read. */
const MOST_DIAGNOSTICS = 50;

/**
 * Reads a listing in the language that `disassemble` writes. Everything wrong with it is collected into one
 * `DiagnosticError` ASSEMBLY, by line; `where` names the listing.
 */
export function assemble(text: string, where: string): Program {
  const assembler = new Assembler(where);
  text.split(/\r?\n/).every((line, index) => assembler.line(line, index + 1));
  return assembler.program();
}

interface OpenLayer {
  readonly line: Line;
  readonly values: Readonly<Record<string, unknown>>;
  readonly firstInstruction: number;
  datapath: Readonly<Record<string, unknown>> | undefined;
}

interface OpenConstant {
  readonly name: string;
  readonly lines: Line[];
}

class Assembler {
  readonly #where: string;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #instructions: Instruction[] = [];
  readonly #tensors: TensorSymbol[] = [];
  readonly #layers: LayerSymbol[] = [];
  readonly #tiles: TileSymbol[] = [];
  readonly #compileOverflow: CompileOverflow[] = [];
  readonly #constants: OpenConstant[] = [];
  #facts: ProgramFacts | undefined;
  #machine: Machine | undefined;
  #layer: OpenLayer | undefined;
  #tile: { readonly line: Line; readonly values: Readonly<Record<string, unknown>> } | undefined;

  constructor(where: string) {
    this.#where = where;
  }

  /** Takes one line in; false when there have been too many wrong ones to go on. */
  line(text: string, number: number): boolean {
    this.#collect(() => {
      const line = parseLine(text, number, `${this.#where}:${number}`);
      if (!line) return;
      if (!line.head.startsWith(".")) this.#instruction(line);
      else if (Object.hasOwn(DIRECTIVE_KEYS, line.head)) this.#directive(line.head as DirectiveName, line);
      else this.#unknown(line, `directive ${line.head}`, line.head, Object.keys(DIRECTIVE_KEYS));
    });
    return this.#diagnostics.length < MOST_DIAGNOSTICS;
  }

  /** The whole program, after the last line. */
  program(): Program {
    const end = { number: 0, head: "", words: [], values: new Map<string, string>() };
    if (this.#layer)
      this.#report(this.#layer.line, "the layer is not closed", "write .endLayer after its instructions");
    if (this.#tile)
      this.#report(this.#tile.line, "no instruction follows the tile", "write .tile before its instruction");
    if (!this.#facts) this.#report(end, "there is no .program line", "macroscope disasm shows one");
    if (!this.#machine) this.#report(end, "there is no .machine line", "macroscope disasm shows one");
    const constants = this.#constants.flatMap((constant) => this.#words(constant));
    if (this.#diagnostics.length > 0 || !this.#facts || !this.#machine) throw new DiagnosticError(this.#diagnostics);
    const program: Program = {
      ...this.#facts,
      machine: this.#machine,
      instructions: this.#instructions,
      tensors: this.#tensors,
      constants,
      layers: this.#layers,
      tiles: this.#tiles,
      compileOverflow: this.#compileOverflow,
    };
    const wrong = checkSymbols(program, this.#where, "ASSEMBLY");
    if (wrong.length > 0) throw new DiagnosticError(wrong);
    return program;
  }

  #instruction(line: Line): void {
    const opcodes = Object.keys(INSTRUCTIONS);
    if (!opcodes.includes(line.head)) {
      this.#unknown(line, `instruction ${line.head}`, line.head, opcodes);
      return;
    }
    const opcode = line.head as Opcode;
    const { fields } = INSTRUCTIONS[opcode];
    this.#checkKeys(line, [...fields.map(({ name }) => name), "wait", "signal"], ["wait", "signal"]);
    const values: Record<string, FieldValue> = {};
    for (const field of fields) {
      const text = line.values.get(field.name);
      if (text !== undefined) values[field.name] = parseFieldText(field, text);
    }
    const masks = { wait: this.#tokens(line, "wait"), signal: this.#tokens(line, "signal") };
    const instruction = { opcode, ...masks, ...values } as unknown as Instruction;
    for (const { field, what, hint } of instructionProblems(instruction)) {
      if (line.values.has(field)) this.#report(line, `${field}: ${what}`, hint);
    }
    const tile = this.#tile;
    this.#tile = undefined;
    if (tile) {
      const checked = this.#checked(tile.line, tileSchema, { instruction: this.#instructions.length, ...tile.values });
      if (checked) this.#tiles.push(checked);
    }
    this.#instructions.push(instruction);
  }

  #tokens(line: Line, key: "wait" | "signal"): number {
    const text = line.values.get(key);
    if (text === undefined) return 0;
    const { mask, unknown } = parseTokens(text);
    const names = TOKEN_CHANNELS.map((channel) => channel.name);
    for (const name of unknown) this.#unknown(line, `${key}: channel "${name}"`, name, names);
    return mask;
  }

  #directive(name: DirectiveName, line: Line): void {
    const keys: readonly string[] = DIRECTIVE_KEYS[name];
    if (!this.#checkKeys(line, keys, OPTIONAL_KEYS, name === ".raws")) return;
    const values = this.#values(line);
    if (values) this.#directives[name](line, values);
  }

  readonly #directives: Record<DirectiveName, (line: Line, values: Readonly<Record<string, unknown>>) => void> = {
    ".program": (line, values) => {
      if (this.#facts) this.#report(line, "a second .program line", "keep one");
      this.#facts = this.#checked(line, programFactsSchema, values);
    },
    ".machine": (line, values) => {
      if (this.#machine) this.#report(line, "a second .machine line", "keep one");
      this.#machine = this.#checked(line, machineSchema, values);
    },
    ".tensor": (line, values) => {
      const format = parseAnyFormat(String(values.format), `${this.#where}:${line.number}`);
      const tensor = this.#checked(line, tensorSchema, { ...values, format });
      if (tensor) this.#tensors.push(tensor);
    },
    ".layer": (line, values) => {
      if (this.#layer)
        this.#report(line, `the layer of line ${this.#layer.line.number} is open`, "close it by .endLayer");
      this.#layer = { line, values, firstInstruction: this.#instructions.length, datapath: undefined };
    },
    ".datapath": (line, values) => {
      if (!this.#layer) this.#report(line, "no layer is open", "write .datapath after its .layer");
      else if (this.#layer.datapath) this.#report(line, "a second .datapath of the layer", "keep one");
      else this.#layer.datapath = this.#datapath(line, values);
    },
    ".endLayer": (line) => {
      const layer = this.#layer;
      this.#layer = undefined;
      if (this.#tile) this.#report(line, "the layer ends between a tile and its instruction", "swap the two lines");
      if (!layer) {
        this.#report(line, "no layer is open", "write .layer before its instructions");
        return;
      }
      if (!layer.datapath) {
        this.#report(layer.line, "the layer has no .datapath", "write .datapath after .layer");
        return;
      }
      const { firstInstruction, datapath } = layer;
      const range = { firstInstruction, endInstruction: this.#instructions.length };
      const checked = this.#checked(layer.line, layerSchema, { ...layer.values, ...range, datapath });
      if (checked) this.#layers.push(checked);
    },
    ".tile": (line, values) => {
      if (this.#tile) this.#report(line, "a second tile of one instruction", "keep one");
      this.#tile = { line, values };
    },
    ".compileOverflow": (line, values) => {
      const checked = this.#checked(line, compileOverflowSchema, values);
      if (checked) this.#compileOverflow.push(checked);
    },
    ".constant": (_, values) => {
      this.#constants.push({ name: String(values.tensor), lines: [] });
    },
    ".raws": (line) => {
      const constant = this.#constants.at(-1);
      if (constant) constant.lines.push(line);
      else this.#report(line, "raws of no constant", "write .constant tensor=… before them");
    },
  };

  #datapath(line: Line, values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const registers = DATAPATH_REGISTERS.filter((name) => values[name] !== undefined).map((name) => {
      return [name, parseRegister(String(values[name]), `${this.#where}:${line.number}: ${name}`)] as const;
    });
    return { ...values, ...Object.fromEntries(registers) };
  }

  /** The words of a constant; none where its tensor is not known, which the check of the whole program then says. */
  #words({ name, lines }: OpenConstant): Constant[] {
    const format = this.#tensors.find((tensor) => tensor.name === name)?.format;
    const count = lines.reduce((total, line) => total + line.words.length, 0);
    if (!format || format.wordLength > FORMAT_LIMITS.wordLength) return [{ tensor: name, raws: new Int32Array(count) }];
    const raws = allocateRaws(format, count);
    const { min, max } = rawRange(format);
    let index = 0;
    for (const line of lines) {
      for (const word of line.words) {
        const raw = /^-?[0-9]{1,20}$/.test(word) ? BigInt(word) : undefined;
        if (raw === undefined || raw < min || raw > max) {
          if (this.#diagnostics.length >= MOST_DIAGNOSTICS) return [];
          this.#report(line, `raw ${word} of constant "${name}"`, `write integers from ${min} to ${max}`);
        } else setRaw(raws, index, raw);
        index++;
      }
    }
    return [{ tensor: name, raws }];
  }

  /** Whether a line has the keys it must have and no others. */
  #checkKeys(line: Line, keys: readonly string[], optional: readonly string[], takesWords = false): boolean {
    const before = this.#diagnostics.length;
    for (const key of line.values.keys()) {
      if (!keys.includes(key)) this.#unknown(line, `${line.head}: ${key}`, key, keys);
    }
    for (const key of keys) {
      if (!line.values.has(key) && !optional.includes(key)) {
        this.#report(line, `${line.head}: ${key} is missing`, `write ${key}=…`);
      }
    }
    const [word] = line.words;
    if (word !== undefined && !takesWords)
      this.#report(line, `${line.head}: "${word}" has no value`, "write key=value");
    return this.#diagnostics.length === before;
  }

  /** The values of a directive, or undefined where one is not JSON. */
  #values(line: Line): Readonly<Record<string, unknown>> | undefined {
    try {
      return Object.fromEntries([...line.values].map(([key, text]) => [key, parseValue(text)]));
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.#report(line, `broken JSON: ${what}`, "quote strings, and separate elements by commas");
      return undefined;
    }
  }

  #checked<Value>(line: Line, schema: z.ZodType<Value>, values: unknown): Value | undefined {
    const { value, problems } = parseWith(schema, values);
    for (const { path, what } of problems ?? []) {
      this.#report(line, path === "" ? what : `${path}: ${what}`, "macroscope disasm shows how a legal line looks");
    }
    return value;
  }

  #unknown(line: Line, what: string, name: string, names: readonly string[]): void {
    const nearest = nearestName(name, names);
    const hint = nearest ? `did you mean ${nearest}?` : `use ${names.join(", ") || "none"}`;
    this.#report(line, `unknown ${what}`, hint);
  }

  #report(line: Line, what: string, hint: string): void {
    const where = line.number === 0 ? this.#where : `${this.#where}:${line.number}`;
    this.#diagnostics.push({ code: "ASSEMBLY", where, what, hint });
  }

  /** Runs one step and keeps the diagnostics it throws, as ASSEMBLY ones. */
  #collect(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      this.#diagnostics.push(...error.diagnostics.map((diagnostic) => ({ ...diagnostic, code: "ASSEMBLY" })));
    }
  }
}
