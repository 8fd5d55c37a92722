import type { Dataflow, Machine } from "../../isa/machine.ts";
import type { ConfiguredMatrix } from "../configuration.ts";
import { counted, stretchedText, sumText } from "./formula.ts";
import type { InstructionCycles } from "./occupancy.ts";
import { type PortDemand, stretchOf } from "./ports.ts";

/** A matrix instruction as the array sees it: E pixels, N filters, K steps on R rows × C columns. */
interface Shape {
  readonly pixels: number;
  readonly filters: number;
  readonly steps: number;
  readonly accumulate: boolean;
  readonly machine: Machine;
}

interface Steps {
  readonly steps: number;
  readonly formula: string;
}

/** Steps of one instruction by dataflow: the tables under "Cycles" in isa/README.md. */
const DATAFLOW_STEPS: Record<Dataflow, (shape: Shape) => Steps> = {
  "output-stationary": (shape) => {
    const { pixels, filters, steps, machine } = shape;
    const folds = foldCount(pixels, filters, machine);
    return systolicSteps(folds, steps, shape, machine.drainOverlap && !shape.accumulate);
  },
  "weight-stationary": (shape) => stationarySteps(shape.filters, shape.pixels, shape),
  "input-stationary": (shape) => stationarySteps(shape.pixels, shape.filters, shape),
  tree: ({ pixels, filters, steps, machine }) => {
    const { rows, columns, macPipeline } = machine;
    const folds = Math.ceil(filters / columns);
    const chunks = Math.ceil(steps / rows);
    const fold = chunks * pixels + treeLevels(rows) + 1 + macPipeline;
    const text = sumText(`${chunks}·${pixels}`, `⌈log2 ${rows}⌉`, 1, macPipeline);
    return { steps: folds * fold, formula: `${counted(folds, "fold")} × (${text})` };
  },
};

function foldCount(alongRows: number, alongColumns: number, machine: Machine): number {
  return Math.ceil(alongRows / machine.rows) * Math.ceil(alongColumns / machine.columns);
}

/** ⌈log2 R⌉, levels of an adder tree of R inputs. */
function treeLevels(inputs: number): number {
  return 32 - Math.clz32(inputs - 1);
}

/** Weight- and input-stationary: steps of the sum along the rows, `streamed` operands pass each fold. */
function stationarySteps(alongColumns: number, streamed: number, shape: Shape): Steps {
  const folds = foldCount(shape.steps, alongColumns, shape.machine);
  return systolicSteps(folds, streamed, shape, shape.machine.weightDoubleBuffer);
}

/**
 * F · (2R + C + T − 2 + P), or (F − 1) · max(T, R) + 2R + C + T − 2 + P where folds overlap; R more per fold where
 * output-stationary sums enter first.
 */
function systolicSteps(folds: number, streamed: number, shape: Shape, overlap: boolean): Steps {
  const { machine, accumulate } = shape;
  const { rows, columns, macPipeline } = machine;
  const entry = machine.dataflow === "output-stationary" && accumulate ? rows : 0;
  const fold = entry + 2 * rows + columns + streamed - 2 + macPipeline;
  const pipeline = macPipeline === 0 ? "" : ` + ${macPipeline}`;
  const text = `${sumText(entry, `2·${rows}`, columns, streamed)} − 2${pipeline}`;
  if (!overlap) return { steps: folds * fold, formula: `${counted(folds, "fold")} × (${text})` };
  const between = Math.max(streamed, rows);
  return {
    steps: (folds - 1) * between + fold,
    formula: `(${counted(folds, "fold")} − 1) × max(${streamed}, ${rows}) + ${text}`,
  };
}

/** Bits that the array asks of each port in a step. */
function arrayPorts(configured: ConfiguredMatrix, pixels: number, machine: Machine): readonly PortDemand[] {
  const { rows, columns, dataflow } = machine;
  const inputBits = configured.operandA.format.wordLength;
  const weightBits = configured.weight.format.wordLength;
  const exchanged = dataflow === "input-stationary";
  const weightDemand =
    dataflow === "tree" ? Math.ceil((rows * columns * weightBits) / pixels) : (exchanged ? rows : columns) * weightBits;
  return [
    {
      cause: "input",
      bits: (exchanged ? columns : rows) * inputBits,
      bitsPerCycle: machine.inputScratchpad.bitsPerCycle,
    },
    { cause: "weights", bits: weightDemand, bitsPerCycle: machine.weightScratchpad.bitsPerCycle },
    {
      cause: "accumulator",
      bits: columns * configured.accumulator.format.wordLength,
      bitsPerCycle: machine.accumulatorBank.bitsPerCycle,
    },
  ];
}

/** m · steps + tail. */
export function matrixCycles(configured: ConfiguredMatrix, machine: Machine): InstructionCycles {
  const { instruction, pixels: counters } = configured;
  const pixels = counters.rowCount * counters.columnCount;
  const { steps, formula } = DATAFLOW_STEPS[machine.dataflow]({
    pixels,
    filters: instruction.columns,
    steps: instruction.reductionLength,
    accumulate: instruction.accumulate,
    machine,
  });
  const { stretch, cause } = stretchOf(arrayPorts(configured, pixels, machine));
  return {
    cycles: stretch * steps + machine.tail,
    steps,
    stretch,
    stalls: cause === null ? {} : { [cause]: (stretch - 1) * steps },
    formula: sumText(stretchedText(stretch, formula), machine.tail),
  };
}
