/** What a search may choose in a network: its registers with what they were seen to hold and what they can hold at most. */
import { automaticFormat } from "../../../compiler/quantization/automatic-format.ts";
import { type ArithmeticKind, type LayerFacts, layerFacts } from "../../../compiler/quantization/layer-facts.ts";
import { resolveAssignment } from "../../../compiler/quantization/resolve-assignment.ts";
import type { AssignmentSpecification, LayerEntry, PresetName } from "../../../compiler/quantization/specification.ts";
import { DiagnosticError, InvariantError } from "../../../isa/diagnostic.ts";
import { nameRecord } from "../../../isa/name-record.ts";
import { formatText } from "../../../isa/numerics/format.ts";
import type { CalibratedRange, DatapathRegister } from "../../../isa/program/datapath.ts";
import { SimulationPool } from "../../../sim/pool/pool.ts";
import { scheduleProgram } from "../../../sim/timing/index.ts";
import {
  assignmentOf,
  type SearchRegister,
  type SearchSpace,
  startFormats,
} from "../../exploration/search/search-space.ts";
import { FaultError } from "../fault-error.ts";
import { machineFigures } from "../figures/machine-report.ts";
import type { RunHooks } from "../hooks.ts";
import { runMachine } from "../run-machine.ts";
import type { Study } from "../study/study.ts";
import { type ProvenBits, provenIntegerBits } from "./proven-bits.ts";

/** Registers that a search chooses, by preset; the others are exact, or follow from these. */
const SEARCHED: Readonly<Record<PresetName, readonly DatapathRegister[]>> = {
  intrinsic: ["input", "weight", "product", "accumulator", "bias", "output"],
  tensorquant: ["input", "weight", "product", "sum", "bias", "output"],
  wide: ["input", "weight", "bias", "output"],
  extrinsic: ["output"],
  float: [],
};

/** Registers that exist, by what a layer computes. */
const EXISTING: Readonly<Record<ArithmeticKind, readonly DatapathRegister[]>> = {
  matrix: ["input", "weight", "product", "accumulator", "sum", "bias", "output"],
  averagePool: ["accumulator", "output"],
  maximumPool: [],
  vector: ["output"],
  product: ["output"],
  lookup: ["output"],
  integer: [],
  integerPool: [],
  requantize: [],
};

/** Ranges are read off words of this many bits, with this much room above them. */
const OBSERVED_FORMAT = { format: "24,auto", marginBits: 4 } as const;

export interface SpaceOptions {
  /** Registers of all layers have this datapath, rounding and overflow. */
  readonly defaults: LayerEntry;
  /** Integer bits at the start beyond what was observed; constants, whose values are known, have none. */
  readonly marginBits: number;
  /** Images whose products and sums are looked at. */
  readonly observedImages: number;
  /** Bits of the words that the proofs start from. */
  readonly startWordLength: number;
}

/** Watches the first images of the study at 24 bits, and bounds every sum of the start. */
export async function searchSpaceOf(study: Study, options: SpaceOptions, hooks: RunHooks = {}): Promise<SearchSpace> {
  const facts = layerFacts(study.parts.prepared.lowerable);
  const preset = presetOf(options.defaults);
  const observed = await observedRanges(study, options, hooks);
  const registers = facts.flatMap((layer) => registersOf(layer, facts, { study, preset, observed, ...options }));
  const defaults = { ...options.defaults, format: "16,8" };
  const bare: SearchSpace = { registers, defaults, automatic: () => null };
  const automatic = (wordLength: number): AssignmentSpecification | null =>
    automaticAssignment(study, bare, facts, wordLength);
  if (preset === "extrinsic") return { ...bare, automatic };
  const start = study.program(assignmentOf(bare, startFormats(bare, options.startWordLength)));
  const datapaths = new Map(start.layers.map(({ name, datapath }) => [name, datapath]));
  const proven = provenIntegerBits(facts, datapaths, start.seed);
  return {
    registers: registers.map((register) => ({
      ...register,
      provenIntegerBits: provenOf(proven.get(register.layer), register.register),
    })),
    defaults,
    automatic,
  };
}

interface RegisterRequest extends SpaceOptions {
  readonly study: Study;
  readonly preset: PresetName;
  readonly observed: ReadonlyMap<string, CalibratedRange>;
}

function registersOf(layer: LayerFacts, facts: readonly LayerFacts[], request: RegisterRequest): SearchRegister[] {
  const { study, preset, observed, marginBits } = request;
  const networkInput = study.parts.prepared.lowerable.input.name;
  const ranges = study.parts.configuration.calibration.ranges ?? {};
  const found: SearchRegister[] = [];
  const add = (
    register: DatapathRegister,
    range: CalibratedRange | undefined,
    margin: number,
    producer: string | null,
  ): void => {
    const observedIntegerBits = range === undefined ? null : integerBitsOf(range);
    const integerBits = (observedIntegerBits ?? 1) + margin;
    const common = { layer: layer.name, register, signed: true, provenIntegerBits: null, producer };
    found.push({ ...common, integerBits, observedIntegerBits });
  };
  const isFirst = facts.find(({ producers }) => producers.includes(networkInput)) === layer;
  if (isFirst && preset !== "extrinsic") add("input", ranges[networkInput], marginBits, null);
  for (const register of SEARCHED[preset]) {
    if (!EXISTING[layer.arithmetic].includes(register)) continue;
    if (register === "input") {
      const producer = layer.producers.length === 1 ? writerOf(layer.producers[0] ?? "", facts) : null;
      if (producer !== null && !isFirst) add("input", ranges[producer], marginBits, producer);
    } else if (register === "weight") add("weight", rangeOfValues(layer.weights), 0, null);
    else if (register === "bias") {
      if (layer.bias !== null) add("bias", rangeOfValues(layer.bias), 0, null);
    } else if (register === "output") add("output", ranges[layer.name], marginBits, null);
    else add(register, observed.get(`${layer.name} ${register}`), marginBits, null);
  }
  return found;
}

/** The layer whose output register a value went through; null for the network's input. Maximum pools keep their input's words. */
function writerOf(value: string, facts: readonly LayerFacts[]): string | null {
  const layer = facts.find(({ name }) => name === value);
  if (layer === undefined) return null;
  return layer.arithmetic === "maximumPool" ? writerOf(layer.producers[0] ?? "", facts) : layer.name;
}

/** Ranges of products and sums before they fit, by `layer register`. */
async function observedRanges(
  study: Study,
  { defaults, observedImages }: SpaceOptions,
  hooks: RunHooks,
): Promise<ReadonlyMap<string, CalibratedRange>> {
  if (presetOf(defaults) === "extrinsic") return new Map();
  const program = study.program({ default: { ...defaults, ...OBSERVED_FORMAT } });
  const { data, float } = study.parts;
  const images = Math.min(observedImages, study.images);
  const configuration = { ...study.parts.configuration, observe: images };
  const schedule = scheduleProgram(program);
  if ("fault" in schedule) throw new FaultError(schedule.fault);
  const pool = new SimulationPool(configuration.engine, configuration.workers);
  const job = { configuration, data, span: { first: 0, images }, program, float, pool };
  const outcome = await runMachine(job, hooks).finally(() => pool.close());
  if ("fault" in outcome) throw new FaultError(outcome.fault);
  const ranges = new Map<string, CalibratedRange>();
  for (const { name, registers } of machineFigures({ program, schedule, ...outcome }).layers) {
    for (const [register, { min, max }] of Object.entries(registers)) {
      if (min !== null && max !== null) ranges.set(`${name} ${register}`, { min, max });
    }
  }
  return ranges;
}

/** `W,auto` with the formats that the study's ranges give; null where they give none. */
function automaticAssignment(
  study: Study,
  space: SearchSpace,
  layers: readonly LayerFacts[],
  wordLength: number,
): AssignmentSpecification | null {
  const { prepared, configuration } = study.parts;
  if (presetOf(space.defaults) === "extrinsic") return null;
  try {
    const { formats } = resolveAssignment({
      specification: { default: { ...space.defaults, format: `${wordLength},auto` } },
      layers: layers.filter(({ arithmetic }) => arithmetic !== "integer"),
      input: prepared.lowerable.input.name,
      calibration: configuration.calibration.ranges ?? {},
      where: `${wordLength},auto`,
    });
    const entries = nameRecord<Record<string, string>>();
    for (const { layer, register, producer } of space.registers) {
      const format = formats[layer]?.[register]?.format;
      if (producer !== null || format === undefined) continue;
      entries[layer] = { ...entries[layer], [register]: formatText(format) };
    }
    return { default: space.defaults, layers: entries };
  } catch (error) {
    // No F fits so short a word.
    if (error instanceof DiagnosticError) return null;
    throw error;
  }
}

function provenOf(bits: ProvenBits | undefined, register: DatapathRegister): number | null {
  return bits?.[register] ?? null;
}

function rangeOfValues(values: Float32Array | null): CalibratedRange {
  if (values === null) throw new InvariantError("a matrix layer without weights");
  let [min, max] = [0, 0];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/** W − F of the format that holds both ends, rounded to 16 bits. */
function integerBitsOf(range: CalibratedRange): number {
  const wordLength = 16;
  const { fractionLength } = automaticFormat({ wordLength, signed: true, automatic: true }, range, 0, "range");
  return wordLength - fractionLength;
}

function presetOf({ datapath }: LayerEntry): PresetName {
  return (datapath ?? "intrinsic").replace(/:.*/, "") as PresetName;
}
