import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { OVERFLOW_MODES } from "../../../isa/numerics/overflow.ts";
import { quantize } from "../../../isa/numerics/quantize.ts";
import { type RegisterSpec, register, registerText } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../../isa/numerics/rounding.ts";
import { identifier, layerIdentifiers } from "../../../runtime/exports/identifiers.ts";
import type { ExportedLayer, ExportedRegister, ExportSubject } from "../../../runtime/exports/subject.ts";
import { systemverilogPackage } from "../../../runtime/exports/systemverilog.ts";
import { vhdlPackage } from "../../../runtime/exports/vhdl.ts";
import { isInstalled, runTool, uglySubject, withFolder } from "./tools.ts";

const SUBJECT = uglySubject();

/** Every register with its identifier, in order. */
function registersOf({ layers }: ExportSubject): readonly (readonly [string, ExportedRegister])[] {
  const identifiers = layerIdentifiers(layers.map(({ name }) => name));
  return layers.flatMap(({ name, registers }) =>
    registers.map((register) => [`${identifiers.get(name)}_${register.register}`, register] as const),
  );
}

describe("the SystemVerilog package", () => {
  it.runIf(isInstalled("iverilog", "-V"))(
    "has every register's length, sign and modes, by Icarus Verilog",
    () => {
      const name = `${identifier(SUBJECT.model)}_types`;
      const registers = registersOf(SUBJECT);
      const shown = registers.map(([id], index) => {
        const fields = ["W", "F", "SIGNED", "ROUNDING", "OVERFLOW", "N"].map((field) => `${id}_${field}`).join(", ");
        // Only a signed word of ones is below 0.
        return `    v${index} = '1; $display("%0d %0d %0d %0d %0d %0d %0d %0d", $bits(v${index}), v${index} < 0, ${fields});`;
      });
      const declared = registers.map(([id], index) => `  ${id}_t v${index};`);
      const bench = `module bench;\n  import ${name}::*;\n${declared.join("\n")}\n  initial begin\n${shown.join("\n")}\n  end\nendmodule\n`;
      const printed = withFolder((folder) => {
        writeFileSync(join(folder, "types.sv"), systemverilogPackage(SUBJECT));
        writeFileSync(join(folder, "bench.sv"), bench);
        runTool(folder, "iverilog", "-g2012", "-Wall", "-o", "bench", "types.sv", "bench.sv");
        return runTool(folder, "vvp", "-n", "bench");
      });
      const expected = registers.map(([, { spec }]) => {
        const { wordLength, fractionLength, signed } = spec.format;
        const sign = signed ? 1 : 0;
        const modes = [ROUNDING_MODES[spec.rounding].code, OVERFLOW_MODES[spec.overflow].code, spec.saturatedBits];
        return [wordLength, sign, wordLength, fractionLength, sign, ...modes].join(" ");
      });
      expect(printed.trim().split("\n")).toEqual(expected);
    },
    60_000,
  );
});

describe("the VHDL package", () => {
  it.runIf(isInstalled("ghdl", "--version"))(
    "has every register's bounds, sign and modes, by GHDL",
    () => {
      const name = `${identifier(SUBJECT.model)}_types`;
      const registers = registersOf(SUBJECT);
      const reports = registers.map(
        ([id], index) =>
          `    report integer'image(v${index}'left) & " " & integer'image(v${index}'right) & " " & kind(v${index}) & " " & ` +
          `rounding_type'image(${id}_rounding) & " " & overflow_type'image(${id}_overflow) & " " & integer'image(${id}_n);`,
      );
      const declared = registers.map(([id], index) => `    variable v${index} : ${id}_t;`);
      const bench = `library ieee; use ieee.std_logic_1164.all; use ieee.fixed_pkg.all; use work.${name}.all;
entity bench is end entity;
architecture test of bench is
  function kind(x : sfixed) return string is begin return "signed"; end function;
  function kind(x : ufixed) return string is begin return "unsigned"; end function;
begin
  process
${declared.join("\n")}
  begin
${reports.join("\n")}
    wait;
  end process;
end architecture;
`;
      const printed = withFolder((folder) => {
        writeFileSync(join(folder, "types.vhd"), vhdlPackage(SUBJECT));
        writeFileSync(join(folder, "bench.vhd"), bench);
        runTool(folder, "ghdl", "-a", "--std=08", "types.vhd", "bench.vhd");
        runTool(folder, "ghdl", "-e", "--std=08", "bench");
        return runTool(folder, "bash", "-c", "ghdl -r --std=08 bench 2>&1");
      });
      const expected = registers.map(([, { spec }]) => {
        const { wordLength, fractionLength, signed } = spec.format;
        const modes = [`round_${spec.rounding}`, `overflow_${spec.overflow}`].map((mode) => mode.replaceAll("-", "_"));
        const bounds = [wordLength - fractionLength - 1, -fractionLength + 0];
        return [...bounds, signed ? "signed" : "unsigned", ...modes, spec.saturatedBits].join(" ");
      });
      const lines = printed
        .split("\n")
        .flatMap(
          (line) => / \(report note\): (.*)$/.exec(line)?.[1] ?? /:\(report note\): (.*)$/.exec(line)?.[1] ?? [],
        );
      expect(lines).toEqual(expected);
    },
    60_000,
  );
});

describe("a comment on fixed_pkg", () => {
  const FORMATS = [fixedPoint(3, 1), fixedPoint(4, 3), fixedPoint(3, -1), fixedPoint(2, -4), fixedPoint(1, 0)];
  const SOURCES: readonly (readonly [number, number])[] = [
    [2, -2],
    [0, -4],
    [-2, -5],
    [4, 1],
  ];

  /** What the comment names, and the least highest bit of a source for which it does. */
  function named(spec: RegisterSpec): readonly [round: string, overflow: string, high: number] | null {
    const registers = [{ register: "output", spec, exact: false, constant: false } as const];
    const layer = { name: "a", kind: "dense", registers, options: uglySubject().layers[0]?.options } as ExportedLayer;
    const [, note = ""] = /fixed_pkg resize: (.*)$/m.exec(vhdlPackage({ model: "m", layers: [layer] })) ?? [];
    const [, round, high = "-99", overflow] =
      /^(fixed_\w+)(?: \(source'high >= (-?\d+)\))?, (fixed_\w+)$/.exec(note) ?? [];
    return round === undefined || overflow === undefined ? null : [round, overflow, Number(high)];
  }

  it.runIf(isInstalled("ghdl", "--version"))(
    "gives the same words in GHDL's ieee.fixed_pkg, for every word of sources above, below and beside the register",
    () => {
      const cases = FORMATS.flatMap((format) => [format, { ...format, signed: false }]).flatMap((format) =>
        (["down", "nearest-even"] as const).flatMap((rounding) =>
          (["saturate", "wrap"] as const).flatMap((overflow) => {
            const spec = register(format, rounding, overflow);
            const claim = named(spec);
            expect(claim, registerText(spec)).not.toBeNull();
            return SOURCES.flatMap((source) =>
              claim !== null && source[0] >= claim[2] ? [{ spec, claim, source }] : [],
            );
          }),
        ),
      );
      expect(cases.length).toBeGreaterThan(120);
      const processes = cases.map(({ spec, claim: [round, overflow], source: [high, low] }) => {
        const { wordLength, fractionLength, signed } = spec.format;
        const type = signed ? "sfixed" : "ufixed";
        const bounds = `${wordLength - fractionLength - 1}, ${-fractionLength}`;
        const width = high - low + 1;
        return `  process
    variable d : ${type}(${bounds.replace(",", " downto")});
  begin
    for i in 0 to ${2 ** width - 1} loop
      d := resize(to_${type}(std_logic_vector(to_unsigned(i, ${width})), ${high}, ${low}), ${bounds}, ${overflow}, ${round});
      write(output, to_string(to_slv(d)) & " ");
    end loop;
    write(output, "" & LF);
    wait;
  end process;`;
      });
      const bench = `library ieee; use ieee.std_logic_1164.all; use ieee.numeric_std.all;
use ieee.fixed_float_types.all; use ieee.fixed_pkg.all; use std.textio.all;
entity bench is end entity;
architecture test of bench is begin
${processes.join("\n")}
end architecture;
`;
      const printed = withFolder((folder) => {
        writeFileSync(join(folder, "bench.vhd"), bench);
        runTool(folder, "ghdl", "-a", "--std=08", "bench.vhd");
        runTool(folder, "ghdl", "-e", "--std=08", "bench");
        return runTool(folder, "ghdl", "-r", "--std=08", "bench");
      });
      const expected = cases.map(({ spec, source: [high, low] }) => {
        const { signed, wordLength } = spec.format;
        const width = high - low + 1;
        return Array.from({ length: 2 ** width }, (_, index) => {
          const raw = signed ? BigInt.asIntN(width, BigInt(index)) : BigInt(index);
          const word = BigInt.asUintN(wordLength, quantize(raw, -low, spec).raw);
          return word.toString(2).padStart(wordLength, "0");
        }).join(" ");
      });
      expect(printed.trimEnd().split(/\s*\n/)).toEqual(expected);
    },
    60_000,
  );

  it("names no style for modes that fixed_pkg lacks, and none for a wrap that saturates bits", () => {
    for (const spec of [
      register(fixedPoint(8, 4), "nearest", "saturate-symmetric"),
      register(fixedPoint(8, 4), "zero", "wrap", 2),
    ]) {
      const registers = [{ register: "output", spec, exact: false, constant: false } as const];
      const layer = { name: "a", kind: "dense", registers, options: uglySubject().layers[0]?.options } as ExportedLayer;
      expect(vhdlPackage({ model: "m", layers: [layer] })).not.toContain("fixed_pkg resize");
    }
  });
});

describe("identifiers", () => {
  it("of layers that bear a MATLAB keyword's name are none, and names that meet get a number", () => {
    const names = ["end", "global", "for", "layer_end", "End", "parfor", "while1", "end"];
    expect([...layerIdentifiers(names.slice(0, -1)).values()]).toEqual([
      "layer_end",
      "layer_global",
      "layer_for",
      "layer_end_2",
      "End",
      "layer_parfor",
      "while1",
    ]);
    for (const keyword of ["break", "classdef", "spmd", "otherwise", "elseif"]) {
      expect(identifier(keyword)).toBe(`layer_${keyword}`);
      expect(identifier(`/${keyword}.`)).toBe(`layer_${keyword}`);
    }
    const long = layerIdentifiers(["a".repeat(500), "a".repeat(501), `9${"b".repeat(500)}`]);
    for (const text of long.values()) expect(text.length).toBeLessThanOrEqual(63);
    expect(new Set(long.values()).size).toBe(3);
  });

  it("are letters, digits and single underscores, and never alike in any case of letters", () => {
    const names = SUBJECT.layers.map(({ name }) => name);
    const identifiers = [...layerIdentifiers(names).values()];
    expect(identifiers.length).toBe(names.length);
    expect(new Set(identifiers.map((text) => text.toLowerCase())).size).toBe(names.length);
    for (const text of identifiers) expect(text).toMatch(/^[A-Za-z]+[A-Za-z0-9]*(_[A-Za-z0-9]+)*$/);
  });
});
