/** Configurations of hls4ml against an emulation of hls4ml, on both engines; and what is written, read again. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { compile, prepareGraph } from "../../../../compiler/compile.ts";
import { DiagnosticError } from "../../../../isa/diagnostic.ts";
import { DEFAULT_MACHINE } from "../../../../isa/machine.ts";
import { rawAt } from "../../../../isa/numerics/raws.ts";
import { readHls4ml } from "../../../../runtime/exports/hls4ml/read.ts";
import { exportAssignment, exportSubject } from "../../../../runtime/exports/index.ts";
import { quantizeImages, tensorSymbol } from "../../../../runtime/session/host-input.ts";
import { checkProgram } from "../../../../sim/check/index.ts";
import { openOn } from "../../../conformance/compare.ts";
import { type Exact, exactWord } from "../../../oracles/hls4ml.ts";
import { differences } from "../subjects.ts";
import { type DrawnNetwork, drawnNetworks } from "./networks.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 3000 : 250;
const MACHINE = { ...DEFAULT_MACHINE, rows: 3, columns: 2 };

function read({ graph, configuration }: Pick<DrawnNetwork, "graph" | "configuration">) {
  const lowerable = prepareGraph(graph);
  const network = { imported: graph, lowerable, prescribes: false };
  return { lowerable, assignment: readHls4ml(configuration, network, "config.yml").assignment };
}

/** The output's values on both engines. */
function outputs(drawn: DrawnNetwork): readonly Exact[] {
  const { lowerable, assignment } = read(drawn);
  const { program } = compile(lowerable, { machine: MACHINE, assignment, seed: 1 });
  expect(checkProgram(program)).toBeNull();
  const { raws } = quantizeImages(program, Float32Array.from(drawn.image), 1, 0);
  const [reference, fast] = (["reference", "fast"] as const).map((engine) => {
    const result = openOn(engine, program).run(
      { firstImage: 0, count: 1, raws },
      { statistics: false, capture: false },
    );
    expect(result.fault).toBeNull();
    const { format } = tensorSymbol(program, program.output);
    return Array.from({ length: result.outputs.length }, (_, index) =>
      exactWord(rawAt(result.outputs, index, format), format.fractionLength),
    );
  });
  expect(fast).toEqual(reference);
  return reference ?? [];
}

/** Undefined where the machine cannot compute it, which every diagnostic says of the configuration. */
function orRefused<Value>(action: () => Value): Value | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    for (const { code } of error.diagnostics) expect(code).toBe("HLS4ML");
    return undefined;
  }
}

describe("a configuration of hls4ml", () => {
  it("gives hls4ml's words, whatever the types and modes of its layers, or says what the machine cannot do", () => {
    let same = 0;
    fc.assert(
      fc.property(drawnNetworks, (drawn) => {
        const found = orRefused(() => outputs(drawn));
        if (found === undefined) return;
        expect(found).toEqual(drawn.expected);
        same++;
      }),
      { numRuns: RUNS },
    );
    expect(same).toBeGreaterThan(RUNS / 4);
  }, 300_000);

  it("written from what was read, and read again, is the same registers", () => {
    let same = 0;
    fc.assert(
      fc.property(drawnNetworks, (drawn) => {
        const first = orRefused(() => read(drawn));
        if (first === undefined) return;
        const { lowerable, assignment } = first;
        const subject = exportSubject({ model: "m", lowerable, assignment, where: "read" });
        const text = String(exportAssignment("hls4ml", subject, lowerable, drawn.graph));
        const again = read({ graph: drawn.graph, configuration: parse(text) });
        const other = exportSubject({ model: "m", lowerable, assignment: again.assignment, where: "again" });
        expect(differences(subject, other)).toEqual([]);
        same++;
      }),
      { numRuns: RUNS },
    );
    expect(same).toBeGreaterThan(RUNS / 4);
  }, 300_000);
});
