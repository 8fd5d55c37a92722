import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { IS_SUITE_PRESENT, isClaimed, NOT_COVERED_CASES, runCase, suiteCases } from "./onnx-node-suite.ts";
import { fillReadme } from "./onnx-operator-table.ts";

const README = fileURLToPath(new URL("../../../compiler/importers/onnx/README.md", import.meta.url));
const REGENERATE = "UPDATE=1 npx vitest run test/compiler/importers/onnx-node-suite.test.ts";

const CASES = suiteCases();
const CLAIMED = CASES.filter(isClaimed);
const COVERED = CLAIMED.filter(({ name }) => !NOT_COVERED_CASES.has(name));

// Skipped where the Debian package libonnx-testdata is not installed.
describe.runIf(IS_SUITE_PRESENT)("ONNX's backend suite", () => {
  it("is there", () => {
    expect(CASES.length).toBeGreaterThan(1000);
    expect(COVERED.length).toBeGreaterThan(450);
  });

  it.each(COVERED.map((entry) => [entry.name, entry] as const))("%s", (_name, entry) => {
    runCase(entry);
  });

  it("what is said not to be covered is claimed, and fails indeed", () => {
    const claimed = new Map(CLAIMED.map((entry) => [entry.name, entry]));
    for (const name of NOT_COVERED_CASES.keys()) {
      const entry = claimed.get(name);
      expect(entry, name).toBeDefined();
      if (entry !== undefined) expect(() => runCase(entry), name).toThrow();
    }
  });

  it(`the importer's README holds the table (to write it: ${REGENERATE})`, () => {
    const found = readFileSync(README, "utf8");
    const wanted = fillReadme(found, CASES);
    if (process.env.UPDATE === "1") writeFileSync(README, wanted);
    else expect(found, `the table is out of date; run ${REGENERATE}`).toBe(wanted);
  });
});
