/** The generated part of compiler/importers/onnx/README.md. */
import { OPERATORS, qualifiedName } from "../../../compiler/tensor-graph/operators/table.ts";
import { machinePlace } from "./machine-operators.ts";
import { isClaimed, NOT_COVERED_CASES, PARTS, type SuiteCase } from "./onnx-node-suite.ts";

const START = "<!-- generated: operators -->\n";
const END = "<!-- end -->";

/** The text with everything between the marks replaced. */
export function fillReadme(text: string, cases: readonly SuiteCase[]): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error("README.md: the marks of the generated part are missing");
  return text.slice(0, start + START.length) + operatorTable(cases) + text.slice(end);
}

/** One row per operator, then the cases whose models have several nodes. */
export function operatorTable(cases: readonly SuiteCase[]): string {
  const single = cases.filter(({ part, isSingle }) => part === "node" && isSingle);
  const names = [...new Set(OPERATORS.map(({ domain, name }) => qualifiedName(domain, name)))].sort();
  const rows = names.map((name) => {
    const opsets = OPERATORS.filter((operator) => qualifiedName(operator.domain, operator.name) === name).map(
      ({ since }) => since,
    );
    const own = single.filter(({ operators }) => operators[0] === name);
    const reasons = own.flatMap((entry) => NOT_COVERED_CASES.get(entry.name) ?? []);
    const counted = [...new Set(reasons)].map(
      (reason) => `${reason} (${reasons.filter((other) => other === reason).length})`,
    );
    const cells = [
      `\`${name}\``,
      machinePlace(name),
      opsets.sort((a, b) => a - b).join(", "),
      own.length - reasons.length,
      own.length,
    ];
    return `| ${[...cells, counted.join("; ")].join(" | ")} |`;
  });
  const several = PARTS.map((part) => {
    const all = cases.filter((entry) => entry.part === part && !(part === "node" && entry.isSingle));
    const claimed = all.filter(isClaimed);
    const passed = claimed.filter(({ name }) => !NOT_COVERED_CASES.has(name));
    return `| ${part}${part === "node" ? ", models of several nodes" : ""} | ${passed.length} | ${claimed.length} | ${all.length} |`;
  });
  return [
    "| operator | runs on the machine | read: meanings since opset | cases passed | cases there | not covered |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    "| other parts of the suite | cases passed | cases with these operators only | cases there |",
    "|---|---|---|---|",
    ...several,
    "",
  ].join("\n");
}
