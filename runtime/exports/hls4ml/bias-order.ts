/** Whether it matters when a layer adds its bias: not where it is zero, nor where no addition rounds and no sum can overflow. */
import type { Conv2dNode, DenseNode } from "../../../compiler/graph/graph.ts";
import { rawRange } from "../../../isa/numerics/format.ts";
import { orderProver } from "../../../isa/numerics/growth.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";

interface SumRegisters {
  readonly input: RegisterSpec;
  readonly weight: RegisterSpec;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly bias: RegisterSpec;
}

export function biasOrderMatters({ kernel, bias }: Conv2dNode | DenseNode, registers: SumRegisters): boolean {
  const { input, product, accumulator } = registers;
  const [weight, added] = [drawnAsNearest(registers.weight), drawnAsNearest(registers.bias)];
  const filters = kernel.shape.at(-1) ?? 0;
  const { fractionLength } = input.format;
  const range = rawRange(input.format);
  const prove = orderProver({
    // Padding adds zeros.
    input: { min: range.min < 0n ? range.min : 0n, max: range.max, fractionLength },
    weightFractionLength: weight.format.fractionLength,
    product,
    accumulator,
  });
  for (let filter = 0; filter < filters; filter++) {
    const word = quantizeFloat64(bias?.data[filter] ?? 0, added).raw;
    if (word === 0n) continue;
    const weights: bigint[] = [];
    for (let index = filter; index < kernel.data.length; index += filters) {
      weights.push(quantizeFloat64(kernel.data[index] ?? 0, weight).raw);
    }
    const addend = { min: word, max: word, fractionLength: added.format.fractionLength };
    if (!prove(weights, { bias: addend }).free) return true;
  }
  return false;
}

/** Words that chance decides are not exported at all; where nothing is left to chance, nearest gives the same ones. */
function drawnAsNearest(spec: RegisterSpec): RegisterSpec {
  return spec.rounding === "stochastic" ? { ...spec, rounding: "nearest" } : spec;
}
