/** The passes between importers and quantization, in their order. */

import { type ChannelExponents, equalizeChannels } from "./equalization/equalize-channels.ts";
import type { Graph } from "./graph/graph.ts";
import { requireStage } from "./graph/stages.ts";
import { decomposeLrn } from "./passes/decompose-lrn.ts";
import { foldBatchNormalization, separateBatchNormalization } from "./passes/fold-batch-normalization.ts";
import { foldConstants } from "./passes/fold-constants.ts";
import { foldPadding } from "./passes/fold-padding.ts";
import { fuseActivation } from "./passes/fuse-activation.ts";
import { fuseBias } from "./passes/fuse-bias.ts";
import { fuseFlatten } from "./passes/fuse-flatten.ts";
import { normalizeFunctions } from "./passes/normalize-functions.ts";
import { placeQuantizers } from "./passes/place-quantizers.ts";
import { removeUnused } from "./passes/remove-unused.ts";
import { simplifyQuantizers } from "./passes/simplify-quantizers.ts";
import { simplifyReshapes } from "./passes/simplify-reshapes.ts";
import { simplifyViews } from "./passes/simplify-views.ts";

type Pass = (graph: Graph) => Graph;

/** `fold`: into the weights of a layer beside it where one takes it. `separate`: always a scale and shift of its own. */
export const BATCH_NORMALIZATION_MODES = ["fold", "separate"] as const;
export type BatchNormalizationMode = (typeof BATCH_NORMALIZATION_MODES)[number];

/**
 * In order; each takes and yields a graph and knows no other. Folding opens reshapes and padding to each other, so those
 * come again.
 */
export const PASSES: Readonly<Record<BatchNormalizationMode, readonly Pass[]>> = {
  fold: passes(foldBatchNormalization),
  separate: passes(separateBatchNormalization),
};

function passes(normalization: Pass): readonly Pass[] {
  return [
    removeUnused,
    foldConstants,
    normalizeFunctions,
    decomposeLrn,
    simplifyReshapes,
    simplifyViews,
    simplifyReshapes,
    simplifyQuantizers,
    fuseFlatten,
    removeUnused,
    foldPadding,
    normalization,
    simplifyReshapes,
    foldPadding,
    fuseBias,
    fuseActivation,
    simplifyReshapes,
    fuseFlatten,
    removeUnused,
  ];
}

/** Graphs that `prepareGraph` gave: nothing changes a graph, so that whoever compiles one again and again waits but once. */
const lowerable = new WeakSet<Graph>();

/**
 * The graph as lowering takes it: the one whose values a calibration measures and whose nodes a user assigns formats to.
 * A prepared graph stays as it is. Throws `DiagnosticError` with everything wrong in the graph.
 */
export function prepareGraph(
  graph: Graph,
  where = "model",
  batchNormalization: BatchNormalizationMode = "fold",
): Graph {
  if (lowerable.has(graph)) return graph;
  requireStage(graph, "imported", where);
  const prepared = requireStage(placeQuantizers(runPasses(graph, batchNormalization)), "lowerable", where);
  lowerable.add(prepared);
  return prepared;
}

/** Graphs that `equalizedGraph` gave: their channels are scaled already. */
const equalized = new WeakSet<Graph>();

/** A prepared graph with channels scaled; one that was scaled so before stays as it is. Throws `DiagnosticError` EQUALIZE. */
export function equalizedGraph(prepared: Graph, exponents: ChannelExponents, where?: string): Graph {
  if (equalized.has(prepared)) return prepared;
  const graph = equalizeChannels(prepared, exponents, where);
  if (graph !== prepared) {
    equalized.add(graph);
    lowerable.add(graph);
  }
  return graph;
}

/** The passes over and over, until a round leaves every node in its place: then another would change nothing. */
export function runPasses(graph: Graph, batchNormalization: BatchNormalizationMode): Graph {
  let current = graph;
  for (;;) {
    const next = PASSES[batchNormalization].reduce((changing, pass) => pass(changing), current);
    if (sameNodes(current, next)) return next;
    current = next;
  }
}

function sameNodes({ nodes }: Graph, { nodes: others }: Graph): boolean {
  return (
    nodes.length === others.length &&
    nodes.every((node, index) => {
      const other = others[index];
      return node.op === other?.op && node.name === other.name && node.inputs.join("\n") === other.inputs.join("\n");
    })
  );
}
