/**
 * What the parts of the machine do, by component. Each width is a number of bits:
 *
 * | component | widths |
 * |---|---|
 * | multiplier, divider | both operands |
 * | adder | the exact sum, carry included |
 * | comparator, activation, registers, bus | the word |
 * | rounding | kept bits, dropped bits |
 * | saturation | the word before and after the fit |
 * | scratchpads, bank, buffer | the word (and `bankBits`) |
 * | dram | one DRAM word |
 * | randomGenerator | its state |
 * | leakage | capacity of a memory; operand bits of the array |
 */
export const ACTIONS = {
  multiplier: ["multiply"],
  adder: ["add"],
  divider: ["divide"],
  comparator: ["compare"],
  activation: ["relu", "clip"],
  rounding: ["truncate", "guard", "sticky", "jam", "random"],
  saturation: ["wrap", "saturate"],
  randomGenerator: ["step"],
  operandRegister: ["write"],
  pipelineRegister: ["write"],
  accumulatorRegister: ["write"],
  inputScratchpad: ["read", "write"],
  weightScratchpad: ["read", "write"],
  accumulatorBank: ["read", "write"],
  outputBuffer: ["read", "write"],
  bus: ["transfer"],
  dram: ["read", "write"],
  leakage: ["memoryNanosecond", "arrayNanosecond"],
} as const;
export type Component = keyof typeof ACTIONS;
export type ActionOf<Name extends Component> = (typeof ACTIONS)[Name][number];
export type ActionName = ActionOf<Component>;

/** One kind of action at one choice of widths, and how often it happens. */
export interface ActionCount {
  readonly component: Component;
  readonly action: ActionName;
  /** Bits; see `ACTIONS`. */
  readonly widths: readonly number[];
  /** On-chip memories: capacity of the bank that answers. */
  readonly bankBits?: number;
  readonly count: number;
}

/** Sorted by component, action, widths and bank; no kind twice, no count 0. */
export type ActionCounts = readonly ActionCount[];

/** The neutral element of `addActions`. */
export const NO_ACTIONS: ActionCounts = [];

/** Associative and commutative: disjoint work counted together. */
export function addActions(...parts: readonly ActionCounts[]): ActionCounts {
  const tally = new Tally();
  for (const part of parts) tally.addAll(part);
  return tally.counts();
}

/** The same work `times` times, as for a number of images. */
export function scaleActions(counts: ActionCounts, times: number): ActionCounts {
  if (times === 0) return NO_ACTIONS;
  return counts.map((each) => ({ ...each, count: each.count * times }));
}

const COMPONENTS = Object.keys(ACTIONS) as Component[];

/** Collects counts. */
export class Tally {
  readonly #counts = new Map<string, { key: ActionCount; count: number }>();

  add<Name extends Component>(component: Name, action: ActionOf<Name>, widths: readonly number[], count: number): void {
    this.#add({ component, action: action as ActionName, widths, count });
  }

  /** A word read from or written to an on-chip memory; it also crosses the bus between the memory and its unit. */
  memory(
    component: "inputScratchpad" | "weightScratchpad" | "accumulatorBank" | "outputBuffer",
    action: "read" | "write",
    wordLength: number,
    memory: { readonly capacityBits: number; readonly banks: number },
    count: number,
  ): void {
    const bankBits = memory.capacityBits / memory.banks;
    this.#add({ component, action, widths: [wordLength], bankBits, count });
    this.add("bus", "transfer", [wordLength], count);
  }

  addAll(counts: ActionCounts): void {
    for (const each of counts) this.#add(each);
  }

  counts(): ActionCounts {
    return [...this.#counts.values()].map(({ key, count }) => ({ ...key, count })).sort(compareActions);
  }

  #add(each: ActionCount): void {
    if (each.count === 0) return;
    const key = `${each.component} ${each.action} ${each.widths.join(",")} ${each.bankBits ?? ""}`;
    const known = this.#counts.get(key);
    if (known) known.count += each.count;
    else this.#counts.set(key, { key: each, count: each.count });
  }
}

function compareActions(a: ActionCount, b: ActionCount): number {
  const names: readonly string[] = ACTIONS[a.component];
  const byName =
    COMPONENTS.indexOf(a.component) - COMPONENTS.indexOf(b.component) ||
    names.indexOf(a.action) - names.indexOf(b.action);
  if (byName !== 0) return byName;
  for (let index = 0; index < a.widths.length; index++) {
    const difference = (a.widths[index] ?? 0) - (b.widths[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return (a.bankBits ?? 0) - (b.bankBits ?? 0);
}
