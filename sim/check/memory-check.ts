import { ON_CHIP_MEMORIES } from "../../isa/machine.ts";
import type { Program, TensorSymbol } from "../../isa/program/program.ts";
import { admissionFault, type ConfiguredInstruction } from "../configuration.ts";
import type { Fault } from "../fault.ts";
import { type Access, accessesOf } from "./accesses.ts";
import type { Ordering } from "./ordering.ts";
import { type Segment, SegmentMap } from "./segment-map.ts";
import { TensorMap, tensorEnd } from "./tensor-map.ts";

/**
 * Follows the words of every memory through the program in its order. A word that is read must have been written there
 * with the same W before; and whoever touches a word that another unit has written, or writes a word that another unit
 * has read, must come behind it through tokens, barriers and program order.
 *
 * Each memory has one unit that writes and one that reads, so the last writer and the last reader of a word stand for
 * all earlier ones.
 */
export class MemoryCheck {
  readonly #program: Program;
  readonly #ordered: Ordering;
  readonly #tensors: TensorMap;
  readonly #onChip: ReadonlyMap<string, SegmentMap>;
  /** By tensor name; tensors are disjoint. */
  readonly #dram = new Map<string, SegmentMap>();
  /** Tensor name → last instruction that stores into it, and last that loads or stores. */
  readonly #lastStore = new Map<string, number>();
  readonly #lastUse = new Map<string, number>();

  constructor(program: Program, ordered: Ordering) {
    this.#program = program;
    this.#ordered = ordered;
    this.#tensors = new TensorMap(program);
    this.#onChip = new Map(ON_CHIP_MEMORIES.map((name) => [name, new SegmentMap()]));
    for (const [pc, instruction] of program.instructions.entries()) {
      if (instruction.opcode !== "store" && instruction.opcode !== "load") continue;
      const tensor = this.#tensors.at(instruction.dramAddress);
      if (tensor === null) continue;
      this.#lastUse.set(tensor.name, pc);
      if (instruction.opcode === "store") this.#lastStore.set(tensor.name, pc);
    }
  }

  /** Faults of the declarations alone. */
  declarations(): Fault | null {
    return this.#tensors.fault(this.#program);
  }

  /** Takes the accesses of the next instruction. */
  step(pc: number, configured: ConfiguredInstruction): Fault | null {
    for (const access of accessesOf(configured)) {
      const fault = this.#access(pc, access);
      if (fault !== null) return fault;
    }
    if (configured.opcode === "load" || configured.opcode === "store") {
      this.#forget(pc, configured.instruction.dramAddress);
    }
    return null;
  }

  /** What nobody will ask for again takes memory no longer: big networks have millions of rows. */
  #forget(pc: number, dramAddress: number): void {
    const name = this.#tensors.at(dramAddress)?.name ?? "";
    if (this.#lastUse.get(name) === pc && name !== this.#program.output) this.#dram.delete(name);
  }

  /** At the end: the host reads every word of the output tensor. */
  output(): Fault | null {
    const tensor = this.#program.tensors.find(({ name }) => name === this.#program.output);
    if (!tensor) return null;
    const end = tensorEnd(tensor);
    const segments = this.#segmentsOf(tensor).overlapping(tensor.address, end);
    const hole = firstHole(segments, tensor.address, end, tensor.format.wordLength);
    if (hole === null) return null;
    const word = Math.floor((hole.bit - tensor.address) / tensor.format.wordLength);
    const pc = this.#program.instructions.length - 1;
    return admissionFault("uninitialised", pc, `word ${word} of output tensor ${tensor.name} is never written`);
  }

  #access(pc: number, access: Access): Fault | null {
    const { memory, address, wordLength, lastWord } = access;
    let map: SegmentMap;
    if (memory === "dram") {
      const tensor = this.#tensors.at(address);
      const wrong = tensor ? tensorProblem(access, tensor) : "outside every tensor";
      if (wrong !== null) return this.#fault("address", pc, access, address, wrong);
      map = this.#segmentsOf(tensor as TensorSymbol);
    } else {
      const { capacityBits } = this.#program.machine[memory];
      const end = address + (lastWord + 1) * wordLength;
      if (end > capacityBits) {
        const last = address + lastWord * wordLength;
        return this.#fault("address", pc, access, last, `the memory has ${capacityBits} bits`);
      }
      map = this.#onChip.get(memory) as SegmentMap;
    }
    return access.write ? this.#write(pc, access, map) : this.#read(pc, access, map);
  }

  #read(pc: number, access: Access, map: SegmentMap): Fault | null {
    const { wordLength } = access;
    if (access.memory === "dram" && this.#isNeverStored(access.address)) return null;
    const traced = this.#isWrittenAgain(pc, access);
    const words = access.words();
    for (let index = 0; index < words.length; index += 2) {
      const start = access.address + (words[index] as number) * wordLength;
      const end = access.address + (words[index + 1] as number) * wordLength;
      const segments = map.overlapping(start, end);
      const hole = firstHole(segments, start, end, wordLength);
      if (hole !== null) return this.#fault("uninitialised", pc, access, hole.bit, this.#holeText(hole));
      for (const segment of segments) {
        if (segment.writer >= 0 && !this.#ordered(segment.writer, pc)) {
          const relation = `which ${this.#name(segment.writer)} writes; no token makes it wait for that`;
          return this.#fault("hazard", pc, access, Math.max(start, segment.start), relation);
        }
      }
      if (traced) map.read(start, end, pc, segments);
    }
    return null;
  }

  /** Whether a later write of another unit may have to wait for this read; where none can, readers need no trace. */
  #isWrittenAgain(pc: number, { memory, address }: Access): boolean {
    if (memory === "accumulatorBank") return false;
    if (memory !== "dram") return true;
    const tensor = this.#tensors.at(address);
    return tensor !== null && (this.#lastStore.get(tensor.name) ?? -1) > pc;
  }

  #write(pc: number, access: Access, map: SegmentMap): Fault | null {
    const { wordLength } = access;
    const words = access.words();
    for (let index = 0; index < words.length; index += 2) {
      const start = access.address + (words[index] as number) * wordLength;
      const end = access.address + (words[index + 1] as number) * wordLength;
      const segments = map.overlapping(start, end);
      for (const { start: first, reader, writer } of segments) {
        const other = this.#comesBehind(pc, reader) ? (this.#comesBehind(pc, writer) ? -1 : writer) : reader;
        if (other < 0) continue;
        const verb = other === reader ? "reads" : "writes";
        const relation = `which ${this.#name(other)} ${verb} before; no token makes it wait for that`;
        return this.#fault("hazard", pc, access, Math.max(start, first), relation);
      }
      map.write(start, end, wordLength, pc, segments);
    }
    return null;
  }

  #comesBehind(pc: number, other: number): boolean {
    return other < 0 || this.#ordered(other, pc);
  }

  /** A constant, or an input that no instruction overwrites: every word is there, whoever reads it. */
  #isNeverStored(address: number): boolean {
    const tensor = this.#tensors.at(address);
    return tensor !== null && isFilled(tensor) && !this.#lastStore.has(tensor.name);
  }

  #segmentsOf(tensor: TensorSymbol): SegmentMap {
    const known = this.#dram.get(tensor.name);
    if (known) return known;
    const map = new SegmentMap();
    if (isFilled(tensor)) {
      map.write(tensor.address, tensorEnd(tensor), tensor.format.wordLength, -1);
    }
    this.#dram.set(tensor.name, map);
    return map;
  }

  #holeText({ segment }: Hole): string {
    if (segment === null) return "nothing was written there before";
    const writer = segment.writer < 0 ? "the tensor" : this.#name(segment.writer);
    return `${writer} left words of ${segment.wordLength} bits from bit ${segment.start} there`;
  }

  #name(pc: number): string {
    return `instruction ${pc} (${this.#program.instructions[pc]?.opcode})`;
  }

  #fault(kind: Fault["kind"], pc: number, access: Access, bit: number, rest: string): Fault {
    const { memory, wordLength, write } = access;
    const word = `word of ${wordLength} bits at bit ${bit} of ${memory}`;
    return admissionFault(kind, pc, `${this.#name(pc)} ${write ? "writes" : "reads"} the ${word}: ${rest}`);
  }
}

function tensorProblem({ address, wordLength, lastWord, write }: Access, tensor: TensorSymbol): string | null {
  const { name, format } = tensor;
  if (format.wordLength !== wordLength) return `tensor ${name} has words of ${format.wordLength} bits`;
  if ((address - tensor.address) % wordLength !== 0) return `no word of tensor ${name} starts there`;
  const excess = address + (lastWord + 1) * wordLength - tensorEnd(tensor);
  if (excess > 0) return `the block ends ${excess / wordLength} words behind tensor ${name}`;
  if (write && tensor.role === "constant") return `tensor ${name} is a constant`;
  return null;
}

/** Counts as written before the first instruction. */
function isFilled({ role }: TensorSymbol): boolean {
  return role === "constant" || role === "input";
}

interface Hole {
  readonly bit: number;
  /** What lies there instead of the word. */
  readonly segment: Segment | null;
}

/** The first word of [start, end) that was not written with this W at its address. */
function firstHole(segments: readonly Segment[], start: number, end: number, wordLength: number): Hole | null {
  let covered = start;
  for (const segment of segments) {
    const same = segment.wordLength === wordLength && (start - segment.start) % wordLength === 0;
    if (segment.start > covered || !same) return { bit: covered, segment: same ? null : segment };
    covered = segment.end;
  }
  return covered < end ? { bit: covered, segment: null } : null;
}
