import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Raws } from "../../../isa/numerics/raws.ts";
import type { Program } from "../../../isa/program/program.ts";
import { walkConfiguration } from "../../../sim/configuration.ts";
import type { BatchResult, EngineSession, RunOptions } from "../../../sim/engine.ts";
import { mergeEvidence } from "../../../sim/evidence.ts";
import { fastEngine, fastEngineWith } from "../../../sim/fast/engine.ts";
import { type KernelLibrary, type OverflowCounter, UNCOUNTED } from "../../../sim/fast/kernels/contract.ts";
import { PLAIN_KERNELS } from "../../../sim/fast/kernels/plain.ts";
import { prepareProgram } from "../../../sim/fast/prepare/prepare.ts";
import { scheduleProgram } from "../../../sim/timing/schedule.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { imageBatch, plainResult } from "../../conformance/compare.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 2000 : 120;
const PLAIN: RunOptions = { statistics: false, capture: true };

function open(program: Program, engine = fastEngine): EngineSession {
  const opened = engine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  return opened.session;
}

function joined(parts: readonly Raws[]): (number | bigint)[] {
  return parts.flatMap((part) => [...part]);
}

/** Plain kernels that only say that something overflowed. */
const FLAGGING: KernelLibrary = {
  ...PLAIN_KERNELS,
  name: "flagging",
  matrix: (problem, choice) => {
    const kernel = PLAIN_KERNELS.matrix(problem, choice);
    return {
      name: kernel.name,
      bind: (bound, operands) => {
        const counting = kernel.bind(bound, operands);
        const product: OverflowCounter = { overflows: 0 };
        const accumulator: OverflowCounter = { overflows: 0 };
        return {
          product,
          accumulator,
          run: (image) => {
            counting.run(image);
            product.overflows = counting.product.overflows > 0 ? UNCOUNTED : 0;
            accumulator.overflows = counting.accumulator.overflows > 0 ? UNCOUNTED : 0;
          },
        };
      },
    };
  },
};

describe("a session", () => {
  it("says the same of one batch and of its images one by one, in any order", () => {
    fc.assert(
      fc.property(machinePrograms(2), fc.boolean(), ({ program, inputs }, statistics) => {
        const session = open(program);
        const options = { statistics, capture: true };
        const whole = imageBatch(program, inputs, 3, 4);
        const all = session.run(whole, options);
        const size = whole.raws.length / 3;
        const results: BatchResult[] = [];
        for (const index of [2, 0, 1]) {
          const raws = whole.raws.slice(index * size, (index + 1) * size);
          results[index] = session.run({ firstImage: 4 + index, count: 1, raws }, options);
        }
        expect([...all.outputs]).toEqual(joined(results.map(({ outputs }) => outputs)));
        for (const [name, raws] of all.captured) {
          expect([...raws]).toEqual(joined(results.map(({ captured }) => captured.get(name) as Raws)));
        }
        const evidence = results.map((result) => result.evidence).reduce((a, b) => mergeEvidence(a, b));
        expect(all.evidence).toEqual(evidence);
      }),
      { numRuns: RUNS },
    );
  });

  it("counts and locates the same with kernels that only know that something overflowed", () => {
    fc.assert(
      fc.property(machinePrograms(2), ({ program, inputs, images }) => {
        const batch = imageBatch(program, inputs, images);
        const flagging = open(program, fastEngineWith(FLAGGING)).run(batch, PLAIN);
        expect(plainResult(flagging)).toEqual(plainResult(open(program).run(batch, PLAIN)));
      }),
      { numRuns: RUNS },
    );
  });

  it("counts and locates the same with statistics, which take the observed path, and without", () => {
    fc.assert(
      fc.property(machinePrograms(2), ({ program, inputs, images }) => {
        const session = open(program);
        const batch = imageBatch(program, inputs, images);
        const observed = session.run(batch, { statistics: true, capture: true });
        const evidence = observed.evidence.map((layer) =>
          Object.fromEntries(Object.entries(layer).map(([name, found]) => [name, { ...found, statistics: null }])),
        );
        expect(plainResult({ ...observed, evidence })).toEqual(plainResult(session.run(batch, PLAIN)));
      }),
      { numRuns: RUNS },
    );
  });

  it("gives nothing for no images", () => {
    fc.assert(
      fc.property(machinePrograms(1), ({ program, inputs }) => {
        const result = open(program).run(imageBatch(program, inputs, 0), PLAIN);
        expect(result.images).toBe(0);
        expect(result.outputs.length).toBe(0);
        expect(result.evidence).toEqual(program.layers.map(() => ({})));
        expect(result.fault).toBeNull();
      }),
      { numRuns: 10 },
    );
  });
});

describe("a prepared program", () => {
  it("loads no constant that its readers find resident, and everything else", () => {
    fc.assert(
      fc.property(machinePrograms(2), ({ program }) => {
        const schedule = scheduleProgram(program);
        const walk = walkConfiguration(program);
        if ("fault" in schedule || "fault" in walk) throw new Error("an admitted program faults");
        const { steps } = prepareProgram(program, walk.configured, schedule, PLAIN_KERNELS);
        const working = program.instructions.filter(({ opcode }) =>
          /^(load|preload|matrix|requantize|pool|vector|store)$/.test(opcode),
        );
        const weights = working.filter(
          (instruction) => instruction.opcode === "load" && instruction.target === "weightScratchpad",
        );
        expect(steps.length).toBe(working.length - weights.length);
      }),
      { numRuns: 50 },
    );
  });
});
