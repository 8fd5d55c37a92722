/** The published entry, as a user of the package imports it (built by `npm run build`). */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

it("macroscope/testing gives arbitraries and laws to plain JavaScript", () => {
  const script = `
    import { roundingUnitLaws } from "macroscope/testing";
    const floor = (raw, bits) => raw >> BigInt(bits);
    for (const { check } of roundingUnitLaws(floor, "down")) check({ numRuns: 50 });
    try {
      for (const { check } of roundingUnitLaws(floor, "up")) check({ numRuns: 50 });
    } catch (error) {
      console.log(String(error).includes("Counterexample"));
    }`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(printed).toBe("true\n");
});
