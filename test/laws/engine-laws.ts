/** Laws of an engine: the contract of `sim/engine.ts`, on programs drawn at random. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { allocateRaws, type Raws, setRaw } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import { elementCount } from "../../isa/program/program.ts";
import type { BatchResult, Engine, EngineSession, ImageBatch } from "../../sim/engine.ts";
import { mergeEvidence } from "../../sim/evidence.ts";
import { referenceEngine } from "../../sim/reference/engine.ts";
import { type MachineProgram, machinePrograms } from "../arbitraries/machine-program.ts";
import { type Law, law } from "./law.ts";

const EVERYTHING = { statistics: true, capture: true } as const;

/** What holds for an engine on every program that the machine admits. */
export function engineLaws(engine: Engine): readonly Law[] {
  const programs = machinePrograms(2);
  return [
    law(
      "gives what the reference engine gives, in every raw, count, first offender and cycle",
      fc.property(programs, (drawn) => {
        const [own, reference] = [open(engine, drawn.program), open(referenceEngine, drawn.program)];
        const batch = batchOf(drawn, 0, drawn.images);
        return (
          isDeepStrictEqual(own.cycles, reference.cycles) &&
          isDeepStrictEqual(own.run(batch, EVERYTHING), reference.run(batch, EVERYTHING))
        );
      }),
    ),
    law(
      "gives the same whether images come together or one by one",
      fc.property(programs, (drawn) => {
        const session = open(engine, drawn.program);
        const together = session.run(batchOf(drawn, 0, 2), EVERYTHING);
        const [first, second] = [0, 1].map((image) => session.run(batchOf(drawn, image, 1), EVERYTHING)) as [
          BatchResult,
          BatchResult,
        ];
        return (
          isDeepStrictEqual([...together.outputs].map(String), [...first.outputs, ...second.outputs].map(String)) &&
          isDeepStrictEqual(together.evidence, mergeEvidence(first.evidence, second.evidence))
        );
      }),
    ),
  ];
}

function open(engine: Engine, program: Program): EngineSession {
  const opened = engine.open(program);
  if ("fault" in opened) throw new Error(`${engine.name} refuses an admitted program: ${opened.fault.message}`);
  return opened.session;
}

/** `count` images from number `first` on; image i is the same whichever batch holds it. */
function batchOf({ program, inputs }: MachineProgram, first: number, count: number): ImageBatch {
  const input = program.tensors.find(({ name }) => name === program.input);
  if (input === undefined) throw new Error("a drawn program has no input");
  const elements = elementCount(input.shape);
  const raws: Raws = allocateRaws(input.format, count * elements);
  for (let index = 0; index < raws.length; index++) {
    setRaw(raws, index, inputs[(first * elements + index) % inputs.length] ?? 0n);
  }
  return { firstImage: first, count, raws };
}
