/**
 * Drawn programs with longer words, so that the fast engine meets its float64 and big-integer paths in every
 * instruction, and with readers that take the bits of a word with the other signedness.
 */

import type { ConfigureRegister, MachineRegister } from "../../../isa/instructions/configure-register.ts";
import { secondOperandAddress } from "../../../isa/instructions/requantize.ts";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { type FixedPointFormat, rawRange } from "../../../isa/numerics/format.ts";
import type { Dialect } from "../../../isa/numerics/overflow.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import type { Constant, Program, TensorSymbol } from "../../../isa/program/program.ts";
import { elementCount } from "../../../isa/program/program.ts";
import { withTrueDatapaths } from "../../arbitraries/true-datapaths.ts";

export interface Widening {
  /** Bits and fraction bits that every word gains; product and accumulator gain twice as many. */
  readonly bits: number;
  readonly dialect: Dialect;
  /** Registers whose words are read with the other signedness. */
  readonly flipped: readonly MachineRegister[];
}

const EXACT: readonly MachineRegister[] = ["product", "accumulator"];
/** Blocks in a scratchpad (bias and scale behind the weights, operand B behind A) move this much apart. */
const SPREAD = 64;

/** `raw` with `bits` more fraction bits, all ones: ends of the range stay ends where they can. */
function widenRaw(raw: bigint, bits: number): bigint {
  return ((raw + 1n) << BigInt(bits)) - 1n;
}

function widenFormat(format: FixedPointFormat, bits: number): FixedPointFormat {
  return { ...format, wordLength: format.wordLength + bits, fractionLength: format.fractionLength + bits };
}

export function widenInputs(inputs: readonly bigint[], bits: number): bigint[] {
  return inputs.map((raw) => widenRaw(raw, bits));
}

export function widenProgram(program: Program, { bits, dialect, flipped }: Widening): Program {
  const oldTensors = new Map(program.tensors.map((tensor) => [tensor.address, tensor]));
  const tensors: TensorSymbol[] = [];
  let address = 0;
  for (const tensor of program.tensors) {
    const format = widenFormat(tensor.format, bits);
    tensors.push({ ...tensor, format, address });
    const end = address + elementCount(tensor.shape) * format.wordLength;
    address = Math.ceil(end / program.machine.dram.wordBits) * program.machine.dram.wordBits;
  }
  const moved = (dramAddress: number): number => {
    const name = oldTensors.get(dramAddress)?.name;
    const tensor = tensors.find((each) => each.name === name);
    if (tensor === undefined) throw new Error(`no tensor begins at ${dramAddress}`);
    return tensor.address;
  };
  const words = new Map<MachineRegister, number>();
  /** Address of the same word of the weight block, which begins at 0. */
  const scaled = (bitAddress: number): number => {
    const wordLength = words.get("weight") ?? 1;
    return (bitAddress / (wordLength - bits)) * wordLength;
  };
  const behind = blocksBehind(program);
  const instructions = program.instructions.map((instruction, index): Instruction => {
    switch (instruction.opcode) {
      case "configure.register":
      case "configure.load": {
        const configured = widenRegister(instruction, bits, dialect, flipped);
        words.set(instruction.register, configured.wordLength);
        return configured;
      }
      case "configure.activation":
        return {
          ...instruction,
          lowest: widenRaw(instruction.lowest, 2 * bits),
          highest: widenRaw(instruction.highest, 2 * bits),
          fractionLength: instruction.fractionLength + BigInt(2 * bits),
        };
      case "configure.table":
        return { ...instruction, base: instruction.base << BigInt(bits), shift: instruction.shift + bits };
      case "configure.pieces":
        return { ...instruction, threshold: widenRaw(instruction.threshold, bits) };
      case "configure.bounds":
        return {
          ...instruction,
          offset: widenRaw(instruction.offset, bits),
          lower: widenRaw(instruction.lower, bits),
          upper: widenRaw(instruction.upper, bits),
        };
      case "load": {
        const wordLength = behind.get(index);
        return {
          ...instruction,
          dramAddress: moved(instruction.dramAddress),
          address:
            wordLength === undefined
              ? instruction.address * SPREAD
              : (instruction.address / wordLength) * (wordLength + bits),
        };
      }
      case "store":
        return {
          ...instruction,
          dramAddress: moved(instruction.dramAddress),
          wordLength: instruction.wordLength + bits,
        };
      case "matrix":
        return { ...instruction, weightAddress: scaled(instruction.weightAddress) };
      case "preload":
        return { ...instruction, biasAddress: instruction.biasAddress * SPREAD };
      case "requantize":
        return {
          ...instruction,
          biasAddress: instruction.biasAddress * SPREAD,
          scaleAddress: instruction.scaleAddress * SPREAD,
        };
      case "vector":
        return {
          ...instruction,
          addressB: instruction.addressB * SPREAD,
          tableAddress: instruction.tableAddress * SPREAD,
        };
      default:
        return instruction;
    }
  });
  const { machine } = program;
  const roomy = (memory: typeof machine.inputScratchpad): typeof memory => ({ ...memory, capacityBits: 2 ** 26 });
  return withTrueDatapaths({
    ...program,
    machine: {
      ...machine,
      inputScratchpad: roomy(machine.inputScratchpad),
      weightScratchpad: roomy(machine.weightScratchpad),
      accumulatorBank: roomy(machine.accumulatorBank),
      outputBuffer: roomy(machine.outputBuffer),
      dram: { ...machine.dram, capacityBits: 2 ** 30 },
    },
    tensors,
    instructions,
    constants: program.constants.map((constant) => widenConstant(constant, program.tensors, tensors, bits)),
  });
}

/** Loads of words that requantize reads right behind its first operand's, with the word length of those. */
function blocksBehind({ instructions }: Program): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let wordLength = 1;
  for (const [index, instruction] of instructions.entries()) {
    if (instruction.opcode === "configure.register" && instruction.register === "operandA") {
      wordLength = instruction.wordLength;
    }
    if (instruction.opcode !== "requantize" || instruction.source !== "operands") continue;
    const address = secondOperandAddress(instruction, { wordLength, fractionLength: 0, signed: true });
    for (let before = index - 1; before >= 0 && !found.has(before); before--) {
      const load = instructions[before];
      if (load?.opcode !== "load" || load.target !== "inputScratchpad" || load.address !== address) continue;
      found.set(before, wordLength);
      break;
    }
  }
  return found;
}

function widenRegister(
  instruction: ConfigureRegister,
  bits: number,
  dialect: Dialect,
  flipped: readonly MachineRegister[],
): ConfigureRegister {
  const gained = EXACT.includes(instruction.register) ? 2 * bits : bits;
  const acHasMode = instruction.saturatedBits === 0 && instruction.overflow !== "wrap-sign-magnitude";
  const signed = flipped.includes(instruction.register) ? !instruction.signed : instruction.signed;
  // Sign and magnitude are of signed words alone; an operand is only read.
  const overflow = !signed && instruction.overflow === "wrap-sign-magnitude" ? "wrap" : instruction.overflow;
  return {
    ...instruction,
    wordLength: instruction.wordLength + gained,
    fractionLength: instruction.fractionLength + BigInt(gained),
    signed,
    overflow,
    dialect: dialect === "ac" && !acHasMode ? "sc" : dialect,
  };
}

function widenConstant(
  { tensor, raws }: Constant,
  before: readonly TensorSymbol[],
  after: readonly TensorSymbol[],
  bits: number,
): Constant {
  const [old, wide] = [before, after].map((tensors) => tensors.find(({ name }) => name === tensor)?.format);
  if (old === undefined || wide === undefined) throw new Error(`no tensor ${tensor}`);
  const words = allocateRaws(wide, raws.length);
  const { min } = rawRange(wide);
  for (let index = 0; index < raws.length; index++) {
    const raw = rawAt(raws, index, old);
    setRaw(words, index, raw === rawRange(old).min ? min : widenRaw(raw, bits));
  }
  return { tensor, raws: words };
}
