import { describe, expect, it } from "vitest";
import { withExperiments } from "./lenet-experiments.ts";

describe("the document with the experiments", () => {
  const text = "a\n<!-- results: start -->\nkept\n<!-- end -->\n<!-- experiments: start -->\nold\n<!-- end -->\nb\n";

  it("has them between its marks, and all else as it was", () => {
    expect(withExperiments(text, "$1 new")).toBe(text.replace("old", () => "$1 new"));
    expect(withExperiments(text.replace("old\n", ""), "old")).toBe(text);
  });

  it("without marks is refused", () => {
    expect(() => withExperiments("nothing", "new")).toThrow("no place for the experiments");
  });
});
