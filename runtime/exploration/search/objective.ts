/** What a candidate costs, as one number that a search makes small. */
import { diagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import type { Objective } from "../../results/bits-report.ts";
import type { CandidateCost } from "../../results/evaluation.ts";

/** What can be weighed. */
export const COST_TERMS = ["bits", "energy", "dsp"] as const;
export type CostTerm = (typeof COST_TERMS)[number];

export type CostWeights = Readonly<Record<CostTerm, number>>;

const TERM_OF: Readonly<Record<CostTerm, (cost: CandidateCost) => number>> = {
  bits: ({ storedBits }) => storedBits,
  energy: ({ energyPjPerImage }) => energyPjPerImage,
  dsp: ({ dspBlocks }) => dspBlocks,
};

/** Stored bits and energy alike: neither falls at the price of the other. */
export const DEFAULT_WEIGHTS: CostWeights = { bits: 1, energy: 1, dsp: 0 };

/**
 * The weights of `bits`, `energy` or `dsp` alone, or of a list such as `bits=1,energy=2`. Throws `DiagnosticError`
 * OBJECTIVE.
 */
export function parseObjective(text: string, where: string): { objective: Objective; weights: CostWeights } {
  const none: CostWeights = { bits: 0, energy: 0, dsp: 0 };
  const single = COST_TERMS.find((term) => term === text);
  if (single !== undefined) return { objective: single, weights: { ...none, [single]: 1 } };
  const given = new Map<CostTerm, number>();
  for (const part of text.split(",")) {
    const [name = "", written = ""] = part.split("=").map((piece) => piece.trim());
    const term = COST_TERMS.find((known) => known === name);
    const weight = Number(written);
    if (term !== undefined && !given.has(term) && /^[0-9.eE+-]+$/.test(written) && weight >= 0 && weight <= 1e9) {
      given.set(term, weight);
      continue;
    }
    const nearest = term === undefined ? nearestName(name, COST_TERMS) : undefined;
    throw diagnosticError(
      "OBJECTIVE",
      where,
      `"${text}" is no objective`,
      nearest === undefined
        ? "write bits, energy, dsp, or weights such as bits=1,energy=2"
        : `did you mean ${nearest}?`,
    );
  }
  const weights = { ...none, ...Object.fromEntries(given) };
  if (COST_TERMS.some((term) => weights[term] > 0)) return { objective: "weighted", weights };
  throw diagnosticError("OBJECTIVE", where, "all weights are 0", "give one of bits, energy and dsp a weight above 0");
}

/** Share of the registers' own bits in the cost: they decide between assignments that cost the same otherwise. */
const REGISTER_SHARE = 1e-3;

/** What is compared: a candidate's cost, and the bits of all its registers together. */
export interface Priced {
  /** Null where no machine computes it. */
  readonly cost: CandidateCost | null;
  readonly registerBits: number;
}

/**
 * Weighted mean of each term over that of `reference`, which costs 1, and a thousandth for the registers' bits. Where there is
 * no cost the registers' bits decide alone.
 */
export function priceAgainst(reference: Priced, weights: CostWeights): (candidate: Priced) => number {
  const total = COST_TERMS.reduce((sum, term) => sum + weights[term], 0);
  return ({ cost, registerBits }) => {
    const registers = reference.registerBits === 0 ? 0 : registerBits / reference.registerBits;
    if (cost === null || reference.cost === null) return registers;
    const base = reference.cost;
    const weighted = COST_TERMS.reduce((sum, term) => {
      const unit = TERM_OF[term](base);
      return unit === 0 ? sum : sum + (weights[term] * TERM_OF[term](cost)) / unit;
    }, 0);
    return weighted / total + REGISTER_SHARE * registers;
  };
}
