/** What is said of nodes whose operator nobody here knows: once for every operator, with what to do. */
import type { Diagnostic } from "../../isa/diagnostic.ts";
import { placesOf } from "../hints/places.ts";
import { misspelt } from "../hints/spelling.ts";
import { nodePlace, qualifiedName } from "./operators/table.ts";
import type { TensorNode } from "./tensor-graph.ts";

type Words = Pick<Diagnostic, "what" | "hint">;

/** One diagnostic for every operator of the nodes, at its first node; `say` gets the operator's qualified name. */
export function onePerOperator(
  nodes: readonly TensorNode[],
  where: string,
  say: (name: string) => Words,
): readonly Diagnostic[] {
  const byName = new Map<string, TensorNode[]>();
  for (const node of nodes) {
    const name = qualifiedName(node.domain, node.operator);
    byName.set(name, [...(byName.get(name) ?? []), node]);
  }
  return [...byName].map(([name, [first, ...others]]) => {
    const { what, hint } = say(name);
    const names = [first, ...others].flatMap((node) => (node === undefined ? [] : [node.name]));
    const place = first === undefined ? where : nodePlace(first, where);
    return { code: "UNKNOWN_OPERATOR", where: place, what: `${what}${placesOf(names, "node")}`, hint };
  });
}

const CONTROL_FLOW = "export the model for inference, with loops and branches written out";
const DETECTION = "export the model up to what the operator reads, and pick boxes on the host";

/** What to do about operators of ONNX that are not supported. */
const ADVICE: Readonly<Record<string, string>> = {
  If: CONTROL_FLOW,
  Loop: CONTROL_FLOW,
  Scan: CONTROL_FLOW,
  NonMaxSuppression: DETECTION,
  NonZero: DETECTION,
  RoiAlign: DETECTION,
  MaxRoiPool: DETECTION,
  "ai.onnx.ml.ZipMap": "it makes a list of names and scores: convert the model with the option zipmap=False",
};

/** The same for the domains that write operators of their own. */
const DOMAIN_ADVICE: Readonly<Record<string, string>> = {
  "ai.onnx.ml": "it is an operator of classical machine learning: export the network alone, without labels and names",
  "com.microsoft": "give the model as it was before onnxruntime's optimizer fused operators",
};

/** What is said of an operator that is none of the `supported` qualified names. */
export function unsupported(name: string, supported: readonly string[]): Words {
  const what = `the operator ${name} is not supported`;
  const domain = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
  const own = supported.filter((other) => (domain === "" ? !other.includes(".") : other.startsWith(`${domain}.`)));
  const near = misspelt(name, own);
  if (near !== undefined) return { what, hint: `is ${near} meant?` };
  const advice = Object.hasOwn(ADVICE, name) ? ADVICE[name] : undefined;
  const ofDomain = Object.hasOwn(DOMAIN_ADVICE, domain) ? DOMAIN_ADVICE[domain] : undefined;
  return { what, hint: advice ?? ofDomain ?? "leave it out, or export the model without it" };
}
