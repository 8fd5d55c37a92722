import { rawRange } from "../../../../isa/numerics/format.ts";
import { roundingBias } from "../../../../isa/numerics/rounding-bias.ts";
import { registerKeeps } from "../../arithmetic/ranges.ts";
import {
  type BoundRequantize,
  ELEMENT_WISE_OPERATIONS,
  type ElementWiseTask,
  type KernelLibrary,
  type NumberActivation,
  type NumberStage,
  type OverflowCounter,
  type RequantizeTask,
} from "../contract.ts";
import type { Arena } from "./arena.ts";
import { type NumberRounding, numberRounding } from "./number-rounding.ts";
import { fitOf } from "./registers.ts";
import { exportedFunction } from "./web-assembly.ts";

/** As in assembly/stages.ts. */
const ROUNDING_CODES: Readonly<Record<NumberRounding | "exact", number>> = { floor: 0, truncate: 1, even: 2, exact: 3 };
const ACTIVATION_CODES = { none: 0, relu: 1, clip: 2 } as const;
const STAGE_DOUBLES = 7;
const OVERFLOWS = 6;
/** Words of 32 bits of a requantization before its four doubles. */
const TASK_FIELDS = 14;
/** Words of 32 bits of a vector instruction before its five doubles. */
const ELEMENT_WISE_FIELDS = 10;
/** Words of 32 bits of an integer stage, of which the last counts. */
const INTEGER_FIELDS = 9;
const INTEGER_LIMIT = 2n ** 31n - 1n;

/** All but the matrix kernels of one arena; null for tasks whose words lie elsewhere or whose registers need more. */
export function laneKernels(arena: Arena): Required<Pick<KernelLibrary, "requantize" | "elementWise" | "maximum">> {
  const places = (words: object, base: number): { readonly address: number; readonly bytes: number } | null => {
    const address = arena.addressOf(words);
    if (address === null || !(words instanceof Int32Array || words instanceof Float64Array)) return null;
    return { address: address + base * words.BYTES_PER_ELEMENT, bytes: words.BYTES_PER_ELEMENT };
  };

  return {
    requantize: (task) => {
      const sums = places(task.sums, task.sumBase);
      const outputs = places(task.outputs, task.outputBase);
      const chain = [task.before, task.added, task.written];
      const short = sums?.bytes === 4 && outputs?.bytes === 4 && fitsIntegers(task);
      const integerStages = short ? chain.map((stage) => stage && integerStage(arena, stage)) : [undefined];
      const integers = !integerStages.includes(undefined);
      const stages = integers ? integerStages : chain.map((stage) => stage && stageOf(arena, stage));
      if (sums === null || outputs === null || stages.includes(undefined)) return null;
      const [before, added, written] = stages as (Float64Array | Int32Array | null)[];
      const { pixels, filters, biases, activation } = task;
      const aligned = arena.array(integers ? "Int32Array" : "Float64Array", Math.ceil(filters / 4) * 4);
      const record = arena.array("Int32Array", TASK_FIELDS + 8);
      const address = arena.addressOf(record) ?? 0;
      record.set([
        pixels,
        filters,
        sums.address,
        task.sumPitch * sums.bytes,
        sums.bytes === 8 ? 1 : 0,
        outputs.address,
        task.outputPitch * outputs.bytes,
        outputs.bytes === 8 ? 1 : 0,
        arena.addressOf(aligned) ?? 0,
        ...[before, added, written].map((stage) => (stage ? (arena.addressOf(stage) ?? 0) : 0)),
        ACTIVATION_CODES[activation.kind],
      ]);
      const scales = new Float64Array(record.buffer, address + TASK_FIELDS * 4, 4);
      const scaleOf = integers ? Math.log2 : (scale: number) => scale;
      scales.set([scaleOf(task.valueScale), scaleOf(activation.scale), activation.lowest, activation.highest]);
      const requantize = exportedFunction(arena.instance("lanes", {}), integers ? "requantizeIntegers" : "requantize");
      const bound: BoundRequantize = {
        before: { overflows: 0 },
        added: { overflows: 0 },
        written: { overflows: 0 },
        run: () => {
          if (biases !== null) {
            const { words, base, scale } = biases;
            for (let filter = 0; filter < filters; filter++) aligned[filter] = Number(words[base + filter]) * scale;
          }
          requantize(address);
          count(bound.before, before);
          count(bound.added, added);
          count(bound.written, written);
        },
      };
      return bound;
    },

    elementWise: (task) => {
      const a = places(task.a, task.baseA);
      const b = places(task.b, task.baseB);
      const outputs = places(task.outputs, task.outputBase);
      if (a === null || b === null || outputs === null) return null;
      const short = [a, b, outputs].every(({ bytes }) => bytes === 4) && elementsFitIntegers(task);
      const integerWritten = short ? integerStage(arena, task.written) : undefined;
      const stage = integerWritten ?? stageOf(arena, task.written);
      if (stage === undefined) return null;
      const integers = stage instanceof Int32Array;
      const record = arena.array("Int32Array", ELEMENT_WISE_FIELDS + 10);
      const address = arena.addressOf(record) ?? 0;
      record.set([
        task.elements,
        ELEMENT_WISE_OPERATIONS.indexOf(task.operation),
        a.address,
        b.address,
        outputs.address,
        ...[a, b, outputs].map(({ bytes }) => (bytes === 8 ? 1 : 0)),
        arena.addressOf(stage) ?? 0,
        ACTIVATION_CODES[task.activation.kind],
      ]);
      const scaleOf = integers ? Math.log2 : (scale: number) => scale;
      const { scale, lowest, highest } = task.activation;
      const scales = [task.scaleA, task.scaleB, scale].map(scaleOf);
      new Float64Array(record.buffer, address + ELEMENT_WISE_FIELDS * 4, 5).set([...scales, lowest, highest]);
      const name = integers ? "elementWiseIntegers" : "elementWise";
      const compute = exportedFunction(arena.instance("element-wise", {}), name);
      const written: OverflowCounter = { overflows: 0 };
      return {
        written,
        run: () => {
          compute(address);
          count(written, stage);
        },
      };
    },

    maximum: (task) => {
      const input = places(task.input, task.inputBase);
      const output = places(task.output, task.outputBase);
      if (input === null || output === null || input.bytes !== output.bytes) return null;
      const record = arena.array("Int32Array", 7);
      const offsets = task.offsets.map((offset) => offset * input.bytes);
      record.set([
        task.ends.length,
        task.channels,
        input.bytes === 8 ? 1 : 0,
        arena.tableOf(task.ends),
        arena.tableOf(offsets),
        input.address,
        output.address,
      ]);
      const address = arena.addressOf(record) ?? 0;
      const maximum = exportedFunction(arena.instance("lanes", {}), "maximum");
      return () => void maximum(address);
    },
  };
}

function count(counter: OverflowCounter, stage: Float64Array | Int32Array | null | undefined): void {
  if (stage) counter.overflows = stage[stage instanceof Int32Array ? INTEGER_FIELDS - 1 : OVERFLOWS] as number;
}

/** Whether integers of 32 bits hold the whole chain; shifts are whole numbers below 32. */
function fitsIntegers({ magnitude, valueScale, activation, biases }: RequantizeTask): boolean {
  return holdsInIntegers(magnitude, activation, [valueScale, activation.scale, biases?.scale ?? 1]);
}

function elementsFitIntegers({ magnitude, scaleA, scaleB, activation }: ElementWiseTask): boolean {
  return holdsInIntegers(magnitude, activation, [scaleA, scaleB, activation.scale]);
}

function holdsInIntegers(magnitude: bigint, { lowest, highest }: NumberActivation, scales: readonly number[]): boolean {
  const shifts = scales.every((scale) => scale >= 1 && scale <= 2 ** 30);
  const ends = [lowest, highest].every((end) => Math.abs(end) <= Number(INTEGER_LIMIT));
  return shifts && magnitude <= INTEGER_LIMIT && ends;
}

/** A stage's integers; undefined where the module cannot round or fit as the register does. */
function integerStage(arena: Arena, { droppedBits, register }: NumberStage): Int32Array | undefined {
  const fit = fitOf(register);
  const rounds = droppedBits > 0;
  const { wordLength, signed } = register.format;
  if (fit === undefined || Math.abs(droppedBits) > 30 || (rounds && register.rounding === "stochastic"))
    return undefined;
  if (fit === "wrap" && (!signed || wordLength > 32)) return undefined;
  const { base, negative, odd } = roundingBias(rounds ? register.rounding : "down", droppedBits);
  const { min, max } = registerKeeps(register);
  const clip = (end: bigint): number =>
    Number(end < -INTEGER_LIMIT ? -INTEGER_LIMIT - 1n : end > INTEGER_LIMIT ? INTEGER_LIMIT : end);
  const stage = arena.array("Int32Array", INTEGER_FIELDS);
  const wrapShift = fit === "wrap" ? 32 - wordLength : -1;
  stage.set([
    Math.max(0, -droppedBits),
    Math.max(0, droppedBits),
    base,
    negative,
    odd,
    clip(min),
    clip(max),
    wrapShift,
  ]);
  return stage;
}

/** A stage's doubles; undefined where the module cannot round or fit as the register does. */
function stageOf(arena: Arena, { droppedBits, register }: NumberStage): Float64Array | undefined {
  const fit = fitOf(register);
  const rounding = droppedBits > 0 ? numberRounding(register.rounding) : (["exact", () => 0] as const);
  if (fit === undefined || rounding === null) return undefined;
  const range = fit === "wrap" ? rawRange(register.format) : registerKeeps(register);
  const stage = arena.array("Float64Array", STAGE_DOUBLES);
  const [code, bias] = rounding;
  const modulus = fit === "wrap" ? 2 ** register.format.wordLength : 0;
  const scale = 2 ** -droppedBits;
  stage.set([ROUNDING_CODES[code], scale, bias(scale), Number(range.min), Number(range.max), modulus]);
  return stage;
}
