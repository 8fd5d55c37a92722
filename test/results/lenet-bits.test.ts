/** What `macroscope bits --target 0.99` found for the bundled LeNet, held against the test digits again. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AssignmentSpecification } from "../../compiler/quantization/specification.ts";
import { resolveConfiguration } from "../../runtime/configuration.ts";
import { openStudy } from "../../runtime/session/study/study.ts";

interface Found {
  readonly assignment: AssignmentSpecification;
  readonly digest: string;
  readonly storedBits: number;
  readonly energyPjPerImage: number;
}

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), "utf8");
const { chosen, uniform } = JSON.parse(read("lenet-bits.json")) as { readonly chosen: Found; readonly uniform: Found };

describe("the word lengths found for LeNet", () => {
  it("keep 0.99 of float on 1,000 test digits, with less energy and fewer stored bits than the best uniform format", async () => {
    const study = await openStudy(resolveConfiguration({ workers: 2 }));
    try {
      const candidate = { assignment: chosen.assignment, layers: null };
      const { accuracy, digest } = await study.evaluate(candidate, { first: 0, images: 1000 });
      expect(digest).toBe(chosen.digest);
      expect(accuracy?.relative).toBeGreaterThanOrEqual(0.99);
      for (const { assignment, storedBits, energyPjPerImage } of [chosen, uniform]) {
        expect(study.cost({ assignment, layers: null })).toMatchObject({ storedBits, energyPjPerImage });
      }
      expect(chosen.storedBits).toBeLessThan(uniform.storedBits);
      expect(chosen.energyPjPerImage).toBeLessThan(uniform.energyPjPerImage);
    } finally {
      await study.close();
    }
  });

  it("are those in the README", () => {
    const bits = new Intl.NumberFormat("en-US").format;
    expect(read("../../README.md")).toContain(`${bits(chosen.storedBits)} `);
    expect(read("../../README.md")).toContain(` ${bits(uniform.storedBits)} `);
  });
});
