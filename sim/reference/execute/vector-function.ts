/** Functions of the vector unit: tables, two lines with bounds, slopes, and hard swish. */
import type { FunctionVectorOperation, Vector } from "../../../isa/instructions/vector.ts";
import type { RegisterSpec } from "../../../isa/register.ts";
import { aligned, combine, type Exact, larger, multiply, smaller } from "../exact.ts";
import type { MachineState } from "../machine-state.ts";
import { QuantizingRegister } from "../quantizing-register.ts";
import { type LaneOf, readOperand } from "./vector-lane.ts";

/** The exact value of an element, over `divisor`. */
interface FunctionValue extends Exact {
  readonly divisor?: bigint;
}

type Evaluate = (a: Exact, element: number) => FunctionValue;

const EVALUATIONS: Readonly<
  Record<Exclude<FunctionVectorOperation, "lookup">, (state: MachineState, vector: Vector) => Evaluate>
> = {
  interpolate: interpolation,
  pieces: lines,
  slopes: (state, { tableAddress, period }) => {
    const scale = state.computeRegisters.get("scale");
    return (a, element) => {
      const slope = readConstant(state, tableAddress, element % period, scale);
      const fractionLength = Math.max(a.fractionLength, a.fractionLength + slope.fractionLength);
      return { raw: aligned(a.raw < 0n ? multiply(a, slope) : a, fractionLength), fractionLength };
    };
  },
  hardSwish: () => {
    const three: Exact = { raw: 3n, fractionLength: 0 };
    const six: Exact = { raw: 6n, fractionLength: 0 };
    return (a) => {
      const sum = combine(a, three, (x, y) => x + y);
      const gate = combine(sum, six, (x, most) => smaller(larger(x, 0n), most));
      return { ...multiply(a, gate), divisor: 6n };
    };
  },
};

/** A lane of a function; `lookup` writes words of its table as they are. */
export function functionLane(
  state: MachineState,
  index: number,
  vector: Vector,
  operation: FunctionVectorOperation,
): LaneOf {
  if (operation === "lookup") return lookupLane(state, vector);
  const operandA = state.computeRegisters.get("operandA");
  const output = state.computeRegisters.get("output");
  const evaluate = EVALUATIONS[operation](state, vector);
  return (lane) => {
    const register = new QuantizingRegister(state, index, "output", output, 0, lane);
    return (element) => {
      const { raw, fractionLength, divisor } = evaluate(
        readOperand(state, vector.addressA, element, operandA),
        element,
      );
      const place = { pixel: element, channel: 0, step: -1 };
      return divisor === undefined
        ? register.write(raw, fractionLength, place)
        : register.writeQuotient(raw, divisor, fractionLength, place);
    };
  };
}

/** Word `index` of a table or of slopes in the weight scratchpad. */
function readConstant({ memories }: MachineState, start: number, index: number, { format }: RegisterSpec): Exact {
  const raw = memories.weightScratchpad.read(start + index * format.wordLength, format);
  return { raw, fractionLength: format.fractionLength };
}

/** Reads the entry of the element's word; all lanes are alike. */
function lookupLane(state: MachineState, { addressA, tableAddress }: Vector): LaneOf {
  const operandA = state.computeRegisters.get("operandA");
  const output = state.computeRegisters.get("output");
  const { base, shift, entries } = state.setting("table");
  return () => (element) => {
    const distance = readOperand(state, addressA, element, operandA).raw - base;
    const entry = smaller(larger(distance >> BigInt(shift), 0n), BigInt(entries - 1));
    return readConstant(state, tableAddress, Number(entry), output).raw;
  };
}

/** The line between the two entries around the element's word. */
function interpolation(state: MachineState, { tableAddress }: Vector): Evaluate {
  const scale = state.computeRegisters.get("scale");
  const { base, shift, entries } = state.setting("table");
  const width = 1n << BigInt(shift);
  const end = BigInt(entries - 1) * width;
  return (a) => {
    const position = smaller(larger(a.raw - base, 0n), end);
    const entry = smaller(position / width, BigInt(entries - 2));
    const before = readConstant(state, tableAddress, Number(entry), scale);
    const behind = readConstant(state, tableAddress, Number(entry) + 1, scale);
    const raw = before.raw * width + (behind.raw - before.raw) * (position - entry * width);
    return { raw, fractionLength: scale.format.fractionLength + shift };
  };
}

/** One of two lines, cut to the bounds. */
function lines(state: MachineState): Evaluate {
  const { threshold, below, above, slopeFraction } = state.setting("pieces");
  const { offset, hasLower, lower, hasUpper, upper } = state.setting("bounds");
  const { fractionLength } = state.computeRegisters.get("output").format;
  return (a) => {
    const slope = { raw: a.raw < threshold ? below : above, fractionLength: Number(slopeFraction) };
    const product = multiply(a, slope);
    let value: Exact = { ...product, raw: product.raw + offset };
    if (hasLower) value = combine(value, { raw: lower, fractionLength }, larger);
    if (hasUpper) value = combine(value, { raw: upper, fractionLength }, smaller);
    return value;
  };
}
