/** Damaged program files and listings: diagnostics, faults, or a program on which both engines agree. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { importTfjsLayersModel } from "../../compiler/importers/tfjs/import.ts";
import { DEFAULT_MACHINE } from "../../isa/machine.ts";
import { assemble, disassemble } from "../../isa/program/assembly.ts";
import { readContainer, type Sections, writeContainer } from "../../isa/program/container.ts";
import type { Program } from "../../isa/program/program.ts";
import { readProgramFile, writeProgramFile } from "../../isa/program/program-file.ts";
import { checkProgram } from "../../sim/check/index.ts";
import { scheduleProgram } from "../../sim/timing/index.ts";
import { expectEnginesAgree, imageBatch } from "../conformance/compare.ts";
import { smallModel } from "../runtime/small-network.ts";
import { byteDamage, cases, FUZZ_TIMEOUT_MS, jsonDamage, textDamage, valueOrDiagnostics } from "./mutations.ts";

vi.setConfig({ testTimeout: FUZZ_TIMEOUT_MS });

const { json, weights } = smallModel();
const { program } = compile(importTfjsLayersModel(json, weights, "small"), {
  machine: { ...DEFAULT_MACHINE, rows: 3, columns: 4 },
  assignment: { default: { datapath: "intrinsic", format: "6,3" } },
  seed: 1,
});
const file = writeProgramFile(program);
const sections = readContainer(file, "small");
const symbols: unknown = JSON.parse(new TextDecoder().decode(sections.symbols));
const listing = disassemble(program);

/** Beyond these a program is admitted but too slow to step register by register here. */
const SLOW = { cycles: 5000, elements: 64 };

/** What became of a damaged program: refused, at fault, admitted and slow, or run alike by both engines. */
async function fate(read: () => Program | null): Promise<"refused" | "fault" | "slow" | "agreed"> {
  const opened = await valueOrDiagnostics(read);
  if (opened === undefined) return "refused";
  if (opened === null) return "fault";
  const fault = await valueOrDiagnostics(() => ({ fault: checkProgram(opened) }));
  if (fault === undefined) return "refused";
  if (fault.fault !== null) {
    expect(fault.fault.message).not.toBe("");
    return "fault";
  }
  const schedule = scheduleProgram(opened);
  const { rows, columns } = opened.machine;
  if ("fault" in schedule || schedule.report.total > SLOW.cycles || rows * columns > SLOW.elements) return "slow";
  expectEnginesAgree(
    opened,
    imageBatch(
      opened,
      [1n, 0n, -1n, 3n, 7n, -5n].map((raw) => wordOf(opened, raw)),
      2,
    ),
    {
      statistics: true,
      capture: true,
    },
  );
  return "agreed";
}

function wordOf({ tensors, input }: Program, raw: bigint): bigint {
  const format = tensors.find(({ name }) => name === input)?.format;
  if (format === undefined) throw new Error("no input");
  return format.signed ? BigInt.asIntN(format.wordLength, raw) : BigInt.asUintN(format.wordLength, raw);
}

function fromFile(bytes: Uint8Array): Program | null {
  const read = readProgramFile(bytes, "damaged");
  return "program" in read ? read.program : null;
}

/** Sections under a new, good checksum: damage that only their meaning can show. */
function sealed(changed: Partial<Sections>): Uint8Array {
  return writeContainer({ ...sections, ...changed });
}

async function fates(damaged: fc.Arbitrary<() => Program | null>, everyday: number): Promise<Set<string>> {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(damaged, async (read) => {
      seen.add(await fate(read));
    }),
    cases(everyday),
  );
  return seen;
}

describe("a damaged program file", () => {
  it("agrees undamaged", async () => {
    expect(await fate(() => fromFile(file))).toBe("agreed");
    expect(await fate(() => fromFile(sealed({})))).toBe("agreed");
  });

  it("bytes anywhere: never accepted under the old checksum", async () => {
    await fc.assert(
      fc.asyncProperty(byteDamage(), async (damage) => {
        const bytes = damage(file);
        if (Buffer.compare(bytes, file) === 0) return;
        expect(await fate(() => fromFile(bytes))).toBe("refused");
      }),
      cases(300),
    );
  });

  it("symbols with wild values", async () => {
    const damaged = jsonDamage().map(
      (damage) => () => fromFile(sealed({ symbols: new TextEncoder().encode(JSON.stringify(damage(symbols)) ?? "") })),
    );
    expect([...(await fates(damaged, 400))].sort()).toEqual(expect.arrayContaining(["agreed", "refused"]));
  });

  it("symbols with wild bytes", async () => {
    await fates(
      byteDamage().map((damage) => () => fromFile(sealed({ symbols: damage(sections.symbols) }))),
      150,
    );
  });

  it("instruction words with wild bytes", async () => {
    const damaged = byteDamage().map((damage) => () => fromFile(sealed({ code: damage(sections.code) })));
    expect([...(await fates(damaged, 400))].sort()).toEqual(expect.arrayContaining(["fault", "refused"]));
  });

  it("single bits of instruction words", async () => {
    const damaged = fc.nat(8 * sections.code.length - 1).map((bit) => () => {
      const code = Uint8Array.from(sections.code);
      code[bit >> 3] = (code[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return fromFile(sealed({ code }));
    });
    expect([...(await fates(damaged, 300))].sort()).toEqual(expect.arrayContaining(["agreed", "fault"]));
  });

  it("constants with wild bytes", async () => {
    const damaged = byteDamage().map((damage) => () => fromFile(sealed({ constants: damage(sections.constants) })));
    expect([...(await fates(damaged, 150))].sort()).toEqual(expect.arrayContaining(["agreed", "refused"]));
  });
});

describe("a damaged listing", () => {
  const words = ["-1", "0", "1e9", "true", "[", "{", "}", '"', "load", "matrix", ".tensor", "u8,4", "99999999999", "="];

  it("gives diagnostics, or a program that a file holds unchanged", async () => {
    const damaged = textDamage(words).map((damage) => () => {
      const assembled = assemble(damage(listing), "damaged.asm");
      expect(fromFile(writeProgramFile(assembled))).toEqual(assembled);
      return assembled;
    });
    expect([...(await fates(damaged, 250))].sort()).toEqual(expect.arrayContaining(["agreed", "refused"]));
  });

  it("wild bytes in it", async () => {
    const bytes = new TextEncoder().encode(listing);
    const damaged = byteDamage().map(
      (damage) => () => assemble(new TextDecoder().decode(damage(bytes)), "damaged.asm"),
    );
    await fates(damaged, 100);
  });
});
