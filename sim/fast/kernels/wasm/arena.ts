import { InvariantError } from "../../../../isa/diagnostic.ts";
import type { FixedPointFormat } from "../../../../isa/numerics/format.ts";
import { allocateWords, type Words } from "../../memory/words.ts";
import { compiledModule, type ModuleName, type ModuleShifts, moduleKey } from "./modules.ts";
import { WASM, type WasmExports, type WasmMemory } from "./web-assembly.ts";

const PAGE_BYTES = 65536;
/** 4 GiB, all that 32-bit addresses reach. Only what is used is ever backed by memory. */
const MAXIMUM_PAGES = 65536;
/** Kernels read and write whole vectors: bytes after each block that belong to nobody. */
const SLACK_BYTES = 64;
/** The first page holds what the modules keep for themselves. */
const FIRST_ADDRESS = PAGE_BYTES;

/** Typed arrays that a block of the memory can be seen as. */
interface Views {
  readonly Int16Array: Int16Array;
  readonly Int32Array: Int32Array;
  readonly Uint32Array: Uint32Array;
  readonly Float64Array: Float64Array;
  readonly BigInt64Array: BigInt64Array;
}

type ViewConstructor<View> = {
  new (buffer: ArrayBufferLike, offset: number, length: number): View;
  readonly BYTES_PER_ELEMENT: number;
};

const VIEWS: { readonly [Name in keyof Views]: ViewConstructor<Views[Name]> } = {
  Int16Array: Int16Array,
  Int32Array: Int32Array,
  Uint32Array: Uint32Array,
  Float64Array: Float64Array,
  BigInt64Array: BigInt64Array,
};

/**
 * The linear memory of one program's kernels. It is never freed in parts: it goes when the program's session goes.
 *
 * Each worker has its own: a kernel reaches one memory only, and the modules keep passing sums at fixed addresses of its
 * first page, so two threads cannot work in one. What workers share is the program's constants (sim/pool); the packed
 * weights, eight bytes a weight at most in the integer lanes, are each worker's own.
 */
export class Arena {
  private readonly memory: WasmMemory;
  private end: number = FIRST_ADDRESS;
  private readonly addresses = new WeakMap<object, number>();
  private readonly tables = new WeakMap<Int32Array, number>();
  private readonly instances = new Map<string, WasmExports>();
  private scratchStart = 0;
  private scratchBytes = 0;

  constructor() {
    if (WASM === null) throw new InvariantError("an arena without WebAssembly");
    // Shared, because the buffers of a shared memory stay valid when it grows.
    this.memory = new WASM.Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true });
  }

  /** Address of `bytes` zero bytes, a multiple of 16. */
  reserve(bytes: number): number {
    const address = this.end;
    const end = Math.ceil((address + bytes + SLACK_BYTES) / 16) * 16;
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) this.memory.grow(missing);
    this.end = end;
    return address;
  }

  /** `length` zero elements. */
  array<Name extends keyof Views>(name: Name, length: number): Views[Name] {
    const View = VIEWS[name];
    const address = this.reserve(length * View.BYTES_PER_ELEMENT);
    const array = new View(this.memory.buffer, address, length);
    this.addresses.set(array, address);
    return array;
  }

  /** Zero words of a format, in this memory unless they are big integers. */
  words(format: FixedPointFormat, length: number): Words {
    const like = allocateWords(format, 0);
    if (like instanceof Int32Array) return this.array("Int32Array", length);
    return like instanceof Float64Array ? this.array("Float64Array", length) : allocateWords(format, length);
  }

  /** Address of an array that lies here, else null. */
  addressOf(array: object): number | null {
    return this.addresses.get(array) ?? null;
  }

  /** Address of a copy of a table that never changes, made once. */
  tableOf(table: Int32Array): number {
    const known = this.tables.get(table);
    if (known !== undefined) return known;
    const copy = this.array("Int32Array", table.length);
    copy.set(table);
    const address = this.addresses.get(copy) as number;
    this.tables.set(table, address);
    return address;
  }

  /** Makes room for a kernel's passing needs; instructions run one after the other and share it. */
  needScratch(bytes: number): void {
    if (bytes <= this.scratchBytes) return;
    this.scratchStart = this.reserve(bytes);
    this.scratchBytes = bytes;
  }

  /** Where the scratch lies now: `needScratch` may move it. */
  get scratch(): number {
    return this.scratchStart;
  }

  /** The functions of a module, on this memory. */
  instance(name: ModuleName, shifts: ModuleShifts): WasmExports {
    const key = moduleKey(name, shifts);
    let exports = this.instances.get(key);
    if (exports === undefined) {
      if (WASM === null) throw new InvariantError("an arena without WebAssembly");
      ({ exports } = new WASM.Instance(compiledModule(name, shifts), { env: { memory: this.memory } }));
      this.instances.set(key, exports);
    }
    return exports;
  }
}
