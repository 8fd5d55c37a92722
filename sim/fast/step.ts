import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { EvidenceRegister } from "../evidence.ts";
import type { BatchEvidence } from "./evidence/batch-evidence.ts";
import { RegisterTally } from "./evidence/register-tally.ts";
import { type OverflowCounter, UNCOUNTED } from "./kernels/contract.ts";

/** The image a program runs on. */
export interface ImageContext {
  readonly image: number;
  readonly statistics: boolean;
  readonly evidence: BatchEvidence;
}

/** A prepared instruction: all addresses resolved, all memory allocated. */
export type Step = (context: ImageContext) => void;

/** Where an instruction stands in the program, and when it runs. */
export interface InstructionPlace {
  readonly instruction: number;
  /** Index of its layer; null outside all layers: its overflows are nobody's evidence. */
  readonly layer: number | null;
  /** First cycle; m, cycles per step; one past the last cycle. */
  readonly start: number;
  readonly stretch: number;
  readonly end: number;
}

/** One tally per register that quantizes. */
export type Tallies = { readonly [Register in EvidenceRegister]?: RegisterTally };

/** An instruction that quantizes: a fast path that counts overflows, and an observed one that shows every quantization. */
export interface QuantizingParts {
  readonly place: InstructionPlace;
  readonly registers: { readonly [Register in EvidenceRegister]?: RegisterSpec };
  /** Added to the step that evidence names, where it is one of a sum. */
  readonly firstStep?: number;
  /** Null where only the observed path can compute the instruction. `counters` are valid after `run`. */
  readonly fast: {
    readonly run: (image: number) => void;
    readonly counters: readonly (readonly [EvidenceRegister, OverflowCounter])[];
  } | null;
  /** Makes what computes the same words and shows how; asked for when somebody first wants to see. */
  readonly observed: () => ObservedPath;
}

/** `again`: after the fast path, which may have overwritten what the instruction reads. */
export type ObservedPath = (image: number, tallies: Tallies, again: boolean) => void;

/**
 * Runs the fast path, and the observed one as well where somebody wants statistics, where an overflow is the first of its
 * register in the layer, where the register traps, or where the fast path could not count.
 */
export function quantizingStep(parts: QuantizingParts): Step {
  const { place, fast, observed, firstStep = 0 } = parts;
  const { layer, instruction, start, stretch } = place;
  const registers = Object.entries(parts.registers) as [EvidenceRegister, RegisterSpec][];
  const traps = registers.filter(([, spec]) => spec.overflow === "trap").map(([register]) => register);
  let observedPath: ObservedPath | null = null;

  const observe = ({ image, statistics, evidence }: ImageContext, again: boolean): void => {
    const watched = { image, instruction, start, stretch, firstStep, statistics };
    const tallies: { [Register in EvidenceRegister]?: RegisterTally } = {};
    for (const [register, spec] of registers) {
      tallies[register] = new RegisterTally(watched, register, spec.format.fractionLength);
    }
    observedPath ??= observed();
    observedPath(image, tallies, again);
    for (const [register] of registers) {
      const found = tallies[register]?.evidence();
      if (found === undefined) continue;
      if (layer !== null) evidence.add(layer, register, found);
      if (found.first !== null && traps.includes(register)) evidence.addTrap(found.first);
    }
  };

  if (fast === null) return (context) => observe(context, false);
  const { run, counters } = fast;
  return (context) => {
    if (context.statistics) {
      observe(context, false);
      return;
    }
    run(context.image);
    for (const [register, { overflows }] of counters) {
      if (overflows === 0) continue;
      const wanted = traps.includes(register) || (layer !== null && context.evidence.needsSite(layer, register));
      if (wanted || overflows === UNCOUNTED) {
        observe(context, true);
        return;
      }
    }
    if (layer === null) return;
    for (const [register, { overflows }] of counters) {
      if (overflows > 0) context.evidence.addOverflows(layer, register, overflows);
    }
  };
}
