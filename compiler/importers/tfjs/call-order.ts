/** Brings the uses of a functional model's layers into an order in which every value is there before it is read. */
import { DiagnosticError, diagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import type { ValueReference } from "./inbound-nodes.ts";

/** One use of a layer, or of a model within the model. */
export interface Call {
  readonly name: string;
  readonly className: string;
  readonly ordinal: number;
  readonly inputs: readonly ValueReference[];
}

/**
 * The file's own order wherever it allows. Throws `DiagnosticError` for a reference to no layer or use, and for layers
 * that read each other in a circle.
 */
export function callOrder<Use extends Call>(
  uses: readonly Use[],
  inputs: readonly ValueReference[],
  outputs: readonly ValueReference[],
  where: string,
): readonly Use[] {
  const byKey = new Map(uses.map((use) => [key({ layer: use.name, use: use.ordinal }), use]));
  const given = new Set(inputs.map(key));
  const names = [...inputs.map(({ layer }) => layer), ...uses.map(({ name }) => name)];
  requireKnown(outputs, `${where}.output_layers`);
  for (const use of uses) requireKnown(use.inputs, `${where}: layer "${use.name}" (${use.className})`);

  const ordered: Use[] = [];
  const state = new Map<string, "open" | "done">(inputs.map((input) => [key(input), "done"]));
  for (const start of byKey.keys()) {
    // Depth-first with a stack of its own: models may be deeper than the call stack.
    const stack = [start];
    for (let current = stack.at(-1); current !== undefined; current = stack.at(-1)) {
      const use = byKey.get(current);
      if (use === undefined || state.get(current) === "done") {
        stack.pop();
        continue;
      }
      state.set(current, "open");
      const next = use.inputs.map(key).find((name) => state.get(name) !== "done");
      if (next === undefined) {
        state.set(current, "done");
        ordered.push(use);
      } else if (state.get(next) === "open") {
        throw diagnosticError(
          "MODEL_JSON",
          `${where}: layer "${use.name}" (${use.className})`,
          "the layer's input depends on its own output",
          "export the model again; a network for inference has no circles",
        );
      } else {
        stack.push(next);
      }
    }
  }
  return ordered;

  function requireKnown(references: readonly ValueReference[], place: string): void {
    const unknown = references.filter((reference) => !given.has(key(reference)) && !byKey.has(key(reference)));
    if (unknown.length === 0) return;
    throw new DiagnosticError(
      unknown.map(({ layer, use }) => {
        const near = nearestName(layer, names);
        return {
          code: "MODEL_JSON",
          where: place,
          what: `reads use ${use} of layer "${layer}", which the model does not have`,
          hint:
            near === undefined || near === layer
              ? "export the model again"
              : `is "${near}" meant? export the model again`,
        };
      }),
    );
  }
}

/** Unique text of a use: the number stands first, so that no name can imitate another's. */
function key({ layer, use }: Pick<ValueReference, "layer" | "use">): string {
  return `${use}:${layer}`;
}
