import { BINARY_VECTOR_OPERATIONS, type Vector, type VectorOperation } from "../../../isa/instructions/vector.ts";
import type { RegisterSpec } from "../../../isa/register.ts";
import { currentActivation } from "../activation.ts";
import { add, combine, type Exact, larger, smaller } from "../exact.ts";
import type { MachineState } from "../machine-state.ts";
import { type Port, slowestPort } from "../ports.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { type Execution, step } from "./execution.ts";

/** The exact result of each operation. Unary ones get `a` twice. */
const OPERATIONS: Readonly<Record<VectorOperation, (a: Exact, b: Exact, shift: number) => Exact>> = {
  copy: (a) => a,
  add,
  subtract: (a, b) => combine(a, b, (x, y) => x - y),
  multiply: (a, b) => ({ raw: a.raw * b.raw, fractionLength: a.fractionLength + b.fractionLength }),
  maximum: (a, b) => combine(a, b, larger),
  minimum: (a, b) => combine(a, b, smaller),
  shift: (a, _b, shift) => ({ raw: a.raw, fractionLength: a.fractionLength - shift }),
};

/** Input scratchpad → operation → activation → output register → output buffer, C elements a step. */
export function* executeVector(state: MachineState, index: number, vector: Vector): Execution {
  const { computeRegisters: registers, machine, memories } = state;
  const operandA = registers.get("operandA");
  const operandB = BINARY_VECTOR_OPERATIONS.includes(vector.operation) ? registers.get("operandB") : null;
  const output = registers.get("output");
  const activation = currentActivation(state);
  const lanes = Array.from(
    { length: machine.columns },
    (_, lane) => new QuantizingRegister(state, index, "output", output, 0, lane),
  );
  const read = (start: number, element: number, { format }: RegisterSpec): Exact => {
    const raw = memories.inputScratchpad.read(start + element * format.wordLength, format);
    return { raw, fractionLength: format.fractionLength };
  };
  const { wordLength } = output.format;

  const compute = (element: number, register: QuantizingRegister): void => {
    const a = read(vector.addressA, element, operandA);
    const b = operandB === null ? a : read(vector.addressB, element, operandB);
    const { raw, fractionLength } = activation(OPERATIONS[vector.operation](a, b, Number(vector.shift)));
    const result = register.write(raw, fractionLength, { pixel: element, channel: 0, step: -1 });
    memories.outputBuffer.write(vector.outputAddress + element * wordLength, result, wordLength);
  };

  const stall = slowestPort(vectorPorts(state, operandA, operandB, output));
  for (let first = 0; first < vector.elements; first += lanes.length) {
    yield* step(stall, () => {
      const busyLanes = lanes.slice(0, vector.elements - first);
      for (const [lane, register] of busyLanes.entries()) compute(first + lane, register);
    });
  }
}

function vectorPorts(
  { machine }: MachineState,
  operandA: RegisterSpec,
  operandB: RegisterSpec | null,
  output: RegisterSpec,
): Port[] {
  const { columns, inputScratchpad, outputBuffer } = machine;
  const inputBits = columns * (operandA.format.wordLength + (operandB?.format.wordLength ?? 0));
  return [
    { cause: "input", bits: inputBits, bitsPerCycle: inputScratchpad.bitsPerCycle },
    { cause: "output", bits: columns * output.format.wordLength, bitsPerCycle: outputBuffer.bitsPerCycle },
  ];
}
