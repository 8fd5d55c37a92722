/** Formats of other tools: taken with their meaning there, or answered with the line to write. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAnyFormat, parseForeignFormat, withOwnFormat } from "../../../compiler/quantization/format-notations.ts";
import { parseAssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { formatText, parseFormat } from "../../../isa/numerics/format.ts";
import { parseYaml } from "../../../runtime/configuration.ts";
import { formats } from "../../arbitraries/numerics.ts";

describe("formats of other tools", () => {
  it.each([
    ["ap_fixed<16,6>", { format: "16,10", rounding: "down", overflow: "wrap", dialect: "ap" }],
    [
      "ap_fixed<16, 6, AP_RND, AP_SAT>",
      { format: "16,10", rounding: "nearest-up", overflow: "saturate", dialect: "ap" },
    ],
    ["ap_ufixed<8,0>", { format: "u8,8", rounding: "down", overflow: "wrap", dialect: "ap" }],
    ["fixed<16,6,RND,SAT>", { format: "16,10", rounding: "nearest-up", overflow: "saturate", dialect: "ap" }],
    ["fixed<16,6,RND_CONV,WRAP,2>", { format: "16,10", rounding: "nearest-even", overflow: "wrap:2", dialect: "ap" }],
    ["ufixed<8,-2,TRN_ZERO>", { format: "u8,10", rounding: "zero", overflow: "wrap", dialect: "ap" }],
    ["ap_int<8>", { format: "8,0", rounding: "down", overflow: "wrap", dialect: "ap" }],
    ["ap_uint<8>", { format: "u8,0", rounding: "down", overflow: "wrap", dialect: "ap" }],
    [
      "sc_fixed<12,4,SC_RND_CONV,SC_SAT>",
      { format: "12,8", rounding: "nearest-even", overflow: "saturate", dialect: "sc" },
    ],
    ["sc_ufixed<12,4>", { format: "u12,8", rounding: "down", overflow: "wrap", dialect: "sc" }],
    ["sc_fixed_fast<12,4>", { format: "12,8", rounding: "down", overflow: "wrap", dialect: "sc" }],
    [
      "ac_fixed<16,6,true,AC_RND,AC_SAT>",
      { format: "16,10", rounding: "nearest-up", overflow: "saturate", dialect: "ac" },
    ],
    ["ac_fixed<16,6,false>", { format: "u16,10", rounding: "down", overflow: "wrap", dialect: "ac" }],
    ["ac_int<8,false>", { format: "u8,0", rounding: "down", overflow: "wrap", dialect: "ac" }],
    ["sfix16_En8", { format: "16,8" }],
    ["ufix8_En4", { format: "u8,4" }],
    ["sfix16", { format: "16,0" }],
    ["sfix8_E3", { format: "8,-3" }],
    ["fixdt(1,16,8)", { format: "16,8" }],
    ["numerictype(0, 16, 8)", { format: "u16,8" }],
    ["sfixed(7 downto -8)", { format: "16,8" }],
    ["ufixed(3 DOWNTO -4)", { format: "u8,4" }],
    ["sfixed(-1 downto -8)", { format: "8,8" }],
    ["UQ4.4", { format: "u8,4" }],
    ["Q0.15", { format: "16,15" }],
    ["Q.31", { format: "32,31" }],
    ["int8", { format: "8,0" }],
    ["uint8_t", { format: "u8,0" }],
    ["(16,8)", { format: "16,8" }],
    ["16, 8", { format: "16,8" }],
    ["( u8 , 4 )", { format: "u8,4" }],
  ])("%s is %j", (format, fields) => {
    expect(withOwnFormat({ format }, "--format")).toEqual(fields);
    expect(formatText(parseAnyFormat(format, "--to"))).toBe(fields.format);
  });

  it.each([
    ["Q4.4", "write 8,4 or 9,4"],
    ["q1.15", "write 16,15 or 17,15"],
    ["Q15", "write W,F, e.g. 16,15"],
    ["UQ8", "write W,F, e.g. u16,8"],
    ["16.8", "write 16,8"],
    ["16:8", "write 16,8"],
    ["<16,6>", "write 16,6 for 6 fraction bits, or fixed<16,6> for 6 integer bits"],
    ["ap_fixed<16>", "write e.g. ap_fixed<16,6,AP_RND,AP_SAT>"],
    ["ap_fixed(16,6)", "expected"],
    ["fixed<16,6", "write e.g. fixed<16,6,RND,SAT>"],
    ["ap_ufixed", "write e.g. ap_ufixed<16,6,AP_RND,AP_SAT>"],
    ["ac_fixed<16,6,maybe>", "write e.g. ac_fixed<16,6,true,AC_RND,AC_SAT>"],
    ["ac_ufixed<16,6>", "write e.g. ac_fixed<16,6,true,AC_RND,AC_SAT>"],
    ["ap_fixed<16,6,AP_ROUND>", "use TRN, TRN_ZERO, RND_INF"],
    ["ap_fixed<16,6,AP_RND,AP_CLIP>", "use SAT, SAT_SYM, SAT_ZERO, WRAP, WRAP_SM"],
    ["ap_fixed<16,6,AP_RND,AP_SAT,2>", "leave it out"],
    ["ap_fixed<99,6>", "the nearest legal value is 64"],
    ["sfixed(-8 downto 7)", "write the higher index first"],
    ["sfix0_En8", "the nearest legal value is 1"],
  ])("%s is answered: %s", (text, hint) => {
    const read = (): unknown => parseAnyFormat(text, "--format");
    if (hint === "expected") expect(read).toThrow(/error\[FORMAT\] --format: .*; write /);
    else expect(read).toThrow(hint);
  });

  it.each(["16,8", "u8,4", "8,-3", "16,auto", "exact", "float", "ap"])("%s is none of them, or the same", (text) => {
    const foreign = parseForeignFormat(text, "here");
    if (foreign !== null) expect(formatText(foreign.format)).toBe(text);
  });

  it("say the same format in every notation that can hold it", () => {
    fc.assert(
      fc.property(formats(), (format) => {
        const { wordLength, fractionLength, signed } = format;
        const [integer, unsigned] = [wordLength - fractionLength, signed ? "" : "u"];
        const exponent = fractionLength < 0 ? `E${-fractionLength}` : `En${fractionLength}`;
        const notations = [
          `ap_${unsigned}fixed<${wordLength},${integer}>`,
          `ac_fixed<${wordLength},${integer},${signed}>`,
          `${signed ? "s" : "u"}fix${wordLength}_${exponent}`,
          `${signed ? "s" : "u"}fixed(${integer - 1} downto ${-fractionLength + 0})`,
          `fixdt(${signed ? 1 : 0},${wordLength},${fractionLength})`,
          `(${formatText(format)})`,
        ];
        for (const text of notations) expect(parseAnyFormat(text, "here"), text).toEqual(format);
        expect(parseAnyFormat(formatText(format), "here")).toEqual(parseFormat(formatText(format)));
      }),
    );
  });
});

describe("modes beside a format that has modes", () => {
  const type = "ap_fixed<16,6,AP_RND,AP_SAT>";
  it("may say the same", () => {
    const fields = { format: type, rounding: "nearest-up", overflow: "saturate" };
    expect(withOwnFormat(fields, "here")).toEqual({ ...fields, format: "16,10", dialect: "ap" });
  });

  it("win over what the type only defaults to", () => {
    const fields = withOwnFormat({ format: "ap_fixed<16,6>", rounding: "nearest", dialect: "sc" }, "here");
    expect(fields).toEqual({ format: "16,10", rounding: "nearest", overflow: "wrap", dialect: "sc" });
  });

  it.each([{ rounding: "nearest" }, { overflow: "wrap" }, { dialect: "sc" }])(
    "must not contradict it: %j",
    (beside) => {
      expect(() => withOwnFormat({ format: type, ...beside }, "here")).toThrow(
        /error\[FORMAT\] here: .*; write 16,10 with/,
      );
    },
  );
});

describe("formats in an assignment", () => {
  const read = (yaml: string): unknown => parseAssignmentSpecification(parseYaml(yaml, "file.yaml"), "file.yaml");

  it("are taken for layers and registers, with their modes", () => {
    const yaml = `
default: { format: 'fixed<16,6>', datapath: wide }
layers:
  conv1:
    weight: sfix8_En6
    bias: 8,4
    output: { format: "ac_fixed<8,4,true,AC_RND>", overflow: saturate }
`;
    expect(read(yaml)).toEqual({
      default: { format: "16,10", datapath: "wide", rounding: "down", overflow: "wrap", dialect: "ap" },
      layers: {
        conv1: {
          weight: "8,6",
          bias: "8,4",
          output: { format: "8,4", rounding: "nearest-up", overflow: "saturate", dialect: "ac" },
        },
      },
    });
  });

  it.each([
    ["default: { format: 8,4 }", /file\.yaml: default: .*write formats in quotation marks: \{ format: "8,4" \}/],
    ["default: { format: u8,auto }", /\{ format: "u8,auto" \}/],
    ["layers: { conv1: { weight: 8,-1 } }", /layers\.conv1: .*\{ weight: "8,-1" \}/],
    ["layers: { conv1: { weight: { format: 8,4 } } }", /layers\.conv1\.weight: .*\{ format: "8,4" \}/],
    [
      "layers: { conv1: { weight: 8,4, bias: 8,5 } }",
      /write formats in quotation marks: \{ weight: "8,4", bias: "8,4" \}/,
    ],
    [
      "layers: { conv1: { weight: 8,4, bias: 8,4 } }",
      /error\[YAML\].*write each key once, and formats in quotation marks/,
    ],
    ["default: { format: 8 }", /found the number 8, expected a format; write W,F in quotation marks, e\.g\. "8,4"/],
    ["default: { format: 16.8 }", /e\.g\. "16,8"/],
    ["default: { lookupBits: 2.5 }", /error\[ASSIGNMENT\] file\.yaml: default\.lookupBits: (?!found the number)/],
    ["default: { format: 'Q4.4' }", /error\[FORMAT\] file\.yaml: default: .*write 8,4 or 9,4/],
  ])("%s is answered", (yaml, message) => {
    expect(() => read(yaml)).toThrow(message);
  });

  it("are answered once", () => {
    expect(() => read("default: { format: 8,4 }")).toThrow(/^error[^\n]*$/);
  });
});
