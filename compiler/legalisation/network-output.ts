import { diagnosticError } from "../../isa/diagnostic.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { elementCount } from "../graph/shape.ts";
import type { TensorGraph } from "../tensor-graph/tensor-graph.ts";
import { view } from "./arrange.ts";
import type { NetworkValue } from "./value.ts";

/** The name of the network's one output; several values stand one after the other as a vector, in the model's order. */
export function networkOutput(
  builder: GraphBuilder,
  { outputs }: TensorGraph,
  values: ReadonlyMap<string, NetworkValue>,
  where: string,
): string {
  const found = outputs.map((name) => ({ name, value: values.get(name) }));
  const constant = found.find(({ value }) => value === undefined);
  if (constant !== undefined || found.length === 0) {
    throw diagnosticError(
      "MODEL_OUTPUT",
      constant === undefined ? where : `${where}: output "${constant.name}"`,
      constant === undefined ? "the model has no output" : "does not depend on the input",
      "export the model for inference",
    );
  }
  const vectors = found.flatMap(({ name, value }) => {
    if (value === undefined) return [];
    const own = builder.shapeOf(value.name);
    const isVector = value.shape.filter((size) => size !== 1).length <= 1;
    return [isVector && own.length > 1 ? view({ builder, base: name }, value.name, [elementCount(own)]) : value.name];
  });
  const [only = ""] = vectors;
  if (vectors.length === 1) return only;
  const flat = vectors.map((value, index) =>
    view({ builder, base: outputs[index] ?? "" }, value, [elementCount(builder.shapeOf(value))]),
  );
  return builder.add({ op: "concatenate", name: builder.uniqueName("outputs"), inputs: flat });
}
