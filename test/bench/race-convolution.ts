import { InvariantError } from "../../isa/diagnostic.ts";
import type { KernelLibrary } from "../../sim/fast/kernels/contract.ts";
import { PLAIN_KERNELS } from "../../sim/fast/kernels/plain.ts";
import { VECTOR_KERNELS } from "../../sim/fast/kernels/wasm/library.ts";
import { CASES, PLAIN_KERNEL_CASES, PLAIN_PRODUCT_CASES, type RegisterCase } from "./cases.ts";
import { type OpenKernel, openKernel } from "./matrix-kernel.ts";
import {
  convolutionShape,
  drawWork,
  firstPixels,
  type MatrixShape,
  type MatrixWork,
  plainShape,
} from "./matrix-work.ts";
import { type Contestant, type Course, median, medianRatio, type Rates, race } from "./measure.ts";
import { bigintMatrix } from "./opponents/bigint-sums.ts";
import { floatConvolution } from "./opponents/float-convolution.ts";
import { onnxruntimeConvolution } from "./opponents/onnxruntime.ts";
import { isPresent, type Missing, type Opponent } from "./opponents/opponent.ts";
import { SYSTEMC_LEFT_OUT, systemcMatrices } from "./opponents/systemc.ts";
import { tensorFlowConvolution } from "./opponents/tensorflow.ts";
import type { Figure, Section } from "./report.ts";
import { significant } from "./report.ts";
import { EVERYTHING, type Selection } from "./selection.ts";
import { FIGURE } from "./targets.ts";

/** Size of the convolution, and how much of it the slow contestants do. */
export interface ConvolutionSize {
  /** Rows and columns of the output. */
  readonly side: number;
  readonly channels: number;
  readonly kernel: number;
  readonly filters: number;
  /** Pixels for the plain kernels; for BigInt and C++ fixed-point classes; for the plain kernels in big integers. */
  readonly plainPixels: number;
  readonly slowPixels: number;
  readonly slowestPixels: number;
}

export const CONVOLUTION: ConvolutionSize = {
  side: 28,
  channels: 128,
  kernel: 3,
  filters: 128,
  plainPixels: 28,
  slowPixels: 8,
  slowestPixels: 1,
};

/** Cases that run in turn with one float32 convolution: few, so that they lie close in time. */
const HEAT = 5;

export interface ConvolutionResult {
  readonly sections: readonly Section[];
  readonly rates: readonly Rates[];
  readonly opponents: readonly (Pick<Opponent, "name" | "version"> | Missing)[];
}

export async function raceConvolution(
  size: ConvolutionSize,
  course: Course,
  { names, compiled }: Selection = EVERYTHING,
): Promise<ConvolutionResult> {
  const shape = shapeOf(size);
  const cases = CASES.filter(({ name }) => names(name));
  const lanes = await raceLanes(size, shape, cases, course);
  const products = await racePlainProducts(size, shape, cases, course);
  const plain = await racePlainKernels(size, shape, cases, course);
  const others = await raceOpponents(size, shape, course, compiled);
  return {
    sections: [lanes.section, products.section, others.section, plain.section],
    rates: [...lanes.rates, ...products.rates, ...others.rates, ...plain.rates],
    opponents: others.opponents,
  };
}

interface Heats {
  readonly section: Section;
  readonly rates: readonly Rates[];
}

function shapeOf({ side, channels, kernel, filters }: ConvolutionSize): MatrixShape {
  return convolutionShape(side, side, channels, kernel, filters);
}

function sizeText({ side, channels, kernel, filters }: ConvolutionSize): string {
  return `convolution ${side} × ${side} × ${channels} → ${filters}, ${kernel} × ${kernel}`;
}

function workOf({ channels }: ConvolutionSize, shape: MatrixShape, registers: RegisterCase): MatrixWork {
  return drawWork(shape, registers, registers.data, channels);
}

function kernelContestant(name: string, kernel: OpenKernel): Contestant {
  return {
    name,
    grain: kernel.macs,
    run: (amount) => {
      for (let done = 0; done < amount; done += kernel.macs) kernel.run();
    },
  };
}

async function openFloat(size: ConvolutionSize, shape: MatrixShape): Promise<FloatOpponent> {
  const work = workOf(size, shape, caseNamed("W24 nearest"));
  const side = size.side + size.kernel - 1;
  const convolution = floatConvolution(work, {
    rows: side,
    columns: side,
    channels: size.channels,
    kernel: size.kernel,
  });
  return { convolution, opponent: await tensorFlowConvolution(convolution) };
}

interface FloatOpponent {
  readonly convolution: ReturnType<typeof floatConvolution>;
  readonly opponent: Awaited<ReturnType<typeof tensorFlowConvolution>>;
}

function caseNamed(name: string): RegisterCase {
  const found = CASES.find((candidate) => candidate.name === name);
  if (found === undefined) throw new InvariantError(`no case "${name}"`);
  return found;
}

/** Every case against the float32 convolution. */
async function raceLanes(
  size: ConvolutionSize,
  shape: MatrixShape,
  cases: readonly RegisterCase[],
  course: Course,
): Promise<Heats> {
  const { opponent } = await openFloat(size, shape);
  const rates: Rates[] = [];
  const figures: Figure[] = [];
  for (let first = 0; first < cases.length; first += HEAT) {
    const kernels = cases.slice(first, first + HEAT).map((registers) => ({
      name: registers.name,
      kernel: openKernel(VECTOR_KERNELS, workOf(size, shape, registers), registers),
    }));
    const contestants = kernels.map(({ name, kernel }) => kernelContestant(name, kernel));
    const heat = await race([opponent, ...contestants], course);
    rates.push(heat);
    for (const { name, kernel } of kernels) {
      figures.push({
        name: FIGURE.overFloat(name),
        work: name,
        ratio: medianRatio(heat, name, opponent.name),
        behind: `${rateText(heat, name)} / ${rateText(heat, opponent.name)}`,
        note: [kernel.name, overflowText(kernel)].filter((text) => text !== "").join("; "),
      });
    }
  }
  opponent.close();
  const title = `Lanes and rounding modes: ${sizeText(size)}, evidence on, over the float32 convolution of ${opponent.version}`;
  return { section: { title, figures }, rates };
}

function rateText(rates: Rates, name: string): string {
  return `${significant(median(rates[name] ?? []))}MAC/s`;
}

function overflowText(kernel: OpenKernel): string {
  const { product, accumulator } = kernel.overflows();
  return product + accumulator === 0 ? "" : `${product} products, ${accumulator} sums overflow`;
}

/** The convolution against the plain matrix product of its shape. */
async function racePlainProducts(
  size: ConvolutionSize,
  shape: MatrixShape,
  cases: readonly RegisterCase[],
  course: Course,
): Promise<Heats> {
  const rates: Rates[] = [];
  const figures: Figure[] = [];
  for (const registers of cases.filter(({ name }) => PLAIN_PRODUCT_CASES.includes(name))) {
    const { name } = registers;
    const product = `${name}, plain product`;
    const heat = await race(
      [
        kernelContestant(name, openKernel(VECTOR_KERNELS, workOf(size, shape, registers))),
        kernelContestant(product, openKernel(VECTOR_KERNELS, workOf(size, plainShape(shape), registers))),
      ],
      course,
    );
    rates.push(heat);
    figures.push({
      name: FIGURE.overPlainProduct(name),
      work: name,
      ratio: medianRatio(heat, name, product),
      behind: `${rateText(heat, name)} / ${rateText(heat, product)}`,
      note: "",
    });
  }
  return { section: { title: "The convolution over the plain matrix product of its shape", figures }, rates };
}

/** The same kernels in plain TypeScript, on the first pixels. */
async function racePlainKernels(
  size: ConvolutionSize,
  shape: MatrixShape,
  cases: readonly RegisterCase[],
  course: Course,
): Promise<Heats> {
  const rates: Rates[] = [];
  const figures: Figure[] = [];
  for (const registers of cases.filter(({ name }) => PLAIN_KERNEL_CASES.includes(name))) {
    const work = workOf(size, shape, registers);
    const few = firstPixels(work, work.operand.wordLength > 32 ? size.slowestPixels : size.plainPixels);
    const fast = openKernel(VECTOR_KERNELS, work);
    const plain = openKernel(PLAIN_KERNELS, few);
    const name = `${registers.name}, plain kernels`;
    const heat = await race([kernelContestant(registers.name, fast), kernelContestant(name, plain)], course);
    requireSameSums(`${registers.name}: the plain kernel`, plain.sums, few);
    rates.push(heat);
    figures.push({
      name: `${registers.name} / plain kernels`,
      work: registers.name,
      ratio: medianRatio(heat, registers.name, name),
      behind: `${rateText(heat, registers.name)} / ${rateText(heat, name)}`,
      note: plain.name,
    });
  }
  const title = `The fast kernels over the plain TypeScript kernels, which do ${size.plainPixels} pixels (${size.slowestPixels} in big integers)`;
  return { section: { title, figures }, rates };
}

/** The sums must be those of the fast kernel on the same pixels: random words depend on how many there are. */
function requireSameSums(who: string, sums: ArrayLike<number | bigint>, work: MatrixWork): void {
  const fast = openKernel(VECTOR_KERNELS, work);
  fast.run();
  for (let index = 0; index < fast.sums.length; index++) {
    if (sums[index] !== undefined && BigInt(sums[index] as number) === BigInt(fast.sums[index] as number)) continue;
    throw new InvariantError(`${who} has ${sums[index]} for sum ${index}, the fast kernel ${fast.sums[index]}`);
  }
}

const OPPONENT_CASE = "W16 nearest";

/** One case against all that others have to offer. */
async function raceOpponents(
  size: ConvolutionSize,
  shape: MatrixShape,
  course: Course,
  compiled: boolean,
): Promise<Heats & Pick<ConvolutionResult, "opponents">> {
  const work = workOf(size, shape, caseNamed(OPPONENT_CASE));
  const few = firstPixels(work, size.slowPixels);
  const fast = openKernel(VECTOR_KERNELS, work);
  const { convolution, opponent: float32 } = await openFloat(size, shape);
  const onnxruntime = await onnxruntimeConvolution(convolution);
  const bigint = bigintMatrix(few);
  const systemc = compiled ? await systemcMatrices([few], bigint.grain) : SYSTEMC_LEFT_OUT;
  const plain = plainOpponent(PLAIN_KERNELS, firstPixels(work, size.plainPixels));
  const all: readonly (Opponent | Missing)[] = [float32, onnxruntime, plain, bigint, systemc];
  const present = all.filter(isPresent);
  try {
    const heat = await race([kernelContestant(OPPONENT_CASE, fast), ...present], course);
    requireSameSums("BigInt", bigint.sums, few);
    if (isPresent(systemc)) requireSameSums("SystemC", await systemc.sums(), few);
    if (isPresent(onnxruntime)) requireClose(float32.result(), onnxruntime.result(), shape);
    const figures = present.map(({ name, version }): Figure => {
      return {
        name: `convolution / ${name}`,
        work: name,
        ratio: medianRatio(heat, OPPONENT_CASE, name),
        behind: `${rateText(heat, OPPONENT_CASE)} / ${rateText(heat, name)}`,
        note: version,
      };
    });
    const title = `${OPPONENT_CASE} over others; BigInt and sc_fixed_fast do ${size.slowPixels} of ${shape.pixels} pixels`;
    return { section: { title, figures }, rates: [heat], opponents: all.map(nameAndVersion) };
  } finally {
    for (const opponent of present) await opponent.close();
  }
}

function plainOpponent(library: KernelLibrary, work: MatrixWork): Opponent {
  const kernel = openKernel(library, work);
  return { ...kernelContestant(library.name, kernel), version: kernel.name, close: () => {} };
}

export function nameAndVersion(opponent: Opponent | Missing): Pick<Opponent, "name" | "version"> | Missing {
  const { name } = opponent;
  return isPresent(opponent) ? { name, version: opponent.version } : { name, missing: opponent.missing };
}

/** Two float32 convolutions: pixels × filters against filters × pixels. */
function requireClose(byPixel: Float32Array, byFilter: Float32Array, { pixels, filters }: MatrixShape): void {
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let filter = 0; filter < filters; filter++) {
      const [a = Number.NaN, b = Number.NaN] = [byPixel[pixel * filters + filter], byFilter[filter * pixels + pixel]];
      if (!(Math.abs(a - b) < 1e-3)) throw new InvariantError(`TensorFlow.js has ${a}, onnxruntime ${b}`);
    }
  }
}
