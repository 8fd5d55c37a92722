import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OVERFLOW_MODES } from "../../../isa/overflow.ts";
import { ROUNDING_MODES } from "../../../isa/rounding.ts";
import { identifier, layerIdentifiers } from "../../../runtime/exports/identifiers.ts";
import type { ExportedRegister, ExportSubject } from "../../../runtime/exports/subject.ts";
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

describe("identifiers", () => {
  it("are letters, digits and single underscores, and never alike in any case of letters", () => {
    const names = SUBJECT.layers.map(({ name }) => name);
    const identifiers = [...layerIdentifiers(names).values()];
    expect(identifiers.length).toBe(names.length);
    expect(new Set(identifiers.map((text) => text.toLowerCase())).size).toBe(names.length);
    for (const text of identifiers) expect(text).toMatch(/^[A-Za-z]+[A-Za-z0-9]*(_[A-Za-z0-9]+)*$/);
  });
});
