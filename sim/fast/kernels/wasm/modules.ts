import { InvariantError } from "../../../../isa/diagnostic.ts";
import { loadBuild } from "./load-build.ts";
import { WASM, type WasmModule } from "./web-assembly.ts";

/** One module for each file of `assembly/` that exports kernels. */
export type ModuleName =
  | "dot"
  | "element-wise"
  | "float64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "lanes"
  | "stochastic";

/** Values of the constants that a module holds as markers; each lies from 0 to 63. */
export interface ModuleShifts {
  /** Bits that a product drops. */
  readonly dropped?: number;
  /** Zeros that left-align a word. */
  readonly left?: number;
  /** What brings the lowest kept bit of a product to the top. */
  readonly lowestKept?: number;
  /** 32 − s: brings the top s bits of a random word to the bottom. */
  readonly random?: number;
}

/** Built code, base64, by module name. */
const build = WASM === null ? null : (loadBuild() as Readonly<Record<ModuleName, string>> | null);

/** Why there are no WebAssembly kernels here; null where there are. */
export const WASM_MISSING: string | null =
  WASM === null
    ? "this machine has no WebAssembly SIMD with shared memory"
    : build === null
      ? "the WebAssembly kernels are not built; run npm run build"
      : null;

/*
 * A vector shift by a variable count takes four instructions, by a constant one, and the kernels are mostly shifts. So the
 * sources shift by marker constants, and a module is compiled for each set of counts that a program needs, with the
 * markers in its code replaced. A shift is `i32.const marker` or `i64.const marker` (0x41 or 0x42, one byte) followed by its
 * opcode; counts and markers are below 64, so the replacement has the same length.
 */
const I16X8_SHL = [0xfd, 0x8b, 0x01];
const I16X8_SHR_S = [0xfd, 0x8c, 0x01];
const I32X4_SHL = [0xfd, 0xab, 0x01];
const I32X4_SHR_S = [0xfd, 0xac, 0x01];
const I32X4_SHR_U = [0xfd, 0xad, 0x01];
const I64_SHR_S = [0x87];
const I32_CONST = 0x41;
const I64_CONST = 0x42;

interface Marker {
  readonly constant: typeof I32_CONST | typeof I64_CONST;
  readonly value: number;
  readonly shifts: readonly (readonly number[])[];
}

function marker(value: number, ...shifts: (readonly number[])[]): Marker {
  return { constant: I32_CONST, value, shifts };
}

/** Markers by module, and the shifts that take them. */
const MARKERS: Readonly<Record<ModuleName, { readonly [Name in keyof ModuleShifts]: Marker }>> = {
  dot: {},
  "element-wise": {},
  float64: {},
  int8: { dropped: marker(13, I16X8_SHR_S), lowestKept: marker(14, I16X8_SHL) },
  int16: {
    dropped: marker(29, I32X4_SHR_S),
    left: marker(27, I32X4_SHL, I16X8_SHL, I16X8_SHR_S),
    lowestKept: marker(26, I32X4_SHL),
  },
  int32: { dropped: marker(29, I32X4_SHR_S), lowestKept: marker(26, I32X4_SHL) },
  int64: { dropped: { constant: I64_CONST, value: 59, shifts: [I64_SHR_S] } },
  lanes: {},
  stochastic: {
    dropped: marker(29, I32X4_SHR_S),
    left: marker(27, I32X4_SHL, I16X8_SHL, I16X8_SHR_S),
    random: marker(23, I32X4_SHR_U),
  },
};

const compiled = new Map<string, WasmModule>();

/** A module with its shift counts, compiled once in this thread. */
export function compiledModule(name: ModuleName, shifts: ModuleShifts): WasmModule {
  const key = moduleKey(name, shifts);
  let module = compiled.get(key);
  if (module === undefined) {
    if (WASM === null || build === null) throw new InvariantError(`a WebAssembly kernel is asked for: ${WASM_MISSING}`);
    module = new WASM.Module(withShifts(name, decode(build[name]), shifts));
    compiled.set(key, module);
  }
  return module;
}

export function moduleKey(
  name: ModuleName,
  { dropped = 0, left = 0, lowestKept = 0, random = 0 }: ModuleShifts,
): string {
  return `${name} ${dropped} ${left} ${lowestKept} ${random}`;
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function withShifts(name: ModuleName, code: Uint8Array, shifts: ModuleShifts): Uint8Array {
  const wanted = Object.entries(shifts).map(([shift, count]: [string, number]) => {
    const found = MARKERS[name][shift as keyof ModuleShifts];
    if (found === undefined || !(count >= 0 && count < 64)) {
      throw new InvariantError(`module ${name} has no shift ${shift} by ${count}`);
    }
    return { ...found, count };
  });
  const replaced = code.slice();
  for (let at = 0; at + 2 < code.length; at++) {
    for (const { constant, value, shifts: opcodes, count } of wanted) {
      if (code[at] !== constant || code[at + 1] !== value) continue;
      if (opcodes.some((bytes) => bytes.every((byte, index) => code[at + 2 + index] === byte)))
        replaced[at + 1] = count;
    }
  }
  return replaced;
}
