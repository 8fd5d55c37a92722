/** Histories against what the reference engine shows while it steps the whole machine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import { elementCount, type Program } from "../../../isa/program/program.ts";
import type { ImageBatch } from "../../../sim/engine.ts";
import { ElementHistories } from "../../../sim/history/element-history.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import type { Quantization } from "../../../sim/reference/observer.ts";
import { machinePrograms, machines } from "../../arbitraries/machine-program.ts";
import { imageBatch } from "../../conformance/compare.ts";
import { tensorWords } from "./tensor-words.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 150 : 20;
const DATAFLOWS: readonly Dataflow[] = ["output-stationary", "weight-stationary", "input-stationary", "tree"];
/** Elements of a tensor that are looked into. */
const ELEMENTS = 12;

/** Everything that identifies a quantization but the element it belongs to. */
function key(site: Omit<Quantization["site"], "pixel" | "channel" | "cycle">, exact: bigint, rest: string): string {
  const { image, instruction, register, row, column, step, before, after } = site;
  return [image, instruction, register, row, column, step, before, after, exact, rest].join(" ");
}

/** Image by image: the engine's quantizations by key. */
function observed(program: Program, batch: ImageBatch) {
  const seen = new Map<string, number>();
  const quantized = ({ site, exact, denominator, exactFraction }: Quantization): void => {
    const name = key(site, exact, `${denominator} ${exactFraction}`);
    seen.set(name, (seen.get(name) ?? 0) + 1);
  };
  const { session } = referenceEngine.open(program, [{ quantized }]);
  return { result: session.run(batch, { statistics: false, capture: true }), seen };
}

function checkHistories(program: Program, batch: ImageBatch): number {
  const { result, seen } = observed(program, batch);
  const histories = new ElementHistories(program);
  let writes = 0;
  for (let position = 0; position < result.images; position++) {
    const word = tensorWords(program, batch, result, position);
    const image = batch.firstImage + position;
    for (const tensor of program.tensors) {
      if (!result.captured.has(tensor.name)) continue;
      const elements = elementCount(tensor.shape);
      const stride = Math.max(1, Math.floor(elements / ELEMENTS));
      for (let index = elements - 1; index >= 0; index -= stride) {
        const { entries, raw } = histories.of(tensor, index, image, word);
        expect(raw).toBe(word(tensor, index));
        for (const { register, step, raw: after, write } of entries) {
          if (write === null) continue;
          const { instruction, row, column, rounded: before, numerator, denominator, fractionLength } = write;
          const isLoad = program.instructions[instruction]?.opcode === "load";
          const site = { image, instruction, row, column, before, after };
          const name = key(
            { ...site, register: (isLoad ? "input" : register) as "input", step: isLoad ? -1 : step },
            numerator,
            `${denominator} ${fractionLength}`,
          );
          expect(seen.has(name), name).toBe(true);
          writes++;
        }
      }
    }
  }
  return writes;
}

describe("the history of an element", () => {
  it.each(DATAFLOWS)(
    "%s: ends in the engine's word and goes through quantizations that the engine did",
    (dataflow) => {
      let writes = 0;
      const programs = machinePrograms(
        3,
        machines().map((machine) => ({ ...machine, dataflow })),
      );
      fc.assert(
        fc.property(programs, ({ program, inputs, images }) => {
          writes += checkHistories(program, imageBatch(program, inputs, images, 3));
        }),
        { numRuns: RUNS },
      );
      expect(writes).toBeGreaterThan(500);
    },
    90_000,
  );
});
