/**
 * A matrix instruction by the tables of isa/README.md ("Array"), for comparison: every multiplication of every element is
 * an operation with its array step, and all of them happen in the order of their steps. Big integers; nothing of the fast
 * engine.
 */
import { quantize } from "../../../isa/numerics/quantize.ts";
import { registerGenerator, type Xorshift32 } from "../../../isa/numerics/random.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { MatrixProblem } from "../../../sim/fast/kernels/contract.ts";

/** One write of a register. */
export interface Write {
  readonly register: "product" | "accumulator";
  readonly exact: bigint;
  readonly rounded: bigint;
  readonly word: bigint;
  /** Array step of the write, and cycles after it. */
  readonly laneStep: number;
  readonly extraCycles: number;
  readonly row: number;
  readonly column: number;
  readonly pixel: number;
  readonly channel: number;
  readonly step: number;
}

export interface DefinedTile {
  /** Sum (e, n) at e · N + n. */
  readonly sums: bigint[];
  readonly writes: Write[];
}

/** Words of a tile: input (e, k) and weight (k, n), the bank before, and what seeds the random words. */
export interface TileWords {
  readonly input: (pixel: number, step: number) => bigint;
  readonly weight: (step: number, filter: number) => bigint;
  readonly bank: readonly bigint[];
  readonly seed: number;
  readonly instruction: number;
  readonly image: number;
}

const CODES = { product: 1, accumulator: 2 } as const;

export function defineTile(problem: MatrixProblem, words: TileWords): DefinedTile {
  const { pixels: E, filters: N, steps: K, array, accumulate } = problem;
  const { rows: R, columns: C, macPipeline: P, dataflow } = array;
  const sums = accumulate ? [...words.bank] : Array.from({ length: E * N }, () => 0n);
  const writes: Write[] = [];
  const generators = new Map<string, Xorshift32>();
  const operations: { readonly at: number; readonly happen: () => void }[] = [];

  const write = (
    register: "product" | "accumulator",
    exact: bigint,
    fractionLength: number,
    place: Omit<Write, "register" | "exact" | "rounded" | "word" | "extraCycles"> & { readonly extraCycles?: number },
  ): bigint => {
    const spec: RegisterSpec = problem[register];
    const key = `${register} ${place.row} ${place.column}`;
    let generator = generators.get(key);
    if (generator === undefined) {
      const { seed, instruction, image } = words;
      generator = registerGenerator(seed, instruction, image, CODES[register], place.row, place.column);
      generators.set(key, generator);
    }
    const { raw, rounded } = quantize(exact, fractionLength, spec, generator);
    writes.push({ register, exact, rounded, word: raw, extraCycles: 0, ...place });
    return raw;
  };
  const exactFraction = problem.operand.fractionLength + problem.weight.fractionLength;
  const productFraction = problem.product.format.fractionLength;
  const sumFraction = problem.accumulator.format.fractionLength;
  const common = Math.max(productFraction, sumFraction);
  const alignedSum = (sum: bigint): bigint => sum << BigInt(common - sumFraction);
  const alignedProduct = (product: bigint): bigint => product << BigInt(common - productFraction);
  const multiply = (e: number, n: number, k: number, laneStep: number, row: number, column: number): bigint =>
    write("product", words.input(e, k) * words.weight(k, n), exactFraction, {
      laneStep,
      row,
      column,
      pixel: e,
      channel: n,
      step: k,
    });

  if (dataflow === "output-stationary") {
    const A = accumulate ? R : 0;
    const L = A + 2 * R + C + K - 2 + P;
    const rowFolds = Math.ceil(E / R);
    for (let e = 0; e < E; e++) {
      for (let n = 0; n < N; n++) {
        const f = Math.floor(n / C) * rowFolds + Math.floor(e / R);
        const S = array.drainOverlap && !accumulate ? f * Math.max(K, R) : f * L + A;
        const [r, c] = [e % R, n % C];
        for (let k = 0; k < K; k++) {
          const at = S + r + c + k;
          operations.push({
            at,
            happen: () => {
              const q = multiply(e, n, k, at, r, c);
              const exact = alignedSum(sums[e * N + n] ?? 0n) + alignedProduct(q);
              const place = { laneStep: at + P, row: r, column: c, pixel: e, channel: n, step: k };
              sums[e * N + n] = write("accumulator", exact, common, place);
            },
          });
        }
      }
    }
  } else if (dataflow === "tree") {
    const Q = Math.ceil(K / R);
    const levels = Math.ceil(Math.log2(R));
    const L = Q * E + levels + 1 + P;
    for (let n = 0; n < N; n++) {
      for (let e = 0; e < E; e++) {
        for (let q = 0; q < Q; q++) {
          const at = Math.floor(n / C) * L + q * E + e;
          operations.push({
            at,
            happen: () => {
              let total = 0n;
              const end = Math.min(K, (q + 1) * R);
              for (let k = q * R; k < end; k++) total += alignedProduct(multiply(e, n, k, at, k % R, n % C));
              const exact = alignedSum(sums[e * N + n] ?? 0n) + total;
              const place = {
                laneStep: at + P + levels + 1,
                row: R,
                column: n % C,
                pixel: e,
                channel: n,
                step: end - 1,
              };
              sums[e * N + n] = write("accumulator", exact, common, place);
            },
          });
        }
      }
    }
  } else {
    const weightStationary = dataflow === "weight-stationary";
    const held = weightStationary ? N : E;
    const T = weightStationary ? E : N;
    const rowFolds = Math.ceil(K / R);
    const L = 2 * R + C + T - 2 + P;
    for (let h = 0; h < held; h++) {
      for (let group = 0; group < rowFolds; group++) {
        const f = Math.floor(h / C) * rowFolds + group;
        const S = array.weightDoubleBuffer ? R + f * Math.max(T, R) : f * L + R;
        const c = h % C;
        for (let t = 0; t < T; t++) {
          const [e, n] = weightStationary ? [t, h] : [h, t];
          const end = Math.min(K, (group + 1) * R);
          let partial = 0n;
          for (let k = group * R; k < end; k++) {
            const at = S + (k % R) + c + t;
            operations.push({
              at,
              happen: () => {
                const q = multiply(e, n, k, at, k % R, c);
                const place = { laneStep: at + P, row: k % R, column: c, pixel: e, channel: n, step: k };
                partial = write("accumulator", alignedSum(partial) + alignedProduct(q), common, place);
              },
            });
          }
          operations.push({
            at: S + R - 1 + c + t + 0.5,
            happen: () => {
              if (group === 0 && !accumulate) {
                sums[e * N + n] = partial;
                return;
              }
              const place = {
                laneStep: S + R - 1 + c + t + P,
                extraCycles: 1,
                row: R,
                column: c,
                pixel: e,
                channel: n,
                step: end - 1,
              };
              sums[e * N + n] = write("accumulator", (sums[e * N + n] ?? 0n) + partial, sumFraction, place);
            },
          });
        }
      }
    }
  }
  operations.sort((a, b) => a.at - b.at);
  for (const { happen } of operations) happen();
  return { sums, writes };
}
