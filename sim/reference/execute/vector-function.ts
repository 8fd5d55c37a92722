/** Functions of the vector unit: tables, two lines with bounds, slopes, and hard swish. */

import type { FunctionVectorOperation, Vector } from "../../../isa/instructions/vector.ts";
import {
  type ConstantWords,
  HARD_SWISH_DIVISOR,
  hardSwishDividend,
  interpolated,
  lookedUp,
  onLine,
  sloped,
} from "../../../isa/instructions/vector-arithmetic.ts";
import type { Exact } from "../../../isa/numerics/exact.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
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
  interpolate: (state, vector) => {
    const table = state.setting("table");
    const words = constantsOf(state, vector, state.computeRegisters.get("scale"));
    return (a) => interpolated(table, a, words);
  },
  pieces: (state) => {
    const [pieces, bounds] = [state.setting("pieces"), state.setting("bounds")];
    const { fractionLength } = state.computeRegisters.get("output").format;
    return (a) => onLine(pieces, bounds, a, fractionLength);
  },
  slopes: (state, vector) => {
    const words = constantsOf(state, vector, state.computeRegisters.get("scale"));
    return (a, element) => sloped(a, words(element % vector.period));
  },
  hardSwish: () => (a) => ({ ...hardSwishDividend(a), divisor: HARD_SWISH_DIVISOR }),
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

/** Words of a table or of slopes in the weight scratchpad. */
function constantsOf({ memories }: MachineState, { tableAddress }: Vector, { format }: RegisterSpec): ConstantWords {
  return (position) => {
    const raw = memories.weightScratchpad.read(tableAddress + position * format.wordLength, format);
    return { raw, fractionLength: format.fractionLength };
  };
}

/** Reads the entry of the element's word; all lanes are alike. */
function lookupLane(state: MachineState, vector: Vector): LaneOf {
  const operandA = state.computeRegisters.get("operandA");
  const words = constantsOf(state, vector, state.computeRegisters.get("output"));
  const table = state.setting("table");
  return () => (element) => lookedUp(table, readOperand(state, vector.addressA, element, operandA), words).raw;
}
