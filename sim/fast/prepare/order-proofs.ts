import { type FixedPointFormat, formatText, type RawRange, rawRange } from "../../../isa/numerics/format.ts";
import { type AccumulationTerms, orderProver } from "../../../isa/numerics/growth.ts";
import { OVERFLOW_MODES } from "../../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import { registerText } from "../../../isa/numerics/register.ts";
import { isWithin, productRange, registerKeeps, roundedRange, union } from "../arithmetic/ranges.ts";
import type { WeightTile } from "../kernels/contract.ts";
import { wordAt } from "../memory/words.ts";

/** What decides whether the additions of a matrix tile are free. */
export interface ProofRequest {
  readonly steps: number;
  readonly filters: number;
  readonly operand: FixedPointFormat;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly weightRange: RawRange;
  /** The tile where its words are known, else null. */
  readonly constant: WeightTile | null;
  /** Range of the sums that the instruction goes on from; null where it starts from zero. */
  readonly initial: RawRange | null;
}

/** The proof of isa/numerics/growth.ts for whole tiles; tiles that several instructions use are looked at once. */
export class OrderProofs {
  private readonly tiles = new WeakMap<WeightTile, Map<string, RawRange | null>>();

  /** A range that holds every partial sum in every order, at the accumulator's F; null where order matters. */
  freeSums(request: ProofRequest): RawRange | null {
    if (request.accumulator.format.fractionLength < request.product.format.fractionLength) return null;
    const coarse = this.coarse(request);
    if (coarse !== null || request.constant === null) return coarse;
    const known = this.tiles.get(request.constant) ?? new Map<string, RawRange | null>();
    this.tiles.set(request.constant, known);
    const { operand, product, accumulator, initial } = request;
    const key = `${formatText(operand)} ${registerText(product)} ${registerText(accumulator)} ${initial?.min} ${initial?.max}`;
    let proved = known.get(key);
    if (proved === undefined) {
      proved = this.channelByChannel(request, request.constant);
      known.set(key, proved);
    }
    return proved;
  }

  /** From the range of the weights alone: n times the worst weight. */
  private coarse(request: ProofRequest): RawRange | null {
    if (!isMonotone(request)) return null;
    const prove = orderProver(termsOf(request));
    const { min, max } = request.weightRange;
    const worst = [prove([min]), prove([max])];
    const steps = BigInt(request.steps);
    const initial = request.initial ?? { min: 0n, max: 0n };
    const each = worst.map(({ bound }) => bound).reduce<RawRange>(union, { min: 0n, max: 0n });
    const sums = {
      min: each.min * steps + (initial.min < 0n ? initial.min : 0n),
      max: each.max * steps + (initial.max > 0n ? initial.max : 0n),
    };
    return isWithin(sums, registerKeeps(request.accumulator)) ? sums : null;
  }

  private channelByChannel(request: ProofRequest, tile: WeightTile): RawRange | null {
    const prove = orderProver(termsOf(request));
    const { fractionLength } = request.accumulator.format;
    const addends = request.initial === null ? {} : { initial: { ...request.initial, fractionLength } };
    let sums: RawRange = { min: 0n, max: 0n };
    for (let filter = 0; filter < request.filters; filter++) {
      const { free, bound } = prove(channel(tile, request.steps, filter), addends);
      if (!free) return null;
      sums = union(sums, bound);
    }
    return sums;
  }
}

/** The product register keeps the order of values: extremes of its words are then at extremes of the products. */
function isMonotone({ operand, weight, product, weightRange }: ProofRequest): boolean {
  if (OVERFLOW_MODES[product.overflow].monotone) return true;
  const droppedBits = operand.fractionLength + weight.fractionLength - product.format.fractionLength;
  const rounded = roundedRange(productRange(rawRange(operand), weightRange), droppedBits);
  return isWithin(rounded, registerKeeps(product));
}

function termsOf({ operand, weight, product, accumulator }: ProofRequest): AccumulationTerms {
  return {
    input: { ...rawRange(operand), fractionLength: operand.fractionLength },
    weightFractionLength: weight.fractionLength,
    product,
    accumulator,
  };
}

/** The weights of one filter. */
function channel({ words, base, pitch }: WeightTile, steps: number, filter: number): Int32Array | bigint[] {
  if (words instanceof Int32Array) {
    return Int32Array.from({ length: steps }, (_, step) => words[base + step * pitch + filter] ?? 0);
  }
  return Array.from({ length: steps }, (_, step) => wordAt(words, base + step * pitch + filter));
}
