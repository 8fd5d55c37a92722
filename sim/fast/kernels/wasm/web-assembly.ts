import { InvariantError } from "../../../../isa/diagnostic.ts";

/*
 * The part of the WebAssembly interface that the kernels use. Its types come with the browser's library, which a program
 * for Node.js does not load.
 */

/** Compiled code, not yet tied to a memory. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
  /** Makes the memory `pages` × 64 KiB larger. Earlier views stay valid: the memory is shared. */
  grow(pages: number): number;
}

/** Exported functions by name. */
export type WasmExports = Readonly<Record<string, (...values: number[]) => number>>;

interface WasmNamespace {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: WasmExports };
  readonly Memory: new (limits: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => WasmMemory;
}

const namespace = (globalThis as unknown as { readonly WebAssembly?: WasmNamespace }).WebAssembly;

/**
 * A module whose one function makes a vector of sixteen bytes from an integer and drops it: `i32.const 0`, `i8x16.splat`,
 * `drop`. Valid exactly where vectors are known.
 */
const VECTOR_PROBE = [
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x0a,
  0x09, 0x01, 0x07, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x1a, 0x0b,
];

/** WebAssembly where it knows vectors and a memory can be shared, else null. */
export const WASM: WasmNamespace | null = hasVectors(namespace) ? namespace : null;

/** Whether an implementation will do; `validate` is all that is asked of it. */
export function hasVectors<Namespace extends Pick<WasmNamespace, "validate">>(
  found: Namespace | undefined,
): found is Namespace {
  return found?.validate(Uint8Array.from(VECTOR_PROBE)) === true && typeof SharedArrayBuffer === "function";
}

export function exportedFunction(exports: WasmExports, name: string): (...values: number[]) => number {
  const found = exports[name];
  if (found === undefined) throw new InvariantError(`the kernel module exports no ${name}`);
  return found;
}
