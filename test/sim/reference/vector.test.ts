import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ArithmeticVectorOperation,
  BINARY_VECTOR_OPERATIONS,
  isFunctionOperation,
  VECTOR_OPERATIONS,
} from "../../../isa/instructions/vector.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { registerGenerator } from "../../../isa/numerics/random.ts";
import { type RegisterSpec, register } from "../../../isa/numerics/register.ts";
import { REGISTER, raws } from "./matrix-problem.ts";
import {
  activation,
  type ClipEnds,
  HALT,
  load,
  NO_ENDS,
  placeTensors,
  programOf,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
  vector,
} from "./programs.ts";
import { type RegisterEvent, watch } from "./watch.ts";

type CalculatingOperation = ArithmeticVectorOperation;
const CALCULATING = VECTOR_OPERATIONS.filter((name): name is ArithmeticVectorOperation => !isFunctionOperation(name));

interface Case {
  readonly lanes: number;
  readonly inputPort: number;
  readonly outputPort: number;
  readonly operation: CalculatingOperation;
  readonly shift: bigint;
  readonly activation: "none" | "relu" | "clip";
  readonly ends: ClipEnds;
  readonly operandA: RegisterSpec;
  readonly operandB: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec;
  readonly a: readonly bigint[];
  readonly b: readonly bigint[];
  readonly seed: number;
}

function programFor(drawn: Case) {
  const { operandA, operandB, accumulator, output, operation, shift } = drawn;
  const elements = drawn.a.length;
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: operandA.format, length: elements },
    { name: "b", role: "constant", format: operandB.format, length: elements, values: drawn.b },
    { name: "output", role: "output", format: output.format, length: elements },
  ];
  const [, b, result] = placeTensors(tensors);
  const addressB = 5000;
  const machine = {
    ...SMALL_MACHINE,
    columns: drawn.lanes,
    inputScratchpad: { ...SMALL_MACHINE.inputScratchpad, bitsPerCycle: drawn.inputPort },
    outputBuffer: { ...SMALL_MACHINE.outputBuffer, bitsPerCycle: drawn.outputPort },
  };
  return programOf(
    machine,
    tensors,
    [
      set("source", operandA.format),
      set("input", operandA.format),
      load({ channels: elements }),
      set("source", operandB.format),
      set("input", operandB.format),
      load({ channels: elements, dramAddress: b?.address ?? 0, address: addressB }),
      set("operandA", operandA),
      set("operandB", operandB),
      set("accumulator", accumulator),
      set("output", output),
      activation(drawn.activation, drawn.ends),
      SYNCHRONISE,
      vector({ operation, elements, shift, addressB }),
      SYNCHRONISE,
      store({ channels: elements, wordLength: output.format.wordLength, dramAddress: result?.address ?? 0 }),
      HALT,
    ],
    { seed: drawn.seed },
  );
}

const VECTOR_INDEX = 12;

function expected(drawn: Case) {
  const { lanes, operandA, operandB, output, operation } = drawn;
  const binary = BINARY_VECTOR_OPERATIONS.includes(operation);
  const inputBits = operandA.format.wordLength + (binary ? operandB.format.wordLength : 0);
  const m = Math.max(
    Math.ceil((lanes * inputBits) / drawn.inputPort),
    Math.ceil((lanes * output.format.wordLength) / drawn.outputPort),
  );
  const random = Array.from({ length: lanes }, (_, lane) => registerGenerator(drawn.seed, VECTOR_INDEX, 0, 4, 0, lane));
  const [fa, fb] = [operandA.format.fractionLength, operandB.format.fractionLength];
  const common = Math.max(fa, fb);
  const events = drawn.a.map((rawA, i): RegisterEvent => {
    const [a, b] = [rawA * 2n ** BigInt(common - fa), (drawn.b[i] ?? 0n) * 2n ** BigInt(common - fb)];
    const results: Record<CalculatingOperation, [bigint, number]> = {
      copy: [rawA, fa],
      add: [a + b, common],
      subtract: [a - b, common],
      multiply: [rawA * (drawn.b[i] ?? 0n), fa + fb],
      maximum: [a > b ? a : b, common],
      minimum: [a < b ? a : b, common],
      shift: [rawA, fa - Number(drawn.shift)],
    };
    let [value, fraction] = results[operation];
    if (drawn.activation === "relu" && value < 0n) value = 0n;
    if (drawn.activation === "clip") {
      const { ends } = drawn;
      const aligned = Math.max(fraction, ends.fractionLength);
      const [lowest, highest] = [ends.lowest, ends.highest].map(
        (end) => end * 2n ** BigInt(aligned - ends.fractionLength),
      );
      value *= 2n ** BigInt(aligned - fraction);
      if (value < (lowest ?? 0n)) value = lowest ?? 0n;
      if (value > (highest ?? 0n)) value = highest ?? 0n;
      fraction = aligned;
    }
    const after = quantize(value, fraction, output, random[i % lanes]).raw;
    const cycle = Math.floor(i / lanes) * m + m - 1;
    return { register: "output", cycle, row: 0, column: i % lanes, pixel: i, channel: 0, step: -1, after };
  });
  return { events, cycles: Math.ceil(drawn.a.length / lanes) * m };
}

const CASE: fc.Arbitrary<Case> = fc
  .record({
    lanes: fc.integer({ min: 1, max: 4 }),
    inputPort: fc.constantFrom(6, 4096),
    outputPort: fc.constantFrom(5, 4096),
    operation: fc.constantFrom(...CALCULATING),
    shift: fc.bigInt({ min: -64n, max: 63n }),
    activation: fc.constantFrom("none", "relu", "clip"),
    ends: fc.record({
      lowest: fc.bigInt({ min: -40n, max: 40n }),
      highest: fc.bigInt({ min: -40n, max: 300n }),
      fractionLength: fc.integer({ min: -4, max: 10 }),
    }),
    operandA: REGISTER,
    operandB: REGISTER,
    accumulator: REGISTER,
    output: REGISTER,
    elements: fc.integer({ min: 1, max: 11 }),
    seed: fc.nat(),
  })
  .chain(({ elements, ...drawn }) =>
    fc
      .record({ a: raws(drawn.operandA.format, elements), b: raws(drawn.operandB.format, elements) })
      .map((values) => ({ ...drawn, ...values })),
  );

describe("vector", () => {
  it("computes every operation exactly, activates, and quantizes once, lane by lane", () => {
    fc.assert(
      fc.property(CASE, (drawn) => {
        const { result, outputs, events, cycles } = watch(programFor(drawn), drawn.a, VECTOR_INDEX);
        const wanted = expected(drawn);
        expect(result.fault).toBeNull();
        expect(events).toEqual(wanted.events);
        expect(outputs).toEqual(wanted.events.map(({ after }) => after));
        expect(cycles).toBe(wanted.cycles);
      }),
      { numRuns: 400 },
    );
  });

  it("adds 1.75 and −0.5 with different binary points to 1.25, and shifts 3 left by 63 into saturation", () => {
    const base: Case = {
      lanes: 2,
      inputPort: 4096,
      outputPort: 4096,
      operation: "add",
      shift: 0n,
      activation: "none",
      ends: NO_ENDS,
      operandA: register(fixedPoint(8, 2)),
      operandB: register(fixedPoint(8, 1)),
      accumulator: register(fixedPoint(8, 0)),
      output: register(fixedPoint(8, 4)),
      a: [7n],
      b: [-1n],
      seed: 0,
    };
    expect(watch(programFor(base), [7n], VECTOR_INDEX).outputs).toEqual([20n]);
    const shifted: Case = { ...base, operation: "shift", shift: 63n, a: [3n] };
    expect(watch(programFor(shifted), [3n], VECTOR_INDEX).outputs).toEqual([127n]);
  });
});
