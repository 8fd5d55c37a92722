import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MachineRegister } from "../../../isa/instructions/configure-register.ts";
import type { Dialect } from "../../../isa/numerics/overflow.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { expectEnginesAgree, imageBatch } from "../../conformance/compare.ts";
import { widenInputs, widenProgram } from "./widened-program.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 600 : 80;
const dialects = fc.constantFrom<Dialect>("sc", "ap", "ac");

describe("the fast engine equals the reference engine on wide words", () => {
  it.each([0, 8, 18, 25, 33, 44])("%i bits more in every word", (bits) => {
    fc.assert(
      fc.property(machinePrograms(2), fc.boolean(), dialects, ({ program, inputs, images }, statistics, dialect) => {
        const wide = widenProgram(program, { bits, dialect, flipped: [] });
        expect(checkProgram(wide)).toBeNull();
        const batch = imageBatch(wide, widenInputs(inputs, bits), images, 1);
        expectEnginesAgree(wide, batch, { statistics, capture: true });
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a reader of other signedness takes the same bits", () => {
  const readers = fc.subarray<MachineRegister>(["operandA", "operandB", "weight", "bias", "source"], { minLength: 1 });

  it.each([0, 20, 44])("with %i bits more in every word", (bits) => {
    fc.assert(
      fc.property(machinePrograms(2), readers, fc.boolean(), ({ program, inputs, images }, flipped, statistics) => {
        const odd = widenProgram(program, { bits, dialect: "sc", flipped });
        expect(checkProgram(odd)).toBeNull();
        expectEnginesAgree(odd, imageBatch(odd, widenInputs(inputs, bits), images), { statistics, capture: true });
      }),
      { numRuns: RUNS },
    );
  });
});
