import { type DiagnosticError, diagnosticError } from "../../../../isa/diagnostic.ts";

/** A node or layer that cannot be a part of the network as it stands. `field` names a part of it. */
export function nodeError(
  { where }: { readonly where: string },
  field: string,
  what: string,
  hint: string,
): DiagnosticError {
  return diagnosticError("GRAPH_NODE", `${where}, ${field}`, what, hint);
}
