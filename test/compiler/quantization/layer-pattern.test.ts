import { expect, test } from "vitest";
import {
  literalLength,
  matchesPattern,
  selectKeys,
  selectLayers,
} from "../../../compiler/quantization/layer-pattern.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";

const LAYERS = ["conv1", "conv2", "fc1", "inception_3a/1x1", "inception_3a/pool/proj", "inception_3b/1x1"];

function codes(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics.map(({ code, hint }) => `${code}: ${hint}`);
    throw error;
  }
  return [];
}

test("one star stays within a path segment, two cross segments", () => {
  expect(matchesPattern("inception_3*/*", "inception_3a/1x1")).toBe(true);
  expect(matchesPattern("inception_3*/*", "inception_3a/pool/proj")).toBe(false);
  expect(matchesPattern("inception_3*/**", "inception_3a/pool/proj")).toBe(true);
  expect(matchesPattern("**", "inception_3a/pool/proj")).toBe(true);
  expect(matchesPattern("*", "inception_3a/pool")).toBe(false);
});

test("every other character stands for itself", () => {
  expect(matchesPattern("conv.", "conv1")).toBe(false);
  expect(matchesPattern("a+b(c)[d]|^$", "a+b(c)[d]|^$")).toBe(true);
  expect(matchesPattern("conv?", "conv1")).toBe(false);
});

test("an exact name wins over any pattern, then the longest literal text", () => {
  expect(literalLength("inception_3*/**")).toBe(12);
  const selected = selectKeys(["conv*", "conv2", "**", "inception_3a/**"], LAYERS, "spec");
  expect(Object.fromEntries(selected)).toEqual({
    conv1: "conv*",
    conv2: "conv2",
    fc1: "**",
    "inception_3a/1x1": "inception_3a/**",
    "inception_3a/pool/proj": "inception_3a/**",
    "inception_3b/1x1": "**",
  });
});

test("two patterns of equal rank on one layer are an error that names both", () => {
  expect(() => selectKeys(["conv*", "*onv1"], LAYERS, "spec")).toThrow(/PATTERN_TIE.*"conv1".*"conv\*" and "\*onv1"/);
  expect(codes(() => selectKeys(["conv*", "*onv1", "conv1"], LAYERS, "spec"))).toEqual([]);
});

test("a key that matches no layer is an error that names the nearest layers", () => {
  expect(codes(() => selectKeys(["cnov1", "conv*"], LAYERS, "spec"))).toEqual([
    'UNKNOWN_LAYER: the nearest layers are "conv1", "conv2"',
  ]);
  expect(codes(() => selectKeys(["zzzzzzzzz*"], LAYERS, "spec"))[0]).toContain("UNKNOWN_LAYER");
});

test("a selection is every layer that any of its patterns matches, each once and in the layers' order", () => {
  expect(selectLayers(["inception_3a/**", "conv2", "conv*"], LAYERS, "--layers")).toEqual([
    "conv1",
    "conv2",
    "inception_3a/1x1",
    "inception_3a/pool/proj",
  ]);
  expect(selectLayers([], LAYERS, "--layers")).toEqual([]);
  expect(() => selectLayers(["conv1", "cnov2"], LAYERS, "--layers")).toThrow(
    /UNKNOWN_LAYER.*--layers: "cnov2".*"conv2"/,
  );
});
