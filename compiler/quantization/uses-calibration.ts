import type { LayerFacts } from "./layer-facts.ts";
import { layerEntries } from "./resolve-assignment.ts";
import { DEFAULT_LOOKUP_BITS } from "./resolve-layer.ts";
import type { AssignmentSpecification, LayerEntry } from "./specification.ts";

/** Whether any format is automatic, so that ranges must be measured or given before it can be resolved. */
export function usesCalibration(value: AssignmentSpecification): boolean {
  const texts = (part: unknown): string[] => {
    if (typeof part === "string") return [part];
    return typeof part === "object" && part !== null ? Object.values(part).flatMap(texts) : [];
  };
  return texts(value).some((text) => /,\s*auto$/.test(text));
}

/** Whether a function reads words that its table has no entry each for, so that the range that occurs makes a better table. */
export function tablesWantRanges(
  specification: AssignmentSpecification,
  layers: readonly LayerFacts[],
  where: string,
): boolean {
  const entries = layerEntries(
    specification,
    layers.map(({ name }) => name),
    where,
  );
  return layers.some(({ name, arithmetic, producers }) => {
    if (arithmetic !== "lookup") return false;
    const own = entries.get(name) ?? {};
    const producer = entries.get(producers[0] ?? "");
    const bits = wordLength(own.input) ?? wordLength(producer?.output) ?? wordLength((producer ?? own).format);
    return own.tableRange === undefined && bits !== undefined && bits > (own.lookupBits ?? DEFAULT_LOOKUP_BITS);
  });
}

/** W of a register's entry as it is written; undefined where it names none. */
function wordLength(register: LayerEntry["output"]): number | undefined {
  const text = typeof register === "object" ? register.format : register;
  const bits = Number(text === undefined ? "" : /^\s*u?([0-9]+)/.exec(text)?.[1]);
  return bits > 0 ? bits : undefined;
}
