import { quantize } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, registerGenerator } from "../../../isa/numerics/random.ts";
import type { RegisterSpec } from "../../../isa/numerics/register.ts";
import type { MatrixProblem } from "./matrix-problem.ts";

/** What a register event must look like, wherever it comes from. */
export interface ExpectedEvent {
  readonly part: number;
  readonly cycle: number;
  readonly register: "product" | "accumulator";
  readonly row: number;
  readonly column: number;
  readonly pixel: number;
  readonly channel: number;
  readonly step: number;
  readonly after: bigint;
}

export interface ExpectedMatrix {
  /** Output words e·N + n. */
  readonly sums: readonly bigint[];
  readonly events: readonly ExpectedEvent[];
  /** Cycles of each matrix instruction. */
  readonly cycles: readonly number[];
}

/**
 * The table of isa/README.md, read as plain loops over folds, steps, rows and columns, with its closed forms for the cycles.
 * No registers, no clock. `indices`: positions of the matrix instructions, which seed the random words.
 */
export function expectedMatrix(problem: MatrixProblem, indices: readonly number[]): ExpectedMatrix {
  const bank: (bigint | undefined)[] = [];
  const events: ExpectedEvent[] = [];
  const cycles: number[] = [];
  const lengths =
    problem.firstPart < problem.steps ? [problem.firstPart, problem.steps - problem.firstPart] : [problem.steps];
  for (const [part, length] of lengths.entries()) {
    const context = new Part(problem, bank, part, indices[part] ?? -1, part === 0 ? 0 : problem.firstPart, length);
    const steps = LOOPS[problem.machine.dataflow](context);
    cycles.push(context.stretch * steps + problem.machine.tail);
    events.push(...context.events);
  }
  return { sums: bank.map((sum) => sum ?? 0n), events, cycles };
}

const LOOPS = {
  "output-stationary": outputStationary,
  "weight-stationary": (part: Part): number => stationary(part, false),
  "input-stationary": (part: Part): number => stationary(part, true),
  tree,
} as const;

/** Returns the steps of the instruction. */
function outputStationary(part: Part): number {
  const { E, N, K, R, C, P, accumulate } = part;
  const A = accumulate ? R : 0;
  const L = A + 2 * R + C + K - 2 + P;
  const overlap = part.machine.drainOverlap && !accumulate;
  let f = 0;
  for (let firstFilter = 0; firstFilter < N; firstFilter += C) {
    for (let firstPixel = 0; firstPixel < E; firstPixel += R) {
      const S = overlap ? f * Math.max(K, R) : f * L + A;
      for (let r = 0; r < R && firstPixel + r < E; r++) {
        for (let c = 0; c < C && firstFilter + c < N; c++) {
          const [e, n] = [firstPixel + r, firstFilter + c];
          let sum = accumulate ? part.bankAt(e, n) : 0n;
          for (let k = 0; k < K; k++) {
            const product = part.product(r, c, e, n, k, S + r + c + k);
            sum = part.addTo(r, c, e, n, k, sum, product, part.cycleOf(S + r + c + k + P));
          }
          part.setBank(e, n, sum);
        }
      }
      f++;
    }
  }
  return overlap ? (f - 1) * Math.max(K, R) + 2 * R + C + K - 2 + P : f * L;
}

function stationary(part: Part, inputsStay: boolean): number {
  const { K, R, C, P } = part;
  const [columnExtent, T] = inputsStay ? [part.E, part.N] : [part.N, part.E];
  const L = 2 * R + C + T - 2 + P;
  const overlap = part.machine.weightDoubleBuffer;
  let f = 0;
  for (let first = 0; first < columnExtent; first += C) {
    for (let firstStep = 0; firstStep < K; firstStep += R) {
      const S = overlap ? R + f * Math.max(T, R) : f * L + R;
      for (let c = 0; c < C && first + c < columnExtent; c++) {
        for (let t = 0; t < T; t++) {
          const [e, n] = inputsStay ? [first + c, t] : [t, first + c];
          let sum = 0n;
          let k = firstStep;
          for (let r = 0; r < R && k < K; r++, k++) {
            const product = part.product(r, c, e, n, k, S + r + c + t);
            sum = part.addTo(r, c, e, n, k, sum, product, part.cycleOf(S + r + c + t + P));
          }
          const later = part.accumulate || firstStep > 0;
          const cycle = part.cycleOf(S + R - 1 + c + t + P) + 1;
          part.setBank(e, n, later ? part.bankAdd(c, e, n, k - 1, sum, cycle) : sum);
        }
      }
      f++;
    }
  }
  return overlap ? (f - 1) * Math.max(T, R) + 2 * R + C + T - 2 + P : f * L;
}

function tree(part: Part): number {
  const { E, N, K, R, C, P, accumulate } = part;
  const Q = Math.ceil(K / R);
  const levels = Math.ceil(Math.log2(R));
  const L = Q * E + levels + 1 + P;
  let f = 0;
  for (let first = 0; first < N; first += C) {
    const S = f * L;
    for (let q = 0; q < Q; q++) {
      for (let e = 0; e < E; e++) {
        for (let c = 0; c < C && first + c < N; c++) {
          const n = first + c;
          let sum = 0n;
          let k = q * R;
          for (let r = 0; r < R && k < K; r++, k++) sum += part.product(r, c, e, n, k, S + q * E + e);
          const before = q > 0 || accumulate ? part.bankAt(e, n) : 0n;
          const cycle = part.cycleOf(S + q * E + e + P + levels + 1);
          part.setBank(e, n, part.addTo(R, c, e, n, k - 1, before, sum, cycle));
        }
      }
    }
    f++;
  }
  return f * L;
}

/** One matrix instruction: extents, values, registers with their random words, and the events in loop order. */
class Part {
  readonly events: ExpectedEvent[] = [];
  readonly machine: MatrixProblem["machine"];
  readonly E: number;
  readonly N: number;
  readonly K: number;
  readonly R: number;
  readonly C: number;
  readonly P: number;
  readonly accumulate: boolean;
  /** m. */
  readonly stretch: number;
  readonly #problem: MatrixProblem;
  readonly #bank: (bigint | undefined)[];
  readonly #part: number;
  readonly #index: number;
  readonly #firstStep: number;
  readonly #generators = new Map<string, RandomWordSource>();

  constructor(
    problem: MatrixProblem,
    bank: (bigint | undefined)[],
    part: number,
    index: number,
    firstStep: number,
    length: number,
  ) {
    this.#problem = problem;
    this.#bank = bank;
    this.#part = part;
    this.#index = index;
    this.#firstStep = firstStep;
    this.machine = problem.machine;
    this.E = problem.pixelRows * problem.pixelColumns;
    this.N = problem.filters;
    this.K = length;
    this.R = problem.machine.rows;
    this.C = problem.machine.columns;
    this.P = problem.machine.macPipeline;
    this.accumulate = part > 0;
    this.stretch = this.#stretch();
  }

  /** Cycle of the instruction in which a step happens. */
  cycleOf(step: number): number {
    return step * this.stretch + this.stretch - 1;
  }

  product(row: number, column: number, pixel: number, channel: number, k: number, step: number): bigint {
    const { steps, filters, inputs, weights, operandA, weight, product } = this.#problem;
    const whole = this.#firstStep + k;
    const exact = (inputs[pixel * steps + whole] ?? 0n) * (weights[whole * filters + channel] ?? 0n);
    const fraction = operandA.fractionLength + weight.fractionLength;
    return this.#write("product", product, row, column, pixel, channel, k, exact, fraction, this.cycleOf(step));
  }

  addTo(
    row: number,
    column: number,
    pixel: number,
    channel: number,
    k: number,
    sum: bigint,
    product: bigint,
    cycle: number,
  ): bigint {
    const { accumulator } = this.#problem;
    const fraction = Math.max(accumulator.format.fractionLength, this.#problem.product.format.fractionLength);
    const exact =
      sum * 2n ** BigInt(fraction - accumulator.format.fractionLength) +
      product * 2n ** BigInt(fraction - this.#problem.product.format.fractionLength);
    return this.#write("accumulator", accumulator, row, column, pixel, channel, k, exact, fraction, cycle);
  }

  bankAdd(column: number, pixel: number, channel: number, k: number, sum: bigint, cycle: number): bigint {
    const { accumulator } = this.#problem;
    const exact = this.bankAt(pixel, channel) + sum;
    const fraction = accumulator.format.fractionLength;
    return this.#write("accumulator", accumulator, this.R, column, pixel, channel, k, exact, fraction, cycle);
  }

  bankAt(pixel: number, channel: number): bigint {
    const sum = this.#bank[pixel * this.N + channel];
    if (sum === undefined) throw new Error(`no sum of pixel ${pixel} and filter ${channel} yet`);
    return sum;
  }

  setBank(pixel: number, channel: number, sum: bigint): void {
    this.#bank[pixel * this.N + channel] = sum;
  }

  #write(
    register: "product" | "accumulator",
    spec: RegisterSpec,
    row: number,
    column: number,
    pixel: number,
    channel: number,
    k: number,
    exact: bigint,
    fraction: number,
    cycle: number,
  ): bigint {
    const key = `${register} ${row} ${column}`;
    const code = register === "product" ? 1 : 2;
    const generator =
      this.#generators.get(key) ?? registerGenerator(this.#problem.seed, this.#index, 0, code, row, column);
    this.#generators.set(key, generator);
    const after = quantize(exact, fraction, spec, generator).raw;
    const step = this.#firstStep + k;
    this.events.push({ part: this.#part, cycle, register, row, column, pixel, channel, step, after });
    return after;
  }

  #stretch(): number {
    const { machine, operandA, weight, accumulator } = this.#problem;
    const { R, C, E } = this;
    const [inputs, weights] = {
      "output-stationary": [R * operandA.wordLength, C * weight.wordLength],
      "weight-stationary": [R * operandA.wordLength, C * weight.wordLength],
      "input-stationary": [C * operandA.wordLength, R * weight.wordLength],
      tree: [R * operandA.wordLength, Math.ceil((R * C * weight.wordLength) / E)],
    }[machine.dataflow] as [number, number];
    return Math.max(
      Math.ceil(inputs / machine.inputScratchpad.bitsPerCycle),
      Math.ceil(weights / machine.weightScratchpad.bitsPerCycle),
      Math.ceil((C * accumulator.format.wordLength) / machine.accumulatorBank.bitsPerCycle),
    );
  }
}
