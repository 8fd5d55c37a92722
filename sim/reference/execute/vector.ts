import {
  type ArithmeticVectorOperation,
  BINARY_VECTOR_OPERATIONS,
  isFunctionOperation,
  type Vector,
} from "../../../isa/instructions/vector.ts";
import { VECTOR_ARITHMETIC } from "../../../isa/instructions/vector-arithmetic.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { currentActivation } from "../activation.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";
import { functionLane } from "./vector-function.ts";
import type { LaneOf } from "./vector-lane.ts";
import { readOperand } from "./vector-lane.ts";

/** Input scratchpad → operation → activation → output register → output buffer, C elements a step. */
export function* executeVector(state: MachineState, index: number, vector: Vector): Execution {
  const { machine, memories } = state;
  const { wordLength } = state.computeRegisters.get("output").format;
  const { operation } = vector;
  const laneOf = isFunctionOperation(operation)
    ? functionLane(state, index, vector, operation)
    : calculatingLane(state, index, vector, operation);
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

function calculatingLane(state: MachineState, index: number, vector: Vector, name: ArithmeticVectorOperation): LaneOf {
  const { computeRegisters: registers } = state;
  const operandA = registers.get("operandA");
  const operandB = operandBOf(state, vector);
  const output = registers.get("output");
  const activation = currentActivation(state);
  const operation = VECTOR_ARITHMETIC[name];
  return (lane) => {
    const register = new QuantizingRegister(state, index, "output", output, 0, lane);
    return (element) => {
      const a = readOperand(state, vector.addressA, element, operandA);
      const b = operandB === null ? a : readOperand(state, vector.addressB, element, operandB);
      const { raw, fractionLength } = activation(operation(a, b, Number(vector.shift)));
      return register.write(raw, fractionLength, { pixel: element, channel: 0, step: -1 });
    };
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
  return [
    { cause: "input", bits: inputBits, bitsPerCycle: inputScratchpad.bitsPerCycle },
    { cause: "weights", bits: columns * constantBits(state, vector), bitsPerCycle: weightScratchpad.bitsPerCycle },
    { cause: "output", bits: outputBits, bitsPerCycle: outputBuffer.bitsPerCycle },
  ];
}

/** Bits of the weight scratchpad for one element. */
function constantBits({ computeRegisters: registers }: MachineState, { operation }: Vector): number {
  if (operation === "lookup") return registers.get("output").format.wordLength;
  if (operation === "interpolate") return 2 * registers.get("scale").format.wordLength;
  return operation === "slopes" ? registers.get("scale").format.wordLength : 0;
}
