import { UNITS } from "../../isa/instructions/definition.ts";
import { CONTROL, type TokenGraph } from "../timing/token-graph.ts";

/** Whether `earlier` has ended before `later` starts, however long any instruction takes. */
export type Ordering = (earlier: number, later: number) => boolean;

/**
 * Order through tokens, program order within a unit and barriers, by vector clocks: for each instruction the number of
 * instructions of each unit that have ended for certain before it starts.
 */
export function orderingOf(graph: TokenGraph): Ordering {
  const { order, unitOf, sources } = graph;
  const width = UNITS.length;
  const known = new Float64Array(order.length * width);
  const ordinal = new Float64Array(order.length);
  const last = UNITS.map(() => -1);
  const counts = UNITS.map(() => 0);

  /** What is known once `from` has ended becomes known to `to`. */
  const learn = (to: number, from: number): void => {
    if (from < 0) return;
    const unit = unitOf[from] as number;
    for (let each = 0; each < width; each++) {
      const own = each === unit ? (ordinal[from] as number) + 1 : 0;
      const reached = Math.max(known[from * width + each] as number, own);
      if (reached > (known[to * width + each] as number)) known[to * width + each] = reached;
    }
  };

  for (const pc of order) {
    const unit = unitOf[pc] as number;
    if (unit === CONTROL) {
      for (let each = 0; each < width; each++) {
        learn(pc, last[each] as number);
        last[each] = pc;
      }
    } else {
      learn(pc, last[unit] as number);
      for (const source of sources[pc] ?? []) learn(pc, source.pc);
      ordinal[pc] = counts[unit] as number;
      counts[unit] = (counts[unit] as number) + 1;
      last[unit] = pc;
    }
  }

  return (earlier, later) => {
    const unit = unitOf[earlier] as number;
    if (unit === CONTROL) return earlier < later;
    return (known[later * width + unit] as number) > (ordinal[earlier] as number);
  };
}
