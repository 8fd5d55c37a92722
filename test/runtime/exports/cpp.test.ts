import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { type Dialect, OVERFLOW_MODES } from "../../../isa/numerics/overflow.ts";
import { register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES } from "../../../isa/numerics/rounding.ts";
import { cppHeader } from "../../../runtime/exports/cpp.ts";
import { identifier, layerIdentifiers } from "../../../runtime/exports/identifiers.ts";
import { libraryModes } from "../../../runtime/exports/library-modes.ts";
import type { ExportSubject } from "../../../runtime/exports/subject.ts";
import { isInstalled, runTool, uglySubject, withFolder } from "./tools.ts";

const HAS_COMPILER = isInstalled("g++", "--version");
const HAS_SYSTEMC = HAS_COMPILER && existsSync("/usr/include/systemc");

const names = (
  prefix: string,
  table: Readonly<Record<string, { names: { ap?: string; ac?: string } }>>,
  of: "ap" | "ac",
) =>
  Object.values(table)
    .flatMap((entry) => entry.names[of] ?? [])
    .map((name) => prefix + name)
    .join(", ");

/** Declarations alone, in the place of the vendors' headers. */
const DECLARATIONS: Readonly<Record<"ap" | "ac", string>> = {
  ap: `enum ap_q_mode { ${names("AP_", ROUNDING_MODES, "ap")} };
enum ap_o_mode { ${names("AP_", OVERFLOW_MODES, "ap")} };
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> struct ap_fixed;
template <int W, int I, ap_q_mode Q = AP_TRN, ap_o_mode O = AP_WRAP, int N = 0> struct ap_ufixed;
`,
  ac: `enum ac_q_mode { ${names("AC_", ROUNDING_MODES, "ac")} };
enum ac_o_mode { ${names("AC_", OVERFLOW_MODES, "ac")} };
template <int W, int I, bool S = true, ac_q_mode Q = AC_TRN, ac_o_mode O = AC_WRAP> class ac_fixed;
`,
};

/** Takes the arguments of a type apart again. */
const SHAPES: Readonly<Record<Dialect, string>> = {
  ap: `template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct shape<ap_fixed<W, I, Q, O, N>> : shape_of<W, I, 1, Q, O, N> {};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct shape<ap_ufixed<W, I, Q, O, N>> : shape_of<W, I, 0, Q, O, N> {};`,
  ac: `template <int W, int I, bool S, ac_q_mode Q, ac_o_mode O> struct shape<ac_fixed<W, I, S, Q, O>> : shape_of<W, I, S, Q, O, 0> {};`,
  sc: `using namespace sc_dt;
template <int W, int I, sc_q_mode Q, sc_o_mode O, int N> struct shape<sc_fixed<W, I, Q, O, N>> : shape_of<W, I, 1, Q, O, N> {};
template <int W, int I, sc_q_mode Q, sc_o_mode O, int N> struct shape<sc_ufixed<W, I, Q, O, N>> : shape_of<W, I, 0, Q, O, N> {};`,
};

/** A program that compiles where every type has the arguments of its register. */
function check(subject: ExportSubject, library: Dialect): string {
  const identifiers = layerIdentifiers(subject.layers.map(({ name }) => name));
  const prefix = `${library.toUpperCase()}_`;
  const lines = subject.layers.flatMap(({ name, registers }) =>
    registers.map(({ register, spec, exact }) => {
      const type = `${identifier(subject.model)}_types::${identifiers.get(name)}_${register}_t`;
      const { wordLength, fractionLength, signed } = spec.format;
      const modes = libraryModes(spec, library);
      if ("lacks" in modes) throw new Error(modes.lacks);
      const [q, o, n] = exact ? ["TRN", "WRAP", 0] : [modes.rounding, modes.overflow, modes.saturatedBits];
      const wanted = `${wordLength}, ${wordLength - fractionLength}, ${signed ? 1 : 0}, ${prefix}${q}, ${prefix}${o}, ${n}`;
      return `static_assert(is<${type}>(${wanted}), "${type}");`;
    }),
  );
  return `#include "types.h"
#include "types.h"
template <int W, int I, int S, int Q, int O, int N> struct shape_of {
  static constexpr bool is(int w, int i, int s, int q, int o, int n) {
    return W == w && I == i && S == s && Q == q && O == o && N == n;
  }
};
template <class T> struct shape;
${SHAPES[library]}
template <class T> constexpr bool is(int w, int i, int s, int q, int o, int n) { return shape<T>::is(w, i, s, q, o, n); }
${lines.join("\n")}
`;
}

function compileTypes(header: string, program: string, declarations: string | null, library: Dialect): void {
  withFolder((folder) => {
    writeFileSync(join(folder, "types.h"), header);
    writeFileSync(join(folder, "check.cpp"), program);
    if (declarations !== null) writeFileSync(join(folder, `${library}_fixed.h`), declarations);
    runTool(folder, "g++", "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", `-I${folder}`, "check.cpp");
  });
}

describe("C++ types", () => {
  it.runIf(HAS_SYSTEMC)(
    "of sc_fixed are the registers', by SystemC's own header",
    () => {
      const subject = uglySubject("sc");
      expect(subject.layers.length).toBeGreaterThan(20);
      compileTypes(cppHeader(subject, "sc"), check(subject, "sc"), null, "sc");
    },
    60_000,
  );

  it.runIf(HAS_COMPILER).each(["ap", "ac"] as const)(
    "of %s_fixed are the registers', by its declarations",
    (library) => {
      const subject = uglySubject(library);
      expect(subject.layers.length).toBeGreaterThan(20);
      const header = cppHeader(subject, library);
      compileTypes(header, check(subject, library), DECLARATIONS[library], library);
      // The check can fail.
      const wrong = header.replace("_fixed<8, 4", "_fixed<8, 5");
      expect(wrong).not.toBe(header);
      expect(() => compileTypes(wrong, check(subject, library), DECLARATIONS[library], library)).toThrow();
    },
    60_000,
  );

  it("whose modes the library lacks are diagnostics with every such register", () => {
    const options = {
      explicitInput: false,
      countPadding: undefined,
      lookupBits: 12,
      interpolate: true,
      tableRange: null,
      averageDivider: false,
      biasOrder: "last" as const,
      weightQuantizer: undefined,
    };
    const bad = register(fixedPoint(8, 4), "stochastic", "wrap", 2);
    const registers = [
      { register: "input", spec: bad, exact: false, constant: false },
      { register: "weight", spec: bad, exact: false, constant: true },
      { register: "product", spec: bad, exact: true, constant: false },
      { register: "output", spec: register(fixedPoint(8, 4), "nearest", "wrap", 2), exact: false, constant: false },
    ] as const;
    const subject: ExportSubject = { model: "m", layers: [{ name: "a", kind: "dense", registers, options }] };
    expect(() => cppHeader(subject, "ac")).toThrow(/layer "a": input.*stochastic.*[\s\S]*layer "a": output.*wrap:2/);
    expect(() => cppHeader(subject, "sc")).not.toThrow(/output/);
    const constants: ExportSubject = {
      model: "m",
      layers: [{ name: "a", kind: "dense", registers: registers.slice(1, 3), options }],
    };
    const header = cppHeader(constants, "ac");
    expect(header).toContain(
      "typedef ac_fixed<8, 4, true> a_weight_t; // 8,4 stochastic wrap:2: ac_fixed has no rounding stochastic",
    );
    expect(header).toContain("typedef ac_fixed<8, 4, true> a_product_t; // exact");
  });

  it("never take over a corner in which the libraries differ", () => {
    const oneBit = (dialect: Dialect) => register(fixedPoint(1, 0), "nearest", "saturate-symmetric", 0, dialect);
    expect(libraryModes(oneBit("sc"), "ap")).toHaveProperty("lacks");
    expect(libraryModes(oneBit("ap"), "ac")).not.toHaveProperty("lacks");
    const unsigned = (dialect: Dialect) => register(fixedPoint(4, 0, false), "nearest", "wrap", 1, dialect);
    expect(libraryModes(unsigned("ap"), "sc")).toHaveProperty("lacks");
    expect(libraryModes(unsigned("sc"), "sc")).not.toHaveProperty("lacks");
    const mirrored = (dialect: Dialect) => register(fixedPoint(4, 0), "nearest", "wrap-sign-magnitude", 0, dialect);
    expect(libraryModes(mirrored("sc"), "ap")).toHaveProperty("lacks");
  });
});
