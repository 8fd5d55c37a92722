/** The importer's README promises of every operator what a run keeps. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { INTEGER_DOMAIN, WORDS_DOMAIN } from "../../../compiler/legalisation/own-domains.ts";
import { LEGALISATION_RULES } from "../../../compiler/legalisation/rules/table.ts";
import { OPERATOR_NAMES } from "../../../compiler/tensor-graph/operators/table.ts";
import { isTried, machinePlace } from "./machine-operators.ts";

const README = readFileSync(
  fileURLToPath(new URL("../../../compiler/importers/onnx/README.md", import.meta.url)),
  "utf8",
);
const REGENERATE = "npm run operators";

/** Operator and place on the machine of every row. */
const ROWS = new Map(
  [...README.matchAll(/^\| `([^`]+)` \| ([^|]*?) \|/gm)].map(([, name = "", place = ""]) => [name, place]),
);

/** Of operators that no file has: what recognised integer and quantized layers become. */
const OWN_DOMAINS = [INTEGER_DOMAIN, WORDS_DOMAIN];

describe("operators on the machine", () => {
  it.each(OPERATOR_NAMES)("%s", (name) => {
    expect(ROWS.get(name), `the table is out of date; run ${REGENERATE}`).toBe(machinePlace(name));
  });

  it("every operator with a rule of its own runs in its smallest network", () => {
    const without = Object.keys(LEGALISATION_RULES).filter(
      (name) => !OWN_DOMAINS.some((domain) => name.startsWith(`${domain}.`)) && machinePlace(name) === "–",
    );
    expect(without).toEqual([]);
  });

  it("operators with inputs or settings of their own are tried with them", () => {
    expect(["Conv", "Gemm", "TopK", "QLinearConv", "LSTM"].every(isTried)).toBe(true);
  });
});
