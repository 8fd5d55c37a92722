import { ON_CHIP_MEMORIES } from "../../isa/machine.ts";
import type { Program, TensorSymbol } from "../../isa/program.ts";
import { admissionFault, type ConfiguredInstruction } from "../configuration.ts";
import type { Fault } from "../fault.ts";
import { type Access, accessesOf } from "./accesses.ts";
import type { Ordering } from "./ordering.ts";
import { type Segment, SegmentMap } from "./segment-map.ts";
import { TensorMap, tensorEnd } from "./tensor-map.ts";
import type { WordRuns } from "./word-runs.ts";

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
  /** Tensor name → last instruction that stores into it. */
  readonly #lastStore = new Map<string, number>();

  constructor(program: Program, ordered: Ordering) {
    this.#program = program;
    this.#ordered = ordered;
    this.#tensors = new TensorMap(program);
    this.#onChip = new Map(ON_CHIP_MEMORIES.map((name) => [name, new SegmentMap()]));
    for (const [pc, instruction] of program.instructions.entries()) {
      const tensor = instruction.opcode === "store" ? this.#tensors.at(instruction.dramAddress) : null;
      if (tensor) this.#lastStore.set(tensor.name, pc);
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
    return null;
  }

  /** At the end: the host reads every word of the output tensor. */
  output(): Fault | null {
    const tensor = this.#program.tensors.find(({ name }) => name === this.#program.output);
    if (!tensor) return null;
    const end = tensorEnd(tensor);
    const hole = firstHole(this.#segmentsOf(tensor), tensor.address, end, tensor.format.wordLength);
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
    const traced = this.#isWrittenAgain(pc, access);
    for (const [start, end] of bitRuns(access.words(), access)) {
      const hole = firstHole(map, start, end, wordLength);
      if (hole !== null) return this.#fault("uninitialised", pc, access, hole.bit, this.#holeText(hole));
      for (const segment of map.overlapping(start, end)) {
        if (segment.writer >= 0 && !this.#ordered(segment.writer, pc)) {
          const relation = `which ${this.#name(segment.writer)} writes; no token makes it wait for that`;
          return this.#fault("hazard", pc, access, Math.max(start, segment.start), relation);
        }
      }
      if (traced) map.read(start, end, pc);
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
    for (const [start, end] of bitRuns(access.words(), access)) {
      for (const { start: first, reader, writer } of map.overlapping(start, end)) {
        const other = [reader, writer].find((each) => each >= 0 && !this.#ordered(each, pc));
        if (other === undefined) continue;
        const verb = other === reader ? "reads" : "writes";
        const relation = `which ${this.#name(other)} ${verb} before; no token makes it wait for that`;
        return this.#fault("hazard", pc, access, Math.max(start, first), relation);
      }
      map.write(start, end, access.wordLength, pc);
    }
    return null;
  }

  #segmentsOf(tensor: TensorSymbol): SegmentMap {
    const known = this.#dram.get(tensor.name);
    if (known) return known;
    const map = new SegmentMap();
    if (tensor.role === "constant" || tensor.role === "input") {
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

function* bitRuns(words: WordRuns, { address, wordLength }: Access): Generator<readonly [start: number, end: number]> {
  for (let index = 0; index < words.length; index += 2) {
    yield [address + (words[index] as number) * wordLength, address + (words[index + 1] as number) * wordLength];
  }
}

interface Hole {
  readonly bit: number;
  /** What lies there instead of the word. */
  readonly segment: Segment | null;
}

/** The first word of [start, end) that was not written with this W at its address. */
function firstHole(map: SegmentMap, start: number, end: number, wordLength: number): Hole | null {
  let covered = start;
  for (const segment of map.overlapping(start, end)) {
    const same = segment.wordLength === wordLength && (start - segment.start) % wordLength === 0;
    if (segment.start > covered || !same) return { bit: covered, segment: same ? null : segment };
    covered = segment.end;
  }
  return covered < end ? { bit: covered, segment: null } : null;
}
