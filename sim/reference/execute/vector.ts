import { BINARY_VECTOR_OPERATIONS, type Vector, type VectorOperation } from "../../../isa/instructions/vector.ts";
import type { RegisterSpec } from "../../../isa/register.ts";
import { currentActivation } from "../activation.ts";
import { add, combine, type Exact, larger, multiply, smaller } from "../exact.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";

/** The exact result of each operation that calculates. Unary ones get `a` twice. */
const OPERATIONS: Readonly<Record<Exclude<VectorOperation, "lookup">, (a: Exact, b: Exact, shift: number) => Exact>> = {
  copy: (a) => a,
  add,
  subtract: (a, b) => combine(a, b, (x, y) => x - y),
  multiply,
  maximum: (a, b) => combine(a, b, larger),
  minimum: (a, b) => combine(a, b, smaller),
  shift: (a, _b, shift) => ({ raw: a.raw, fractionLength: a.fractionLength - shift }),
};

/** The word of one element: what a lane writes to the output buffer. */
type Lane = (element: number) => bigint;

/** Input scratchpad → operation → activation → output register → output buffer, C elements a step. */
export function* executeVector(state: MachineState, index: number, vector: Vector): Execution {
  const { machine, memories } = state;
  const { wordLength } = state.computeRegisters.get("output").format;
  const laneOf = vector.operation === "lookup" ? lookupLane(state, vector) : calculatingLane(state, index, vector);
  const lanes = Array.from({ length: machine.columns }, (_, lane) => laneOf(lane));
  const stall = slowestPort(vectorPorts(state, vector));
  for (let first = 0; first < vector.elements; first += lanes.length) {
    yield* step(stall, () => {
      const busyLanes = lanes.slice(0, vector.elements - first);
      for (const [lane, wordOf] of busyLanes.entries()) {
        const element = first + lane;
        memories.outputBuffer.write(vector.outputAddress + element * wordLength, wordOf(element), wordLength);
      }
    });
  }
}

function readInput({ memories }: MachineState, start: number, element: number, { format }: RegisterSpec): Exact {
  const raw = memories.inputScratchpad.read(start + element * format.wordLength, format);
  return { raw, fractionLength: format.fractionLength };
}

function calculatingLane(state: MachineState, index: number, vector: Vector): (lane: number) => Lane {
  const { computeRegisters: registers } = state;
  const operandA = registers.get("operandA");
  const operandB = operandBOf(state, vector);
  const output = registers.get("output");
  const activation = currentActivation(state);
  const operation = OPERATIONS[vector.operation as keyof typeof OPERATIONS];
  return (lane) => {
    const register = new QuantizingRegister(state, index, "output", output, 0, lane);
    return (element) => {
      const a = readInput(state, vector.addressA, element, operandA);
      const b = operandB === null ? a : readInput(state, vector.addressB, element, operandB);
      const { raw, fractionLength } = activation(operation(a, b, Number(vector.shift)));
      return register.write(raw, fractionLength, { pixel: element, channel: 0, step: -1 });
    };
  };
}

/** Reads the entry of the element's word; all lanes are alike. */
function lookupLane(state: MachineState, { addressA, tableAddress, tableShift }: Vector): () => Lane {
  const operandA = state.computeRegisters.get("operandA");
  const { format } = state.computeRegisters.get("output");
  const shift = BigInt(tableShift);
  const { wordLength, signed } = operandA.format;
  const lowest = signed ? -(1n << BigInt(wordLength - 1)) : 0n;
  return () => (element) => {
    const { raw } = readInput(state, addressA, element, operandA);
    const entry = (raw >> shift) - (lowest >> shift);
    return state.memories.weightScratchpad.read(tableAddress + Number(entry) * format.wordLength, format);
  };
}

function operandBOf({ computeRegisters }: MachineState, { operation }: Vector): RegisterSpec | null {
  return BINARY_VECTOR_OPERATIONS.includes(operation) ? computeRegisters.get("operandB") : null;
}

function vectorPorts(state: MachineState, vector: Vector): Port[] {
  const { columns, inputScratchpad, weightScratchpad, outputBuffer } = state.machine;
  const operandA = state.computeRegisters.get("operandA");
  const inputBits = columns * (operandA.format.wordLength + (operandBOf(state, vector)?.format.wordLength ?? 0));
  const outputBits = columns * state.computeRegisters.get("output").format.wordLength;
  const tableBits = vector.operation === "lookup" ? outputBits : 0;
  return [
    { cause: "input", bits: inputBits, bitsPerCycle: inputScratchpad.bitsPerCycle },
    { cause: "weights", bits: tableBits, bitsPerCycle: weightScratchpad.bitsPerCycle },
    { cause: "output", bits: outputBits, bitsPerCycle: outputBuffer.bitsPerCycle },
  ];
}
