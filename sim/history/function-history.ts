import { InvariantError } from "../../isa/diagnostic.ts";
import type { FunctionVectorOperation } from "../../isa/instructions/vector.ts";
import {
  type ConstantWords,
  HARD_SWISH_DIVISOR,
  hardSwishDividend,
  interpolated,
  lookedUp,
  onLine,
  sloped,
} from "../../isa/instructions/vector-arithmetic.ts";
import type { Exact } from "../../isa/numerics/exact.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { ConfiguredVector } from "../configuration.ts";
import type { HistoryRegister } from "./history.ts";
import type { Recorder, Writing } from "./recorder.ts";

/** What the history of a function's word draws on. */
interface FunctionContext {
  /** Word of a table or of slopes, by its position there; recorded as read by the register named. */
  readonly constant: (position: number, register: RegisterSpec, name: HistoryRegister) => Exact;
  readonly recorder: Recorder;
  readonly writing: Writing;
}

/** The output word of a function of the vector unit for operand a. */
export function functionWord(
  configured: ConfiguredVector,
  operation: FunctionVectorOperation,
  a: Exact,
  element: number,
  context: FunctionContext,
): Exact {
  const { recorder, writing, constant } = context;
  const words =
    (spec: RegisterSpec, name: HistoryRegister): ConstantWords =>
    (position) =>
      constant(position, spec, name);
  switch (operation) {
    case "lookup":
      return lookedUp(required(configured.table), a, words(configured.output, "output"));
    case "interpolate": {
      const value = interpolated(required(configured.table), a, words(required(configured.scale), "scale"));
      return recorder.write(value, writing);
    }
    case "pieces": {
      const { fractionLength } = configured.output.format;
      const value = onLine(required(configured.pieces), required(configured.bounds), a, fractionLength);
      return recorder.write(value, writing);
    }
    case "slopes": {
      const slope = constant(element % configured.instruction.period, required(configured.scale), "scale");
      return recorder.write(sloped(a, slope), writing);
    }
    case "hardSwish":
      return recorder.writeQuotient(hardSwishDividend(a), HARD_SWISH_DIVISOR, writing);
  }
}

function required<Value>(value: Value | null): Value {
  if (value === null) throw new InvariantError("a function passed the check without its settings");
  return value;
}
