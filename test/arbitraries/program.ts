import fc from "fast-check";
import type { Dataflow } from "../../isa/dataflow/table.ts";
import { INSTRUCTIONS, type Instruction } from "../../isa/instructions/table.ts";
import { DEFAULT_MACHINE, type Machine, type OnChipMemory } from "../../isa/machine.ts";
import { rawRange } from "../../isa/numerics/format.ts";
import { splitmix32 } from "../../isa/numerics/random.ts";
import { allocateRaws, setRaw } from "../../isa/numerics/raws.ts";
import type { DatapathSpec } from "../../isa/program/datapath.ts";
import {
  type Constant,
  elementCount,
  LAYER_KINDS,
  type LayerKind,
  type LayerSymbol,
  type Program,
  type RecurrentPart,
  type TableSymbol,
  type TensorSymbol,
  type TileSymbol,
} from "../../isa/program/program.ts";
import { instruction } from "./instructions.ts";
import { formats, registers } from "./numerics.ts";

/** Names as files have them, and names that try a listing's syntax. */
function names(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.stringMatching(/^[a-z][a-z0-9_/]{0,9}$/),
    fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
    fc.constantFrom(
      "true",
      "null",
      "-1e3",
      'a "b" # c',
      "x=y",
      "[1]",
      "two\nlines",
      "ⅷ·ß",
      "  ",
      "__proto__",
      ".layer",
    ),
  );
}

function onChipMemory(): fc.Arbitrary<OnChipMemory> {
  return fc.record({
    capacityBits: fc.integer({ min: 1, max: 2 ** 31 }),
    banks: fc.integer({ min: 1, max: 4096 }),
    bitsPerCycle: fc.integer({ min: 1, max: 2 ** 24 }),
  });
}

/** A machine that passes `checkMachine`, with DRAM for the small tensors below; not one that a designer would build. */
export function machineDescription(): fc.Arbitrary<Machine> {
  return fc.record({
    name: fc.string(),
    clockHz: fc.integer({ min: 1, max: 2 ** 31 }),
    rows: fc.integer({ min: 1, max: 1024 }),
    columns: fc.integer({ min: 1, max: 1024 }),
    dataflow: fc.constantFrom<Dataflow>("output-stationary", "weight-stationary", "input-stationary", "tree"),
    macPipeline: fc.nat(64),
    tail: fc.nat(64),
    weightDoubleBuffer: fc.boolean(),
    drainOverlap: fc.boolean(),
    inputScratchpad: onChipMemory(),
    weightScratchpad: onChipMemory(),
    accumulatorBank: onChipMemory(),
    outputBuffer: onChipMemory(),
    dram: fc.record({
      capacityBits: fc.constantFrom(DEFAULT_MACHINE.dram.capacityBits, 2 ** 39),
      wordBits: fc.integer({ min: 8, max: 520 }),
      bytesPerCycle: fc.integer({ min: 1, max: 4096 }),
      latencyCycles: fc.nat(1_000_000),
    }),
  });
}

export function datapath(): fc.Arbitrary<DatapathSpec> {
  const exact = registers(undefined, 192);
  return fc.record(
    {
      input: registers(),
      weight: registers(),
      product: exact,
      accumulator: exact,
      sum: registers(),
      scale: registers(),
      bias: registers(),
      output: registers(),
      biasOrder: fc.constant("first"),
      averageDivider: fc.boolean(),
    },
    { requiredKeys: ["input", "weight", "product", "accumulator", "bias", "output", "averageDivider"] },
  );
}

type Unplaced = Omit<TensorSymbol, "address"> & { readonly gapWords: number };

/** Two tensors for the program's ends and up to four others, with different sides and names. */
function unplacedTensors(): fc.Arbitrary<Unplaced[]> {
  const side = fc.integer({ min: 1, max: 5 });
  const tensor = fc.record({
    name: names(),
    role: fc.constantFrom<TensorSymbol["role"]>("constant", "constant", "intermediate", "input", "output"),
    shape: fc.tuple(side, side, side),
    format: formats(),
    gapWords: fc.nat(3),
  });
  return fc
    .uniqueArray(tensor, { minLength: 2, maxLength: 6, selector: ({ name }) => name })
    .map(([first, second, ...others]) => [
      { ...(first as Unplaced), role: "input" },
      { ...(second as Unplaced), role: "output" },
      ...others,
    ]);
}

function place(tensors: readonly Unplaced[], wordBits: number): TensorSymbol[] {
  let free = 0;
  return tensors.map(({ gapWords, ...tensor }) => {
    const address = (Math.ceil(free / wordBits) + gapWords) * wordBits;
    free = address + elementCount(tensor.shape) * tensor.format.wordLength;
    return { ...tensor, address };
  });
}

/** Words that follow from a number, ends of the range included. */
function constantOf({ name, shape, format }: TensorSymbol, seed: number): Constant {
  const raws = allocateRaws(format, elementCount(shape));
  const { min, max } = rawRange(format);
  for (let index = 0; index < raws.length; index++) {
    const high = BigInt(splitmix32(seed + 2 * index));
    const drawn = (high << 32n) | BigInt(splitmix32(seed + 2 * index + 1));
    const choice = drawn & 7n;
    setRaw(raws, index, choice === 0n ? min : choice === 1n ? max : min + (drawn % (max - min + 1n)));
  }
  return { tensor: name, raws };
}

/** A layer whose tensors are numbers still. */
interface DrawnLayer extends Pick<LayerSymbol, "name" | "kind" | "macs" | "datapath" | "doubleRounding"> {
  readonly recurrent: RecurrentPart | null;
  readonly cut: number;
  readonly picks: readonly number[];
  readonly constants: { readonly weight?: number; readonly scale?: number; readonly bias?: number };
  readonly table: (Omit<TableSymbol, "tensor"> & { readonly tensor: number }) | null;
}

/** What a layer says of its constants; nothing where the program has none. */
function constantSymbols(
  { constants, table }: DrawnLayer,
  names: readonly string[],
): Pick<LayerSymbol, "constants" | "table"> {
  const named = (pick: number): string => names[pick % names.length] ?? "";
  if (names.length === 0) return { constants: {} };
  return {
    constants: Object.fromEntries(Object.entries(constants).map(([kind, pick]) => [kind, named(pick)])),
    ...(table && { table: { ...table, tensor: named(table.tensor) } }),
  };
}

interface Drawn {
  readonly machine: Machine;
  readonly instructions: readonly Instruction[];
  readonly tensors: readonly Unplaced[];
  readonly layers: readonly DrawnLayer[];
  readonly firstCut: number;
  readonly tileOf: readonly (
    | readonly [number, number, number, number, Pick<TileSymbol, "rowStep" | "columnStep">]
    | null
  )[];
  readonly overflows: readonly (readonly [number, number])[];
  readonly seed: number;
  /** Name and axes of the model's output, where it declares one. */
  readonly modelOutput: readonly [string, readonly number[]] | null;
  readonly hostOperators: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

function assembleProgram(drawn: Drawn): Program {
  const { machine, instructions, seed, hostOperators, metadata } = drawn;
  const tensors = place(drawn.tensors, machine.dram.wordBits);
  const tensorName = (pick: number): string => (tensors[pick % tensors.length] as TensorSymbol).name;
  const cuts = [drawn.firstCut, ...drawn.layers.map(({ cut }) => cut)].map((cut) => cut % (instructions.length + 1));
  cuts.sort((a, b) => a - b);
  const constantNames = tensors.flatMap(({ name, role }) => (role === "constant" ? [name] : []));
  const layers = drawn.layers.map((layer, index): LayerSymbol => {
    const {
      picks: [output = 0, ...inputs],
      name,
      kind,
      macs,
      datapath,
      doubleRounding,
      recurrent,
    } = layer;
    return {
      name,
      kind,
      macs,
      datapath,
      doubleRounding,
      firstInstruction: cuts[index] ?? 0,
      endInstruction: cuts[index + 1] ?? 0,
      inputs: inputs.map(tensorName),
      output: tensorName(output),
      ...(recurrent && { recurrent }),
      ...constantSymbols(layer, constantNames),
    };
  });
  const tiles = instructions.flatMap(({ opcode }, index) => {
    const tile = drawn.tileOf[index];
    if (!tile || INSTRUCTIONS[opcode].unit !== "compute") return [];
    const [row, column, channel, columns, steps] = tile;
    return [{ instruction: index, row, column, channel, columns: columns + 1, channels: row + 1, ...steps }];
  });
  const constants = tensors
    .filter(({ role }) => role === "constant")
    .map((tensor, index) => constantOf(tensor, seed + index));
  return {
    machine,
    seed,
    instructions,
    tensors,
    constants: seed % 2 === 0 ? constants : constants.reverse(),
    layers,
    tiles,
    compileOverflow: drawn.overflows.flatMap(([weight, bias], index) => {
      const layer = layers[index]?.name;
      return layer === undefined ? [] : [{ layer, weight, bias }];
    }),
    input: tensorName(0),
    output: tensorName(1),
    ...(drawn.modelOutput && {
      modelOutputs: [{ name: drawn.modelOutput[0], shape: tensors[1]?.shape ?? [], order: drawn.modelOutput[1] }],
    }),
    hostOperators,
    metadata,
  };
}

/** JSON objects as a file gives them back. */
function metadata(): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  return fc
    .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
    .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>);
}

/**
 * A program without contradictions among its symbols, machine and words, that can be written to a file. Its instructions
 * are legal words in no meaningful order: no machine could run it.
 */
export function storableProgram(): fc.Arbitrary<Program> {
  // JSON has no −0.
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const layer = fc.record({
    name: names(),
    kind: fc.constantFrom<LayerKind>(...LAYER_KINDS),
    macs: fc.maxSafeNat(),
    datapath: datapath(),
    doubleRounding: fc.boolean(),
    recurrent: fc.option(fc.record({ layer: names(), step: fc.nat() }, { requiredKeys: ["layer"] })),
    cut: fc.nat(1000),
    picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }),
    constants: fc.record({ weight: fc.nat(1000), scale: fc.nat(1000), bias: fc.nat(1000) }, { requiredKeys: [] }),
    table: fc.option(
      fc.record({
        tensor: fc.nat(1000),
        entries: fc.integer({ min: 1, max: 2 ** 20 }),
        droppedBits: fc.nat(63),
        interpolated: fc.boolean(),
        range: fc.record({ min: finite, max: finite }),
        largestError: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        sqnr: fc.option(finite),
        clipped: fc.nat(2 ** 20),
      }),
    ),
  });
  const step = fc.integer({ min: 1, max: 9 });
  const steps = fc.record({ rowStep: step, columnStep: step }, { requiredKeys: [] });
  const tile = fc.option(fc.tuple(fc.nat(), fc.nat(), fc.nat(99), fc.nat(999), steps));
  return fc
    .record({
      machine: machineDescription(),
      instructions: fc.array(instruction(), { maxLength: 12 }),
      tensors: unplacedTensors(),
      layers: fc.uniqueArray(layer, { maxLength: 4, selector: ({ name }) => name }),
      firstCut: fc.nat(1000),
      tileOf: fc.array(tile, { maxLength: 12 }),
      overflows: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 4 }),
      seed: fc.nat(0xffff_ffff),
      modelOutput: fc.option(fc.tuple(names(), fc.shuffledSubarray([0, 1, 2], { minLength: 3 }))),
      hostOperators: fc.array(fc.constantFrom("softmax", "argmax", "a b"), { maxLength: 3 }),
      metadata: metadata(),
    })
    .map(assembleProgram);
}
