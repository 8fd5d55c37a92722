import { DiagnosticError, diagnosticError, formatDiagnostic, InvariantError } from "../diagnostic.ts";
import { packedByteCount, packRaws, unpackRaws } from "../numerics/bit-packing.ts";
import { checkSymbols } from "./check-symbols.ts";
import { readContainer, writeContainer } from "./container.ts";
import { decodeAll, encodeAll, type IllegalInstruction, INSTRUCTION_BYTES } from "./encoding.ts";
import { type Constant, elementCount, type Program, type TensorSymbol } from "./program.ts";
import { type ProgramSymbols, parseWith, programSymbolsSchema } from "./program-schema.ts";

export { PROGRAM_FILE_VERSION, PROGRAM_MAGIC } from "./container.ts";

/*
 * A program as bytes. Sections of the container: `symbols` is JSON in UTF-8, `constants` the packed words of each
 * constant in the order of the symbols' list, each from a new byte on, `code` the instruction words. Equal programs give
 * equal bytes.
 */

const CODE = "PROGRAM_FILE";
const HINT = "compile the program again; if the file was edited, undo that";

/** Writes a program that `checkSymbols` has nothing against; `InvariantError` for any other. */
export function writeProgramFile(program: Program): Uint8Array {
  const { instructions, constants, ...rest } = program;
  const parsed = parseWith(programSymbolsSchema, { ...rest, constants: constants.map(({ tensor }) => tensor) });
  if (parsed.problems) {
    throw new InvariantError(
      `a program with ${parsed.problems.map(({ path, what }) => `${path}: ${what}`).join("; ")}`,
    );
  }
  const wrong = checkSymbols(program, "program");
  if (wrong.length > 0) throw new InvariantError(wrong.map(formatDiagnostic).join("\n"));
  const tensors = tensorsByName(parsed.value);
  return writeContainer({
    symbols: new TextEncoder().encode(JSON.stringify(parsed.value)),
    constants: concatenate(
      constants.map(({ tensor, raws }) => packRaws(raws, (tensors.get(tensor) as TensorSymbol).format)),
    ),
    code: encodeAll(instructions),
  });
}

/** A whole program, or the first word of its code that no instruction encodes to: that is a fault of the machine. */
export type ReadProgram = { readonly program: Program } | { readonly illegal: IllegalInstruction };

/** Reads what `writeProgramFile` wrote. Anything else about the file is a `DiagnosticError` PROGRAM_FILE. */
export function readProgramFile(bytes: Uint8Array, where: string): ReadProgram {
  const sections = readContainer(bytes, where);
  const symbols = readSymbols(sections.symbols, `${where}: symbols section`);
  const constants = readConstants(sections.constants, symbols, `${where}: constants section`);
  if (sections.code.length % INSTRUCTION_BYTES !== 0) {
    const what = `${sections.code.length} bytes are no whole number of ${INSTRUCTION_BYTES}-byte instructions`;
    throw diagnosticError(CODE, `${where}: code section`, what, HINT);
  }
  const decoded = decodeAll(sections.code);
  if ("illegal" in decoded) return decoded;
  const program: Program = { ...symbols, constants, instructions: decoded.instructions };
  const wrong = checkSymbols(program, where, CODE);
  if (wrong.length > 0) throw new DiagnosticError(wrong);
  return { program };
}

function readSymbols(bytes: Uint8Array, where: string): ProgramSymbols {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw diagnosticError(CODE, where, `not JSON in UTF-8: ${what}`, HINT);
  }
  const { value, problems } = parseWith(programSymbolsSchema, json);
  if (value) return value;
  throw new DiagnosticError(
    problems.map(({ path, what }) => ({
      code: CODE,
      where: path === "" ? where : `${where}: ${path}`,
      what,
      hint: HINT,
    })),
  );
}

function readConstants(bytes: Uint8Array, symbols: ProgramSymbols, where: string): Constant[] {
  const tensors = tensorsByName(symbols);
  const fail = (what: string): DiagnosticError => diagnosticError(CODE, where, what, HINT);
  let start = 0;
  const constants = symbols.constants.map((name) => {
    const tensor = tensors.get(name);
    if (!tensor) throw fail(`constant "${name}" is no tensor`);
    const { format, shape } = tensor;
    const count = elementCount(shape);
    const end = start + packedByteCount(format.wordLength, count);
    if (format.wordLength > 64 || end > bytes.length) {
      throw fail(
        `constant "${name}", ${count} words of ${format.wordLength} bits, at byte ${start} of ${bytes.length}`,
      );
    }
    const packed = bytes.subarray(start, end);
    const usedBits = (count * format.wordLength) % 8;
    if (usedBits !== 0 && (packed[packed.length - 1] ?? 0) >> usedBits !== 0) {
      throw fail(`constant "${name}": a bit after its last word, in byte ${end - 1}, is not zero`);
    }
    start = end;
    return { tensor: name, raws: unpackRaws(packed, format, count) };
  });
  if (start !== bytes.length) throw fail(`${bytes.length - start} bytes follow the last constant`);
  return constants;
}

function tensorsByName({ tensors }: Pick<ProgramSymbols, "tensors">): Map<string, TensorSymbol> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}
