/** Sums that start from the bias: the preload instruction by hand, and both engines on the sums that follow. */
import { describe, expect, it } from "vitest";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import type { Instruction } from "../../../isa/instructions/table.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import type { Program } from "../../../isa/program/program.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";
import {
  activation,
  HALT,
  load,
  matrix,
  pixels,
  placeTensors,
  preload,
  programOf,
  reduction,
  requantize,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  type TensorFields,
} from "./programs.ts";
import { watch } from "./watch.ts";

const INTEGER = fixedPoint(6, 0);
/** −2 … 1.5 in halves, saturating. */
const ACCUMULATOR = register(fixedPoint(3, 1), "down", "saturate");
const FILTERS = 3;

/** One pixel of two inputs, three filters of weights 1; biases in quarters. */
function biasedSums(dataflow: Dataflow, biases: readonly bigint[], preloads: boolean): Program {
  const biasFormat = fixedPoint(6, 2);
  const ones = [1n, 1n, 1n, 1n, 1n, 1n];
  const tensors: TensorFields[] = [
    { name: "input", role: "input", format: INTEGER, length: 2 },
    { name: "weight", role: "constant", format: INTEGER, length: 2 * FILTERS, values: ones },
    { name: "bias", role: "constant", format: biasFormat, length: FILTERS, values: [...biases] },
    { name: "output", role: "output", format: fixedPoint(8, 2), length: FILTERS },
  ];
  const [, weight, bias, output] = placeTensors(tensors);
  const biasAddress = 600;
  const start: Instruction[] = preloads ? [preload({ pixels: 1, columns: FILTERS, biasAddress })] : [];
  return programOf({ ...SMALL_MACHINE, dataflow }, tensors, [
    set("source", INTEGER),
    set("input", INTEGER),
    load({ channels: 2 }),
    load({ target: "weightScratchpad", channels: 2 * FILTERS, dramAddress: weight?.address ?? 0 }),
    set("source", biasFormat),
    set("input", biasFormat),
    load({ target: "weightScratchpad", channels: FILTERS, dramAddress: bias?.address ?? 0, address: biasAddress }),
    SYNCHRONISE,
    set("operandA", INTEGER),
    set("weight", INTEGER),
    set("product", INTEGER),
    set("accumulator", ACCUMULATOR),
    set("bias", biasFormat),
    set("output", fixedPoint(8, 2)),
    activation("none"),
    pixels(1, 1, 0, 0),
    reduction([1, 1, 2], [0, 0, 1]),
    ...start,
    matrix({ columns: FILTERS, reductionLength: 2, accumulate: preloads }),
    requantize({ pixels: 1, columns: FILTERS, hasBias: !preloads, biasAddress: preloads ? 0 : biasAddress }),
    SYNCHRONISE,
    store({ channels: FILTERS, wordLength: 8, dramAddress: output?.address ?? 0 }),
    HALT,
  ]);
}

describe("preload", () => {
  // −1, −1.25 → −1.5, 4 → 1.5
  const biases = [-4n, -5n, 16n];

  it("puts the bias of every filter through the accumulator register, lane by lane", () => {
    const program = biasedSums("output-stationary", biases, true);
    const at = program.instructions.findIndex(({ opcode }) => opcode === "preload");
    const { events, result } = watch(program, [1n, 1n], at);
    expect(events.map(({ register: name, cycle, after, step }) => [name, cycle, after, step])).toEqual([
      ["accumulator", 0, -2n, -2],
      ["accumulator", 0, -3n, -2],
      ["accumulator", 1, 3n, -2],
    ]);
    const first = result.evidence[0]?.accumulator?.first;
    expect(first).toMatchObject({ channel: 2, step: -2, before: 8n, after: 3n, row: 0, column: 0 });
  });

  // x = 1, 1: filter 0 is −1 + 1 + 1, filter 1 is −1.5 + 1 + 1, filter 2 saturates from the start. Last, 1 + 1 saturates first;
  // filter 1 then is 1.5 − 1.25, down to halves.
  it.each<[Dataflow, readonly bigint[]]>([
    ["output-stationary", [4n, 2n, 6n]],
    // The column sum 1 + 1 saturates before it meets the bank.
    ["weight-stationary", [2n, 0n, 6n]],
    ["input-stationary", [2n, 0n, 6n]],
    ["tree", [4n, 2n, 6n]],
  ])("%s: by hand, and as the fast engine", (dataflow, expected) => {
    const program = biasedSums(dataflow, biases, true);
    const { outputs, result } = watch(program, [1n, 1n], 0);
    expect(outputs).toEqual(expected);
    const opened = fastEngine.open(program);
    if ("fault" in opened) throw new Error(opened.fault.message);
    const batch = { firstImage: 0, count: 1, raws: Int32Array.of(1, 1) };
    const fast = opened.session.run(batch, { statistics: false, capture: false });
    expect(fast.outputs).toEqual(result.outputs);
    expect(fast.evidence).toEqual(result.evidence);
    expect(watch(biasedSums(dataflow, biases, false), [1n, 1n], 0).outputs).toEqual([2n, 0n, 6n]);
  });
});
