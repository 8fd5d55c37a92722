/** Plain data as YAML. Texts with characters that are not printable stand in quotation marks, escaped. */
import { Document, visit } from "yaml";
import { printable, printableJson } from "../isa/printable.ts";

export function yamlText(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && printable(node.value) !== node.value) node.type = "QUOTE_DOUBLE";
    },
  });
  return printableJson(document.toString({ lineWidth: 0 }));
}
