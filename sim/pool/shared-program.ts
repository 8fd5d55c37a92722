import { deserialize, serialize } from "node:v8";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";

/**
 * A program in memory that threads share: to hand it over costs a few references, however large it is, and all read one
 * copy of its constants.
 */
export interface SharedProgram {
  /** One number for one program, within this process. */
  readonly id: number;
  /** Everything but the words of constants. */
  readonly rest: Uint8Array<SharedArrayBuffer>;
  /** In the order of `Program.constants`. */
  readonly constants: readonly Raws[];
}

const shared = new WeakMap<Program, SharedProgram>();
let programs = 0;

/** Copies a program into shared memory, once: the same program is the same afterwards. */
export function shareProgram(program: Program): SharedProgram {
  const known = shared.get(program);
  if (known !== undefined) return known;
  const rest = serialize({ ...program, constants: program.constants.map(({ tensor }) => ({ tensor })) });
  const made: SharedProgram = {
    id: programs++,
    rest: shareBytes(rest),
    constants: program.constants.map(({ raws }) => shareRaws(raws)),
  };
  shared.set(program, made);
  return made;
}

/** The program, its constants in shared memory. */
export function openShared({ rest, constants }: SharedProgram): Program {
  // v8 reads no shared memory.
  const program = deserialize(Uint8Array.from(rest)) as Program;
  return {
    ...program,
    constants: program.constants.map(({ tensor }, index) => ({ tensor, raws: constants[index] as Raws })),
  };
}

function shareBytes(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function shareRaws(raws: Raws): Raws {
  const buffer = new SharedArrayBuffer(raws.byteLength);
  if (raws instanceof Int32Array) {
    const copy = new Int32Array(buffer);
    copy.set(raws);
    return copy;
  }
  const copy = new BigInt64Array(buffer);
  copy.set(raws);
  return copy;
}
