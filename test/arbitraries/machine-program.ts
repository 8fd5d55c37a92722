/**
 * Random programs that the machine admits, built from instructions, not by the compiler: a chain of matrix, pooling and
 * vector layers with ugly shapes (height ≠ width, sizes that do not divide the array, strides, padding, split reductions),
 * any formats, rounding and overflow modes, narrow ports, and loads that quantize. Sizes stay small: the reference engine
 * steps every register of every cycle.
 */

import fc from "fast-check";
import type { Dataflow } from "../../isa/dataflow/table.ts";
import type { ConfigureActivation, MachineActivation } from "../../isa/instructions/configure-activation.ts";
import type { ConfigureBounds } from "../../isa/instructions/configure-bounds.ts";
import type { ConfigurePieces } from "../../isa/instructions/configure-pieces.ts";
import type { MachineRegister } from "../../isa/instructions/configure-register.ts";
import type { ConfigureTable } from "../../isa/instructions/configure-table.ts";
import { POOL_KINDS, type PoolKind } from "../../isa/instructions/pool.ts";
import type { RequantizeSource } from "../../isa/instructions/requantize.ts";
import type { Instruction } from "../../isa/instructions/table.ts";
import {
  BINARY_VECTOR_OPERATIONS,
  isFunctionOperation,
  VECTOR_OPERATIONS,
  type VectorOperation,
} from "../../isa/instructions/vector.ts";
import type { Machine, OnChipMemory } from "../../isa/machine.ts";
import type { FixedPointFormat } from "../../isa/numerics/format.ts";
import { productFormat } from "../../isa/numerics/growth.ts";
import { allocateRaws, setRaw } from "../../isa/numerics/raws.ts";
import { type RegisterSpec, register } from "../../isa/numerics/register.ts";
import type { Constant, LayerSymbol, Program, TensorSymbol, TileSymbol } from "../../isa/program/program.ts";
import { elementCount } from "../../isa/program/program.ts";
import { tokenBit } from "../../isa/tokens.ts";
import { overflowSpecs, rawsOf, roundingModes } from "./numerics.ts";
import { withTrueDatapaths } from "./true-datapaths.ts";

type Shape = readonly [rows: number, columns: number, channels: number];

const small = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** Formats in which products and sums stay readable: W to `max`, F near it. */
function operandFormats(max: number): fc.Arbitrary<FixedPointFormat> {
  return fc.record({ wordLength: small(1, max), fractionLength: small(-3, max + 3), signed: fc.boolean() });
}

/** Registers whose F lies near `fractionLength`, so that rounding, exactness and left shifts all occur. */
function registersNear(fractionLength: number, maxWordLength: number): fc.Arbitrary<RegisterSpec> {
  return fc
    .record({
      wordLength: fc.oneof(small(1, Math.min(12, maxWordLength)), small(1, maxWordLength)),
      offset: small(-6, 2),
      signed: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    })
    .chain(({ wordLength, offset, signed }) => {
      const format = { wordLength, fractionLength: fractionLength + offset, signed };
      return fc
        .tuple(roundingModes(), overflowSpecs(format))
        .filter(([, { mode }]) => mode !== "trap")
        .map(([rounding, { mode, saturatedBits }]) => ({
          format,
          rounding,
          overflow: mode,
          saturatedBits,
          dialect: "sc" as const,
        }));
    });
}

const memories = (ports: fc.Arbitrary<number>): fc.Arbitrary<OnChipMemory> =>
  ports.map((bitsPerCycle) => ({ capacityBits: 2 ** 18, banks: 2, bitsPerCycle }));

export function machines(maxSide = 5): fc.Arbitrary<Machine> {
  const ports = fc.oneof(fc.constant(4096), small(8, 64));
  return fc.record({
    name: fc.constant("drawn"),
    clockHz: fc.constant(1e8),
    rows: small(1, maxSide),
    columns: small(1, maxSide),
    dataflow: fc.constantFrom<Dataflow>("output-stationary", "weight-stationary", "input-stationary", "tree"),
    macPipeline: small(0, 2),
    tail: small(0, 2),
    weightDoubleBuffer: fc.boolean(),
    drainOverlap: fc.boolean(),
    inputScratchpad: memories(ports),
    weightScratchpad: memories(ports),
    accumulatorBank: memories(ports),
    outputBuffer: memories(ports),
    dram: fc.record({
      capacityBits: fc.constant(2 ** 24),
      wordBits: fc.constantFrom(8, 32, 64),
      bytesPerCycle: small(1, 9),
      latencyCycles: small(0, 20),
    }),
  });
}

interface Padding {
  readonly padTop: number;
  readonly padBottom: number;
  readonly padLeft: number;
  readonly padRight: number;
}

const paddings: fc.Arbitrary<Padding> = fc.record({
  padTop: small(0, 2),
  padBottom: small(0, 1),
  padLeft: small(0, 1),
  padRight: small(0, 2),
});

/** What every stage draws for the load of its input: whether and how it quantizes. */
interface LoadPlan {
  /** Register of the loaded words; null copies them. */
  readonly requantize: RegisterSpec | null;
}

interface MatrixPlan extends LoadPlan {
  readonly kind: "matrix";
  readonly padding: Padding;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly filters: number;
  readonly weight: FixedPointFormat;
  readonly product: RegisterSpec;
  readonly accumulator: RegisterSpec;
  readonly sum: RegisterSpec | null;
  /** Multipliers instead of the sum register. */
  readonly scale: FixedPointFormat | null;
  readonly bias: FixedPointFormat | null;
  /** Where a bias is added; machines can do both. */
  readonly biasOrder: "first" | "last" | "both";
  readonly activation: ActivationPlan;
  /** With multipliers only. */
  readonly divisor: number | null;
  readonly output: RegisterSpec;
  /** Share of the reduction that a first instruction takes, the rest accumulates; 1 for one instruction. */
  readonly split: number;
  /** Raws of weights, then bias; taken in order, round and round. */
  readonly raws: readonly bigint[];
}

interface PoolPlan extends LoadPlan {
  readonly kind: "pool";
  readonly pool: PoolKind;
  /** What finishes sums. */
  readonly finish: ScalePlan;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number];
  readonly countPadding: boolean;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec;
}

/** Operands scaled, and divided. */
interface OperandsPlan extends LoadPlan {
  readonly kind: "operands";
  /** Register of the second operand's words: the same tensor, loaded again; null for one operand. */
  readonly second: RegisterSpec | null;
  readonly finish: ScalePlan;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec;
}

/** A requantize instruction with multipliers. */
interface ScalePlan {
  readonly scale: FixedPointFormat;
  readonly bias: FixedPointFormat | null;
  readonly divisor: number | null;
  readonly activation: ActivationPlan;
  /** Raws of scale and bias words; taken in order, round and round. */
  readonly raws: readonly bigint[];
}

type ActivationPlan = Pick<ConfigureActivation, "activation" | "lowest" | "highest" | "fractionLength">;

interface VectorPlan extends LoadPlan {
  readonly kind: "vector";
  readonly operation: VectorOperation;
  readonly shift: number;
  /** Of functions: which words a table stands for, the format of interpolated words and of slopes, and the words. */
  readonly table: Pick<ConfigureTable, "base" | "shift" | "entries">;
  readonly scale: FixedPointFormat;
  readonly words: readonly bigint[];
  readonly period: number;
  readonly pieces: Pick<ConfigurePieces, "threshold" | "below" | "above" | "slopeFraction">;
  readonly bounds: Pick<ConfigureBounds, "offset" | "hasLower" | "lower" | "hasUpper" | "upper">;
  readonly activation: ActivationPlan;
  readonly accumulator: RegisterSpec;
  readonly output: RegisterSpec;
}

type StagePlan = MatrixPlan | PoolPlan | OperandsPlan | VectorPlan;

/** Ends about 0 and about the words of a format with this F, some of them crossed. */
function activations(fractionLength: number): fc.Arbitrary<ActivationPlan> {
  return fc.record({
    activation: fc.constantFrom<MachineActivation>("none", "relu", "clip"),
    lowest: small(-40, 10).map(BigInt),
    highest: small(-5, 40).map(BigInt),
    fractionLength: small(fractionLength - 2, fractionLength + 6).map(BigInt),
  });
}

/** Divisors that halve, that leave remainders, and 2^k − 1. */
const divisors: fc.Arbitrary<number | null> = fc.option(
  fc.oneof(
    small(1, 300),
    small(1, 53).map((bits) => 2 ** bits - 1),
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  ),
);

function scalePlans(fraction: number): fc.Arbitrary<ScalePlan> {
  return operandFormats(9).chain((scale) =>
    fc.record({
      scale: fc.constant(scale),
      bias: fc.option(
        fc.record({
          wordLength: small(1, 12),
          fractionLength: small(fraction - 3, fraction + 3),
          signed: fc.constant(true),
        }),
      ),
      divisor: divisors,
      activation: activations(fraction),
      raws: fc.array(rawsOf(scale), { minLength: 3, maxLength: 20 }),
    }),
  );
}

/** The words a stage computes on, after its load. */
function loadedFormat(source: FixedPointFormat, plan: LoadPlan): FixedPointFormat {
  return plan.requantize?.format ?? source;
}

function loadPlans(source: FixedPointFormat): fc.Arbitrary<RegisterSpec | null> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: registersNear(source.fractionLength, 10) },
  );
}

function matrixPlans(source: FixedPointFormat): fc.Arbitrary<MatrixPlan> {
  return fc.tuple(loadPlans(source), operandFormats(9)).chain(([requantize, weight]) => {
    const exact = productFormat(requantize?.format ?? source, weight);
    const grown = { ...exact, wordLength: exact.wordLength + 6, signed: true };
    const products = fc.oneof(
      { weight: 1, arbitrary: fc.constant(register(exact, "down", "wrap")) },
      { weight: 3, arbitrary: registersNear(exact.fractionLength, 20) },
    );
    return products.chain((product) => {
      const accumulators = fc.oneof(
        {
          weight: 1,
          arbitrary: fc.constant(register({ ...grown, fractionLength: product.format.fractionLength }, "down", "wrap")),
        },
        { weight: 3, arbitrary: registersNear(product.format.fractionLength, 24) },
      );
      return accumulators.chain((accumulator) => {
        const fraction = accumulator.format.fractionLength;
        const biasFormats = small(1, 12).chain((wordLength) =>
          small(fraction - 3, fraction + 3).map((fractionLength) => ({ wordLength, fractionLength, signed: true })),
        );
        const scales = fc.option(operandFormats(9), { freq: 2 });
        return scales.chain((scale) =>
          fc.record({
            kind: fc.constant("matrix" as const),
            requantize: fc.constant(requantize),
            padding: paddings,
            kernel: fc.tuple(small(1, 3), small(1, 3)),
            strides: fc.tuple(small(1, 2), small(1, 3)),
            filters: small(1, 7),
            weight: fc.constant(weight),
            product: fc.constant(product),
            accumulator: fc.constant(accumulator),
            sum: scale === null ? fc.option(registersNear(fraction, 20)) : fc.constant(null),
            scale: fc.constant(scale),
            bias: fc.option(biasFormats),
            biasOrder: fc.constantFrom("last", "last", "first", "first", "both"),
            activation: activations(source.fractionLength),
            divisor: scale === null ? fc.constant(null) : divisors,
            output: registersNear(fraction + (scale?.fractionLength ?? 0), 16),
            split: fc.constantFrom(1, 1, 0.3, 0.7),
            raws: fc.array(rawsOf(weight), { minLength: 3, maxLength: 40 }),
          }),
        );
      });
    });
  });
}

function poolPlans(source: FixedPointFormat): fc.Arbitrary<PoolPlan> {
  return loadPlans(source).chain((requantize) => {
    const fraction = (requantize?.format ?? source).fractionLength;
    return registersNear(fraction, 20).chain((accumulator) =>
      fc.record({
        kind: fc.constant("pool" as const),
        requantize: fc.constant(requantize),
        pool: fc.constantFrom<PoolKind>(...POOL_KINDS),
        finish: scalePlans(accumulator.format.fractionLength),
        kernel: fc.tuple(small(1, 3), small(1, 3)),
        strides: fc.tuple(small(1, 3), small(1, 2)),
        pads: fc.tuple(small(0, 1), small(0, 1)),
        countPadding: fc.boolean(),
        accumulator: fc.constant(accumulator),
        output: registersNear(accumulator.format.fractionLength, 16),
      }),
    );
  });
}

function operandsPlans(source: FixedPointFormat): fc.Arbitrary<OperandsPlan> {
  return loadPlans(source).chain((requantize) => {
    const fraction = (requantize?.format ?? source).fractionLength;
    return scalePlans(fraction).chain((finish) =>
      fc.record({
        kind: fc.constant("operands" as const),
        requantize: fc.constant(requantize),
        second: fc.option(registersNear(fraction, 10)),
        finish: fc.constant(finish),
        accumulator: registersNear(fraction, 20),
        output: registersNear(fraction + finish.scale.fractionLength, 16),
      }),
    );
  });
}

function vectorPlans(source: FixedPointFormat): fc.Arbitrary<VectorPlan> {
  return loadPlans(source).chain((requantize) => {
    const loaded = requantize?.format ?? source;
    const { fractionLength: fraction } = loaded;
    // The table may begin anywhere, before or behind every word.
    const table = fc.record({
      base: fc.oneof(rawsOf(loaded), fc.bigInt({ min: -2000n, max: 2000n })),
      shift: small(0, 9),
      entries: small(2, 20),
    });
    const pieces = fc.record({
      threshold: fc.oneof(fc.constant(0n), rawsOf(loaded)),
      below: fc.bigInt({ min: -40n, max: 40n }),
      above: fc.constantFrom(1n, -1n, 0n, 8n, 13n),
      slopeFraction: small(-2, 6).map(BigInt),
    });
    const bounds = fc
      .record({
        offset: fc.constantFrom(0n, 5n, -300n),
        hasLower: fc.boolean(),
        hasUpper: fc.boolean(),
        ends: fc.tuple(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt({ min: -300n, max: 300n })),
      })
      .map(({ ends: [a, b], ...rest }) => ({ ...rest, lower: a < b ? a : b, upper: a < b ? b : a }));
    return fc.record({
      kind: fc.constant("vector" as const),
      requantize: fc.constant(requantize),
      operation: fc.constantFrom<VectorOperation>(...VECTOR_OPERATIONS),
      shift: small(-5, 5),
      table,
      scale: operandFormats(9),
      period: small(1, 5),
      pieces,
      bounds,
      words: fc.array(fc.bigInt({ min: -(2n ** 16n), max: 2n ** 16n }), { minLength: 1, maxLength: 20 }),
      activation: activations(source.fractionLength),
      accumulator: registersNear(fraction, 20),
      output: registersNear(fraction, 16),
    });
  });
}

/** Output rows (or columns) of a window sweep; 0 where the window does not fit. */
function sweep(size: number, kernel: number, stride: number): number {
  return size < kernel ? 0 : Math.floor((size - kernel) / stride) + 1;
}

/** Collects instructions and symbols while stages are laid out one after another. */
class Builder {
  readonly instructions: Instruction[] = [];
  readonly tensors: TensorSymbol[] = [];
  readonly constants: Constant[] = [];
  readonly layers: LayerSymbol[] = [];
  readonly tiles: TileSymbol[] = [];
  readonly machine: Machine;
  #dramEnd = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  tensor(name: string, role: TensorSymbol["role"], shape: Shape, format: FixedPointFormat): TensorSymbol {
    const word = this.machine.dram.wordBits;
    const symbol: TensorSymbol = { name, role, address: this.#dramEnd, shape, format };
    this.#dramEnd = Math.ceil((this.#dramEnd + elementCount(shape) * format.wordLength) / word) * word;
    this.tensors.push(symbol);
    return symbol;
  }

  constant(name: string, format: FixedPointFormat, length: number, raws: readonly bigint[]): TensorSymbol {
    const symbol = this.tensor(name, "constant", [1, 1, length], format);
    const words = allocateRaws(format, length);
    for (let index = 0; index < length; index++) {
      const raw = raws[index % raws.length] ?? 0n;
      const wrapped = format.signed ? BigInt.asIntN(format.wordLength, raw) : BigInt.asUintN(format.wordLength, raw);
      setRaw(words, index, wrapped);
    }
    this.constants.push({ tensor: name, raws: words });
    return symbol;
  }

  add(instruction: Instruction): number {
    this.instructions.push(instruction);
    return this.instructions.length - 1;
  }

  configure(opcode: "configure.register" | "configure.load", name: MachineRegister, spec: RegisterSpec): void {
    this.add({
      opcode,
      wait: 0,
      signal: 0,
      register: name,
      wordLength: spec.format.wordLength,
      fractionLength: BigInt(spec.format.fractionLength),
      signed: spec.format.signed,
      rounding: spec.rounding,
      overflow: spec.overflow,
      saturatedBits: spec.saturatedBits,
      dialect: spec.dialect,
    });
  }

  activate(plan: ActivationPlan, divisor: number | null): void {
    this.add({ opcode: "configure.activation", wait: 0, signal: 0, ...plan });
    if (divisor !== null) this.add({ opcode: "configure.divisor", wait: 0, signal: 0, divisor });
  }

  /** Loads scale and bias words, bias first; the last load gives the token. */
  loadScale({ scale, bias, raws }: ScalePlan, name: string, words: number, filters: number): { scaleAddress: number } {
    const scaleAddress = filters * (bias?.wordLength ?? 0);
    const constants = [
      ...(bias === null ? [] : [{ role: "bias" as const, format: bias, address: 0, length: filters }]),
      { role: "scale" as const, format: scale, address: scaleAddress, length: words },
    ];
    for (const { role, format, address, length } of constants) {
      const symbol = this.constant(`${name}/${role}`, format, length, role === "bias" ? [...raws].reverse() : raws);
      this.configure("configure.load", "source", register(format));
      this.configure("configure.load", "input", register(format));
      const signal = role === "scale" ? tokenBit("weightReady") : 0;
      this.load(symbol, "weightScratchpad", address, { wait: 0, signal });
      this.configure("configure.register", role, register(format));
    }
    return { scaleAddress };
  }

  /** Loads a whole tensor to address 0 of a scratchpad (or further up), padded. */
  load(
    symbol: TensorSymbol,
    target: "inputScratchpad" | "weightScratchpad",
    address: number,
    tokens: { wait: number; signal: number },
    padding: Padding = { padTop: 0, padBottom: 0, padLeft: 0, padRight: 0 },
  ): void {
    const [rows, columns, channels] = symbol.shape;
    this.add({
      opcode: "load",
      ...tokens,
      target,
      dramAddress: symbol.address,
      address,
      rows,
      columns,
      channels,
      rowStride: columns * channels,
      columnStride: channels,
      ...padding,
    });
  }

  /** Loads a stage's input; returns the format of the loaded words. */
  loadInput(source: TensorSymbol, plan: LoadPlan, first: boolean, padding?: Padding): FixedPointFormat {
    const loaded = loadedFormat(source.format, plan);
    this.configure("configure.load", "source", register(source.format));
    this.configure("configure.load", "input", plan.requantize ?? register(source.format));
    const wait = first ? 0 : tokenBit("stored");
    this.load(source, "inputScratchpad", 0, { wait, signal: tokenBit("inputReady") }, padding);
    this.configure("configure.register", "operandA", register(loaded));
    return loaded;
  }

  store(output: TensorSymbol, last: boolean): void {
    const [rows, columns, channels] = output.shape;
    this.add({
      opcode: "store",
      wait: tokenBit("outputReady"),
      signal: last ? 0 : tokenBit("stored"),
      address: 0,
      dramAddress: output.address,
      wordLength: output.format.wordLength,
      rows,
      columns,
      channels,
      rowStride: columns * channels,
      columnStride: channels,
    });
  }

  layer(
    name: string,
    kind: LayerSymbol["kind"],
    firstInstruction: number,
    source: TensorSymbol,
    output: TensorSymbol,
    registers: Pick<LayerSymbol["datapath"], "product" | "accumulator" | "output">,
    macs: number,
    more: Pick<LayerSymbol, "constants" | "table"> = { constants: {} },
  ): void {
    const input = register(source.format);
    this.layers.push({
      name,
      kind,
      firstInstruction,
      endInstruction: this.instructions.length,
      macs,
      datapath: {
        input,
        weight: input,
        bias: input,
        averageDivider: false,
        product: registers.product,
        accumulator: registers.accumulator,
        output: registers.output,
      },
      inputs: [source.name],
      output: output.name,
      doubleRounding: false,
      ...more,
    });
  }
}

function matrixStage(
  builder: Builder,
  plan: MatrixPlan,
  source: TensorSymbol,
  name: string,
  first: boolean,
  last: boolean,
): TensorSymbol | null {
  const [rows, columns, channels] = source.shape;
  const { padding, kernel, strides, filters } = plan;
  const paddedColumns = columns + padding.padLeft + padding.padRight;
  const outputRows = sweep(rows + padding.padTop + padding.padBottom, kernel[0], strides[0]);
  const outputColumns = sweep(paddedColumns, kernel[1], strides[1]);
  if (outputRows === 0 || outputColumns === 0) return null;
  const start = builder.instructions.length;
  const loaded = builder.loadInput(source, plan, first, padding);
  const reduction = kernel[0] * kernel[1] * channels;
  const weights = builder.constant(`${name}/weight`, plan.weight, reduction * filters, plan.raws);
  const constants = {
    weight: weights.name,
    ...(plan.scale && { scale: `${name}/scale` }),
    ...(plan.bias && { bias: `${name}/bias` }),
  };
  const biasFormat = plan.bias;
  builder.configure("configure.load", "source", register(plan.weight));
  builder.configure("configure.load", "input", register(plan.weight));
  builder.load(weights, "weightScratchpad", 0, { wait: 0, signal: tokenBit("weightReady") });
  const biasAddress = reduction * filters * plan.weight.wordLength;
  const scaleAddress = biasAddress + filters * (biasFormat?.wordLength ?? 0);
  if (plan.scale !== null) {
    const scale = builder.constant(`${name}/scale`, plan.scale, filters, plan.raws.slice(1));
    builder.configure("configure.load", "source", register(plan.scale));
    builder.configure("configure.load", "input", register(plan.scale));
    // One token for scale and bias: the last of their loads gives it.
    const signal = biasFormat === null ? tokenBit("weightReady") : 0;
    builder.load(scale, "weightScratchpad", scaleAddress, { wait: 0, signal });
    builder.configure("configure.register", "scale", register(plan.scale));
  }
  if (biasFormat !== null) {
    const bias = builder.constant(`${name}/bias`, biasFormat, filters, [...plan.raws].reverse());
    builder.configure("configure.load", "source", register(biasFormat));
    builder.configure("configure.load", "input", register(biasFormat));
    builder.load(bias, "weightScratchpad", biasAddress, { wait: 0, signal: tokenBit("weightReady") });
    builder.configure("configure.register", "bias", register(biasFormat));
  }
  builder.configure("configure.register", "weight", register(plan.weight));
  builder.configure("configure.register", "product", plan.product);
  builder.configure("configure.register", "accumulator", plan.accumulator);
  if (plan.sum !== null) builder.configure("configure.register", "sum", plan.sum);
  builder.configure("configure.register", "output", plan.output);
  builder.activate(plan.activation, plan.divisor);
  const preloads = biasFormat !== null && plan.biasOrder !== "last";
  builder.add({
    opcode: "configure.pixels",
    // The weights' token; the preload below takes that of the bias.
    wait: preloads ? tokenBit("weightReady") : 0,
    signal: 0,
    rowCount: outputRows,
    columnCount: outputColumns,
    rowStride: strides[0] * paddedColumns * channels,
    columnStride: strides[1] * channels,
  });
  builder.add({
    opcode: "configure.reduction",
    wait: 0,
    signal: 0,
    outerCount: kernel[0],
    middleCount: kernel[1],
    innerCount: channels,
    outerStride: paddedColumns * channels,
    middleStride: channels,
    innerStride: 1,
  });
  const { rows: arrayRows } = builder.machine;
  // A part ends at a multiple of R, as weight-, input-stationary and tree machines demand.
  const firstPart = Math.ceil((reduction * plan.split) / arrayRows) * arrayRows;
  const parts = firstPart < reduction ? [firstPart, reduction - firstPart] : [reduction];
  if (preloads) {
    builder.add({
      opcode: "preload",
      wait: tokenBit("weightReady"),
      signal: 0,
      biasAddress,
      accumulatorAddress: 0,
      pixels: outputRows * outputColumns,
      columns: filters,
      accumulatorPitch: filters,
    });
  }
  let reductionStart = 0;
  for (const [index, reductionLength] of parts.entries()) {
    const pc = builder.add({
      opcode: "matrix",
      wait: index === 0 ? tokenBit("inputReady") | (preloads ? 0 : tokenBit("weightReady")) : 0,
      signal: 0,
      inputAddress: 0,
      weightAddress: reductionStart * filters * plan.weight.wordLength,
      accumulatorAddress: 0,
      columns: filters,
      weightPitch: filters,
      accumulatorPitch: filters,
      reductionStart,
      reductionLength,
      accumulate: index > 0 || preloads,
    });
    builder.tiles.push({ instruction: pc, row: 0, column: 0, channel: 0, columns: outputColumns, channels: filters });
    reductionStart += reductionLength;
  }
  const output = builder.tensor(
    name,
    last ? "output" : "intermediate",
    [outputRows, outputColumns, filters],
    plan.output.format,
  );
  const biasLast = biasFormat !== null && plan.biasOrder !== "first";
  const pc = builder.add({
    opcode: "requantize",
    wait: preloads || (biasFormat === null && plan.scale === null) ? 0 : tokenBit("weightReady"),
    signal: tokenBit("outputReady"),
    accumulatorAddress: 0,
    biasAddress: biasLast ? biasAddress : 0,
    outputAddress: 0,
    pixels: outputRows * outputColumns,
    columns: filters,
    accumulatorPitch: filters,
    outputPitch: filters,
    hasBias: biasLast,
    useSum: plan.sum !== null,
    hasScale: plan.scale !== null,
    scaleAddress: plan.scale === null ? 0 : scaleAddress,
    source: "accumulatorBank",
    hasDivisor: plan.divisor !== null,
  });
  builder.tiles.push({ instruction: pc, row: 0, column: 0, channel: 0, columns: outputColumns, channels: filters });
  builder.store(output, last);
  builder.layer(
    name,
    "conv2d",
    start,
    { ...source, format: loaded },
    output,
    plan,
    outputRows * outputColumns * reduction * filters,
    { constants },
  );
  return output;
}

function poolStage(
  builder: Builder,
  plan: PoolPlan,
  source: TensorSymbol,
  name: string,
  first: boolean,
  last: boolean,
): TensorSymbol | null {
  const [rows, columns, channels] = source.shape;
  const { kernel, strides, pads } = plan;
  const pad: readonly [number, number] = [Math.min(pads[0], kernel[0] - 1), Math.min(pads[1], kernel[1] - 1)];
  const outputRows = sweep(rows + 2 * pad[0], kernel[0], strides[0]);
  const outputColumns = sweep(columns + 2 * pad[1], kernel[1], strides[1]);
  if (outputRows === 0 || outputColumns === 0) return null;
  const start = builder.instructions.length;
  const loaded = builder.loadInput(source, plan, first);
  const format = plan.pool === "maximum" ? loaded : plan.output.format;
  builder.configure("configure.register", "accumulator", plan.accumulator);
  builder.configure("configure.register", "output", plan.output);
  const output = builder.tensor(name, last ? "output" : "intermediate", [outputRows, outputColumns, channels], format);
  const isSum = plan.pool === "sum";
  const pc = builder.add({
    opcode: "pool",
    wait: tokenBit("inputReady"),
    signal: isSum ? 0 : tokenBit("outputReady"),
    kind: plan.pool,
    inputAddress: 0,
    outputAddress: 0,
    inputRows: rows,
    inputColumns: columns,
    outputRows,
    outputColumns,
    channels,
    kernelRows: kernel[0],
    kernelColumns: kernel[1],
    strideRows: strides[0],
    strideColumns: strides[1],
    padTop: pad[0],
    padLeft: pad[1],
    countPadding: plan.countPadding,
  });
  builder.tiles.push({ instruction: pc, row: 0, column: 0, channel: 0, columns: outputColumns, channels });
  if (isSum) {
    const { scaleAddress } = builder.loadScale(plan.finish, name, channels, channels);
    builder.activate(plan.finish.activation, plan.finish.divisor);
    requantizeTile(builder, plan.finish, {
      source: "accumulatorBank",
      wait: tokenBit("weightReady"),
      pixels: [outputRows, outputColumns],
      channels,
      scaleAddress,
    });
  }
  builder.store(output, last);
  const registers = { product: plan.output, accumulator: plan.accumulator, output: plan.output };
  builder.layer(name, "pool", start, { ...source, format: loaded }, output, registers, 0);
  return output;
}

/** Scales the tile that begins at address 0 of its memory, dense. */
function requantizeTile(
  builder: Builder,
  finish: ScalePlan,
  tile: {
    readonly source: RequantizeSource;
    readonly wait: number;
    readonly pixels: readonly [rows: number, columns: number];
    readonly channels: number;
    readonly scaleAddress: number;
  },
): void {
  const { source, wait, pixels, channels, scaleAddress } = tile;
  const pc = builder.add({
    opcode: "requantize",
    wait,
    signal: tokenBit("outputReady"),
    accumulatorAddress: 0,
    biasAddress: 0,
    outputAddress: 0,
    pixels: pixels[0] * pixels[1],
    columns: channels,
    accumulatorPitch: channels,
    outputPitch: channels,
    hasBias: finish.bias !== null,
    useSum: false,
    hasScale: true,
    scaleAddress,
    source,
    hasDivisor: finish.divisor !== null,
  });
  builder.tiles.push({ instruction: pc, row: 0, column: 0, channel: 0, columns: pixels[1], channels });
}

/** One operand scaled, or two summed. */
function operandsStage(
  builder: Builder,
  plan: OperandsPlan,
  source: TensorSymbol,
  name: string,
  first: boolean,
  last: boolean,
): TensorSymbol {
  const start = builder.instructions.length;
  const loaded = builder.loadInput(source, plan, first);
  const [rows, columns, channels] = source.shape;
  const { second, finish } = plan;
  if (second !== null) {
    // A second token of the same channel: a setting waits for the first.
    builder.configure("configure.load", "source", register(source.format));
    builder.configure("configure.load", "input", second);
    const address = elementCount(source.shape) * loaded.wordLength;
    builder.load(source, "inputScratchpad", address, { wait: 0, signal: tokenBit("inputReady") });
    builder.configure("configure.register", "operandB", second);
    builder.add({
      opcode: "configure.pixels",
      wait: tokenBit("inputReady"),
      signal: 0,
      rowCount: 1,
      columnCount: 1,
      rowStride: 0,
      columnStride: 0,
    });
  }
  const { scaleAddress } = builder.loadScale(finish, name, channels * (second === null ? 1 : 2), channels);
  builder.configure("configure.register", "accumulator", plan.accumulator);
  builder.configure("configure.register", "output", plan.output);
  builder.activate(finish.activation, finish.divisor);
  const output = builder.tensor(name, last ? "output" : "intermediate", source.shape, plan.output.format);
  requantizeTile(builder, finish, {
    source: second === null ? "operand" : "operands",
    wait: tokenBit("inputReady") | tokenBit("weightReady"),
    pixels: [rows, columns],
    channels,
    scaleAddress,
  });
  builder.store(output, last);
  const registers = { product: plan.output, accumulator: plan.accumulator, output: plan.output };
  builder.layer(name, "add", start, { ...source, format: loaded }, output, registers, 0);
  return output;
}

/** Off every word grid. */
const TABLE_ADDRESS = 77;

function vectorStage(
  builder: Builder,
  plan: VectorPlan,
  source: TensorSymbol,
  name: string,
  first: boolean,
  last: boolean,
): TensorSymbol {
  const start = builder.instructions.length;
  const loaded = builder.loadInput(source, plan, first);
  const elements = elementCount(source.shape);
  const binary = BINARY_VECTOR_OPERATIONS.includes(plan.operation);
  const second = elements * loaded.wordLength;
  if (binary) {
    // The second operand is the same tensor, as stored.
    builder.configure("configure.load", "source", register(source.format));
    builder.configure("configure.load", "input", register(source.format));
    builder.load(source, "inputScratchpad", second, { wait: 0, signal: tokenBit("inputReady") });
    builder.configure("configure.register", "operandB", register(source.format));
    builder.add({
      opcode: "configure.pixels",
      wait: tokenBit("inputReady"),
      signal: 0,
      rowCount: 1,
      columnCount: 1,
      rowStride: 0,
      columnStride: 0,
    });
  }
  const { operation } = plan;
  const isLookup = operation === "lookup";
  const readsTable = isLookup || operation === "interpolate";
  const readsConstants = readsTable || operation === "slopes";
  const { entries } = plan.table;
  if (readsConstants) {
    const format = isLookup ? plan.output.format : plan.scale;
    const count = readsTable ? entries : Math.min(plan.period, elements);
    const constants = builder.constant(`${name}/table`, format, count, plan.words);
    builder.configure("configure.load", "source", register(format));
    builder.configure("configure.load", "input", register(format));
    builder.load(constants, "weightScratchpad", TABLE_ADDRESS, { wait: 0, signal: tokenBit("weightReady") });
    builder.configure("configure.register", "scale", register(format));
    if (readsTable) builder.add({ opcode: "configure.table", wait: 0, signal: 0, ...plan.table });
  } else if (operation === "pieces") {
    builder.add({ opcode: "configure.pieces", wait: 0, signal: 0, ...plan.pieces });
    builder.add({ opcode: "configure.bounds", wait: 0, signal: 0, ...plan.bounds });
  } else if (!isFunctionOperation(operation)) {
    builder.configure("configure.register", "accumulator", plan.accumulator);
    builder.activate(plan.activation, null);
  }
  builder.configure("configure.register", "output", plan.output);
  const output = builder.tensor(name, last ? "output" : "intermediate", source.shape, plan.output.format);
  const pc = builder.add({
    opcode: "vector",
    wait: tokenBit("inputReady") | (readsConstants ? tokenBit("weightReady") : 0),
    signal: tokenBit("outputReady"),
    operation,
    addressA: 0,
    addressB: binary ? second : 0,
    outputAddress: 0,
    elements,
    shift: operation === "shift" ? BigInt(plan.shift) : 0n,
    tableAddress: readsConstants ? TABLE_ADDRESS : 0,
    period: operation === "slopes" ? plan.period : 1,
  });
  builder.tiles.push({
    instruction: pc,
    row: 0,
    column: 0,
    channel: 0,
    columns: source.shape[1],
    channels: source.shape[2],
  });
  builder.store(output, last);
  const registers = { product: plan.output, accumulator: plan.accumulator, output: plan.output };
  const symbol = {
    tensor: `${name}/table`,
    entries,
    droppedBits: plan.table.shift,
    interpolated: !isLookup,
    range: { min: -1, max: 1 },
    largestError: 0.25,
    sqnr: 40,
    clipped: 0,
  };
  builder.layer(name, readsTable ? "lookup" : "add", start, { ...source, format: loaded }, output, registers, 0, {
    constants: {},
    ...(readsTable && { table: symbol }),
  });
  return output;
}

function addStage(
  builder: Builder,
  plan: StagePlan,
  source: TensorSymbol,
  name: string,
  first: boolean,
  last: boolean,
): TensorSymbol | null {
  if (plan.kind === "matrix") return matrixStage(builder, plan, source, name, first, last);
  if (plan.kind === "operands") return operandsStage(builder, plan, source, name, first, last);
  return plan.kind === "pool"
    ? poolStage(builder, plan, source, name, first, last)
    : vectorStage(builder, plan, source, name, first, last);
}

const stagePlans = (source: FixedPointFormat): fc.Arbitrary<StagePlan> =>
  fc.oneof(
    { weight: 4, arbitrary: matrixPlans(source) },
    { weight: 2, arbitrary: poolPlans(source) },
    { weight: 2, arbitrary: operandsPlans(source) },
    { weight: 1, arbitrary: vectorPlans(source) },
  );

/** The words a stage leaves in DRAM. */
function storedFormat(source: FixedPointFormat, plan: StagePlan): FixedPointFormat {
  return plan.kind === "pool" && plan.pool === "maximum" ? loadedFormat(source, plan) : plan.output.format;
}

/** A program, and raws for `images` images of its input, extremes drawn often. */
export interface MachineProgram {
  readonly program: Program;
  readonly inputs: readonly bigint[];
  readonly images: number;
}

/** Programs of one to `maxStages` layers on any machine. Stages whose window does not fit are left out. */
export function machinePrograms(
  maxStages = 3,
  machineArbitrary: fc.Arbitrary<Machine> = machines(),
): fc.Arbitrary<MachineProgram> {
  const shapes = fc.tuple(small(1, 5), small(1, 6), small(1, 4)) as fc.Arbitrary<Shape>;
  return fc
    .tuple(machineArbitrary, shapes, operandFormats(9), small(1, 2), small(0, 2 ** 31))
    .chain(([machine, shape, format, images, seed]) => {
      const chainOf = (source: FixedPointFormat, stages: number): fc.Arbitrary<readonly StagePlan[]> =>
        stages === 0
          ? fc.constant([])
          : stagePlans(source).chain((plan) =>
              chainOf(storedFormat(source, plan), stages - 1).map((rest) => [plan, ...rest]),
            );
      return small(1, maxStages)
        .chain((stages) => fc.tuple(chainOf(format, stages), fc.array(rawsOf(format), { minLength: 5, maxLength: 60 })))
        .map(([plans, inputs]) => ({ program: buildProgram(machine, shape, format, plans, seed), inputs, images }))
        .filter(({ program }) => program !== null)
        .map((drawn) => drawn as MachineProgram);
    });
}

function buildProgram(
  machine: Machine,
  shape: Shape,
  format: FixedPointFormat,
  plans: readonly StagePlan[],
  seed: number,
): Program | null {
  const builder = new Builder(machine);
  let source = builder.tensor("input", "input", shape, format);
  for (const [index, plan] of plans.entries()) {
    const last = index === plans.length - 1;
    const output = addStage(builder, plan, source, `layer${index}`, index === 0, last);
    if (output === null) return null;
    source = output;
  }
  builder.add({ opcode: "halt", wait: 0, signal: 0 });
  const lastLayer = builder.layers.pop() as LayerSymbol;
  builder.layers.push({ ...lastLayer, endInstruction: builder.instructions.length });
  return withTrueDatapaths({
    machine,
    seed,
    instructions: builder.instructions,
    tensors: builder.tensors,
    constants: builder.constants,
    layers: builder.layers,
    tiles: builder.tiles,
    compileOverflow: [],
    input: "input",
    output: source.name,
    hostOperators: [],
    metadata: {},
  });
}
