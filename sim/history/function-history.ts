import { InvariantError } from "../../isa/diagnostic.ts";
import { tableEntry, tablePosition } from "../../isa/instructions/configure-table.ts";
import type { FunctionVectorOperation } from "../../isa/instructions/vector.ts";
import type { RegisterSpec } from "../../isa/register.ts";
import type { ConfiguredVector } from "../configuration.ts";
import type { HistoryRegister } from "./history.ts";
import { combined, type Exact, type Recorder, type Writing } from "./recorder.ts";

/** What the history of a function's word draws on. */
interface FunctionContext {
  /** Word of a table or of slopes, by its position there; recorded as read by the register named. */
  readonly constant: (position: number, register: RegisterSpec, name: HistoryRegister) => Exact;
  readonly recorder: Recorder;
  readonly writing: Writing;
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The output word of a function of the vector unit for operand a. */
export function functionWord(
  configured: ConfiguredVector,
  operation: FunctionVectorOperation,
  a: Exact,
  element: number,
  context: FunctionContext,
): Exact {
  const { recorder, writing, constant } = context;
  switch (operation) {
    case "lookup": {
      const table = required(configured.table);
      return constant(tableEntry(table, a.raw), configured.output, "output");
    }
    case "interpolate":
      return recorder.write(interpolated(configured, a, constant), writing);
    case "pieces":
      return recorder.write(onLine(configured, a), writing);
    case "slopes": {
      const slope = constant(element % configured.instruction.period, required(configured.scale), "scale");
      const fractionLength = a.fractionLength + Math.max(slope.fractionLength, 0);
      const [factor, fraction] = a.raw < 0n ? [slope.raw, slope.fractionLength] : [1n, 0];
      const raw = (a.raw * factor) << BigInt(fractionLength - a.fractionLength - fraction);
      return recorder.write({ raw, fractionLength }, writing);
    }
    case "hardSwish": {
      const constantOf = (raw: bigint): Exact => ({ raw, fractionLength: 0 });
      const sum = combined(a, constantOf(3n), (x, y) => x + y);
      const gate = combined(sum, constantOf(6n), (x, most) => smaller(larger(x, 0n), most));
      const product = { raw: a.raw * gate.raw, fractionLength: a.fractionLength + gate.fractionLength };
      return recorder.writeQuotient(product, 6n, writing);
    }
  }
}

function interpolated(configured: ConfiguredVector, a: Exact, constant: FunctionContext["constant"]): Exact {
  const table = required(configured.table);
  const scale = required(configured.scale);
  const { entry, fraction } = tablePosition(table, a.raw);
  const before = constant(entry, scale, "scale");
  const behind = constant(entry + 1, scale, "scale");
  return {
    raw: (before.raw << BigInt(table.shift)) + (behind.raw - before.raw) * fraction,
    fractionLength: scale.format.fractionLength + table.shift,
  };
}

function onLine(configured: ConfiguredVector, a: Exact): Exact {
  const { threshold, below, above, slopeFraction } = required(configured.pieces);
  const { offset, hasLower, lower, hasUpper, upper } = required(configured.bounds);
  const { fractionLength } = configured.output.format;
  const slope = a.raw < threshold ? below : above;
  let value: Exact = { raw: a.raw * slope + offset, fractionLength: a.fractionLength + Number(slopeFraction) };
  if (hasLower) value = combined(value, { raw: lower, fractionLength }, larger);
  if (hasUpper) value = combined(value, { raw: upper, fractionLength }, smaller);
  return value;
}

function required<Value>(value: Value | null): Value {
  if (value === null) throw new InvariantError("a function passed the check without its settings");
  return value;
}
