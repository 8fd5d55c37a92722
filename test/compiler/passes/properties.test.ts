/** Every pass, alone and in a row, leaves what the graph computes as it was. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { inferShapes } from "../../../compiler/graph/infer-shapes.ts";
import { requireStage } from "../../../compiler/graph/stages.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { decomposeLrn } from "../../../compiler/passes/decompose-lrn.ts";
import { foldBatchNormalization } from "../../../compiler/passes/fold-batch-normalization.ts";
import { foldConstants } from "../../../compiler/passes/fold-constants.ts";
import { foldPadding } from "../../../compiler/passes/fold-padding.ts";
import { fuseActivation } from "../../../compiler/passes/fuse-activation.ts";
import { fuseBias } from "../../../compiler/passes/fuse-bias.ts";
import { fuseFlatten } from "../../../compiler/passes/fuse-flatten.ts";
import { normalizeFunctions } from "../../../compiler/passes/normalize-functions.ts";
import { removeUnused } from "../../../compiler/passes/remove-unused.ts";
import { simplifyReshapes } from "../../../compiler/passes/simplify-reshapes.ts";
import { simplifyViews } from "../../../compiler/passes/simplify-views.ts";
import { type BatchNormalizationMode, runPasses } from "../../../compiler/prepare-graph.ts";
import { graphWithInput } from "../../arbitraries/graph.ts";
import { evaluateAllValues } from "../../oracles/graph-float.ts";

const MODES: readonly BatchNormalizationMode[] = ["fold", "separate"];

const PASSES: Readonly<Record<string, (graph: Graph) => Graph>> = {
  foldConstants,
  simplifyReshapes,
  foldBatchNormalization,
  fuseBias,
  foldPadding,
  fuseActivation,
  decomposeLrn,
  normalizeFunctions,
  simplifyViews,
  fuseFlatten,
  removeUnused,
};

const runs = { numRuns: 600 };

/** Outputs agree to 1e-4 of the largest value anywhere in the graph. */
function expectSameResult(before: Graph, after: Graph, input: ArrayLike<number>): void {
  const beforeValues = evaluateAllValues(before, input);
  const expected = beforeValues.get(before.output);
  const actual = evaluateAllValues(after, input).get(after.output);
  let scale = 1;
  for (const { data } of beforeValues.values()) for (const value of data) scale = Math.max(scale, Math.abs(value));
  expect(actual?.shape).toEqual(expected?.shape);
  const differences = (expected?.data ?? []).map((value, index) => Math.abs(value - (actual?.data[index] ?? Infinity)));
  expect(Math.max(...differences)).toBeLessThanOrEqual(1e-4 * scale);
}

describe.each(Object.entries(PASSES))("%s", (_name, pass) => {
  it("leaves the result equal to 1e-4 and the graph well-formed", () => {
    fc.assert(
      fc.property(graphWithInput(), ({ graph, input }) => {
        const after = pass(graph);
        expect(verifyGraph(after, "after the pass")).toEqual([]);
        expectSameResult(graph, after, input);
      }),
      runs,
    );
  });

  it("does nothing the second time, once unused nodes are gone", () => {
    fc.assert(
      fc.property(graphWithInput(), ({ graph }) => {
        const once = removeUnused(pass(graph));
        expect(removeUnused(pass(once))).toEqual(once);
      }),
      runs,
    );
  });
});

describe("the passes in any order", () => {
  it("leave the result equal to 1e-4", () => {
    const order = fc.shuffledSubarray(Object.keys(PASSES), { minLength: 7 });
    fc.assert(
      fc.property(graphWithInput(), order, ({ graph, input }, names) => {
        const after = names.reduce((current, name) => PASSES[name]?.(current) ?? current, graph);
        expect(verifyGraph(after, "after the passes")).toEqual([]);
        expectSameResult(graph, after, input);
      }),
      runs,
    );
  });

  it("leave a graph that can be lowered, unless a constant cannot be folded", () => {
    fc.assert(
      fc.property(graphWithInput(), ({ graph }) => {
        const after = Object.values(PASSES).reduce((current, pass) => pass(current), graph);
        expect(after.nodes.map(({ op }) => op)).not.toContain("batchNormalization");
        if (after.nodes.every(({ op }) => op !== "constant")) requireStage(after, "lowerable", "after the passes");
      }),
      runs,
    );
  });
});

describe("the passes in the order in which one prepares for the next", () => {
  const prepare = runPasses;

  it("leave nothing to do for a second time", () => {
    fc.assert(
      fc.property(graphWithInput({ maximumSteps: 10 }), fc.constantFrom(...MODES), ({ graph, input }, mode) => {
        const once = prepare(graph, mode);
        expectSameResult(graph, once, input);
        expect(prepare(once, mode)).toEqual(once);
      }),
      { numRuns: process.env.MACROSCOPE_LONG === "1" ? 8000 : 1000 },
    );
  });
});

describe("shape inference", () => {
  it("finds the shapes that nested loops find", () => {
    fc.assert(
      fc.property(graphWithInput(), ({ graph, input }) => {
        const blank = {
          ...graph,
          nodes: graph.nodes.map((node) => (node.op === "reshape" ? node : { ...node, shape: [] })),
        };
        const inferred = inferShapes(blank, "test");
        expect(inferred).toEqual(graph);
        const values = evaluateAllValues(graph, input);
        for (const { name, shape } of inferred.nodes) {
          const value = values.get(name);
          expect(value?.shape).toEqual(shape);
          expect(value?.data.length).toBe(shape.reduce((a, b) => a * b, 1));
        }
      }),
      runs,
    );
  });
});
