/**
 * How large a network and its program may be. A file of a hundred bytes can ask for a thousand million words; whoever means it
 * raises the limit, everyone else is told within seconds.
 */
import { type Diagnostic, DiagnosticError, diagnosticError } from "../isa/diagnostic.ts";
import type { Graph } from "./graph/graph.ts";
import { elementCount, formatShape } from "./graph/shape.ts";

export interface SizeLimits {
  /** Words of one value between layers, for one image. */
  readonly words: number;
  /** Multiply-accumulates of a layer, or steps of its pooling windows, for one image. */
  readonly macs: number;
  /** Instructions of a program. */
  readonly instructions: number;
}

/** ResNet-152's largest value has 803 thousand words, its largest layer 118 million MACs, its program 149 thousand instructions. */
export const DEFAULT_LIMITS: SizeLimits = { words: 2 ** 26, macs: 2 ** 36, instructions: 2 ** 18 };

/** Throws `DiagnosticError` SIZE with every value and layer beyond the limits; sizes are computed, nothing is allocated. */
export function requireSizes(graph: Graph, limits: SizeLimits, where: string): void {
  const found: Diagnostic[] = [];
  for (const { name, shape } of [graph.input, ...graph.nodes]) {
    const words = elementCount(shape);
    if (words > limits.words) {
      found.push(
        ...tooLarge(`${where}: "${name}"`, `${formatShape(shape)} has ${words} words`, "words", limits).diagnostics,
      );
    }
  }
  for (const node of graph.nodes) {
    const macs = stepsOf(node) * elementCount(node.shape);
    if (macs > limits.macs) {
      found.push(
        ...tooLarge(`${where}: "${node.name}"`, `${macs} multiplications or window steps`, "macs", limits).diagnostics,
      );
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
}

/** Steps of one output element. */
function stepsOf(node: Graph["nodes"][number]): number {
  if (node.op === "conv2d" || node.op === "dense" || node.op === "convTranspose2d") {
    return elementCount(node.kernel.shape.slice(0, -1));
  }
  if (node.op === "pool") return elementCount(node.kernel);
  return 1;
}

/** A diagnostic that names the limit and the option that raises it. */
export function tooLarge(where: string, what: string, limit: keyof SizeLimits, limits: SizeLimits): DiagnosticError {
  return diagnosticError(
    "SIZE",
    where,
    `${what}, more than the limit of ${limits[limit]}`,
    `if that is meant, raise it: --limit-${limit}`,
  );
}
