/** Result files are hostile: whatever stands in them is a result, or a diagnostic that says where and what. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError, formatDiagnostic } from "../../../isa/diagnostic.ts";
import { reportPage } from "../../../runtime/report/html/page.ts";
import { checkedResult, parseResult } from "../../../runtime/results/result.ts";
import { RESULT_LIMITS } from "../../../runtime/results/result-schemas.ts";
import { DIAGNOSTIC_LINE } from "../cli/invoke.ts";
import { SAMPLES } from "../report/sample-results.ts";

/** The lines of the diagnostic, or none where the text is a result. */
function refusal(json: string): readonly string[] {
  try {
    parseResult(json, "result.json");
    return [];
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics.map(formatDiagnostic);
    throw error;
  }
}

describe("a result file", () => {
  it.each(Object.keys(SAMPLES))("%s is read back as it was written", (name) => {
    const json = SAMPLES[name] ?? "";
    expect(JSON.parse(JSON.stringify(parseResult(json, "result.json")))).toEqual(JSON.parse(json));
  });

  it("of an older run without histograms and classes is read", () => {
    const old = JSON.parse(SAMPLES.run ?? "");
    delete old.classes;
    for (const layer of old.layers) {
      delete layer.noise;
      for (const register of Object.values<Record<string, unknown>>(layer.registers)) {
        for (const field of ["histogram", "unusedLowBits", "expectedRoundingError"]) delete register[field];
      }
    }
    const result = parseResult(JSON.stringify(old), "result.json");
    expect(reportPage([{ name: "old", file: null, result }], "0.0.0").html).toContain("Bits needed");
  });

  it.each([
    ["nothing", "", "not JSON"],
    ["no JSON", "{", "not JSON"],
    ["a number", "12", 'no "schema"'],
    ["null", "null", 'no "schema"'],
    ["a list", "[]", 'no "schema"'],
    ["no schema", "{}", 'no "schema"'],
    ["another schema", '{"schema":"macroscope/compile/1"}', '"macroscope/compile/1" is not known'],
    ["a newer schema", '{"schema":"macroscope/run/2"}', "macroscope/run/1"],
    ["a schema that is no text", '{"schema":{"a":1}}', "is not known"],
    ["a prototype's name", '{"schema":"__proto__"}', "is not known"],
    ["only a schema", '{"schema":"macroscope/run/1"}', "configuration"],
    ["deep nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, "nested more than 64 deep"],
  ])("%s is refused", (_name, json, words) => {
    const lines = refusal(json);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatch(DIAGNOSTIC_LINE);
    expect(lines.join("\n")).toContain(words);
  });

  it.each([
    ["a share above one", "accuracy.fixed", 1.5],
    ["an infinite number", "cycles.total", "1e999"],
    ["a text for a count", "images", "many"],
    ["a long text", "model", "x".repeat(RESULT_LIMITS.text + 1)],
    ["a missing list", "layers", null],
    [
      "too many registers",
      "layers.0.registers",
      Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`r${i}`, {}])),
    ],
  ])("%s names its place", (_name, path, value) => {
    const run = JSON.parse(SAMPLES.run ?? "");
    const keys = path.split(".");
    const last = keys.pop() ?? "";
    const place = keys.reduce((found, key) => found[key], run);
    place[last] = value;
    const lines = refusal(JSON.stringify(run).replace('"1e999"', "1e999"));
    expect(lines[0]).toContain(`result.json: ${path}`);
  });

  it("has as many values as are looked at, and no more", () => {
    const many = { schema: "macroscope/run/1", extra: Array.from({ length: 1000 }, () => new Array(5001).fill(0)) };
    expect(() => checkedResult(many, "many.json")).toThrow("more than 5000000 values");
  });
});

describe("a damaged result", () => {
  /** Values that a file may hold where another stood. */
  const damage = fc.oneof(
    fc.constantFrom(
      null,
      true,
      -1,
      0,
      1e300,
      -1e300,
      2 ** 53,
      0.5,
      "",
      "__proto__",
      "<b>",
      [],
      {},
      "64,-128 x y",
      "u1,0",
    ),
    fc.string({ unit: "binary" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(fc.integer(), { maxLength: 4 }),
  );

  it.each(Object.keys(SAMPLES))(
    "%s with a value changed is a page or a diagnostic",
    (name) => {
      const json = SAMPLES[name] ?? "";
      fc.assert(
        fc.property(fc.array(fc.nat(2 ** 31), { minLength: 1, maxLength: 8 }), damage, (way, value) => {
          const result = JSON.parse(json);
          let place = result;
          for (const [depth, turn] of way.entries()) {
            const keys = Object.keys(place);
            const key = keys[turn % keys.length];
            if (key === undefined) break;
            if (depth === way.length - 1 || typeof place[key] !== "object" || place[key] === null) {
              place[key] = value;
              break;
            }
            place = place[key];
          }
          const damaged = JSON.stringify(result);
          if (refusal(damaged).length > 0) return;
          const page = reportPage([{ name: "damaged", file: "x", result: parseResult(damaged, "x") }], "0.0.0");
          expect(page.html).toMatch(/<\/html>\n$/);
          expect(page.html).not.toContain("NaN");
        }),
        { numRuns: process.env.MACROSCOPE_LONG === "1" ? 60 : 8 },
      );
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
    120_000,
  );
});
