/**
 * Selecting layers by name. A pattern is a name in which `*` stands for any text within one path segment and `**` for
 * any text across segments (segments are separated by `/`).
 */
import { type Diagnostic, DiagnosticError, nearestName } from "../../isa/diagnostic.ts";

const NEAREST_NAMES = 3;

/** Whether the pattern matches the whole name. */
export function matchesPattern(pattern: string, name: string): boolean {
  return patternExpression(pattern).test(name);
}

/** Number of characters of the pattern that are not wildcards: its rank. */
export function literalLength(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}

/**
 * For each layer the key that governs it: its exact name, else the matching pattern with the longest literal text;
 * layers that no key matches are missing. Throws `DiagnosticError` with every tie (PATTERN_TIE) and every key that
 * matches no layer (UNKNOWN_LAYER).
 */
export function selectKeys(
  keys: readonly string[],
  layers: readonly string[],
  where: string,
): ReadonlyMap<string, string> {
  const found: Diagnostic[] = [];
  const selected = new Map<string, string>();
  const matched = new Set<string>();
  const expressions = keys.map((key) => ({ key, expression: patternExpression(key), rank: literalLength(key) }));

  for (const layer of layers) {
    const matching = expressions.filter(({ key, expression }) => key === layer || expression.test(layer));
    for (const { key } of matching) matched.add(key);
    if (matching.some(({ key }) => key === layer)) {
      selected.set(layer, layer);
      continue;
    }
    const rank = Math.max(...matching.map((match) => match.rank));
    const best = matching.filter((match) => match.rank === rank);
    if (best.length > 1) {
      found.push({
        code: "PATTERN_TIE",
        where: `${where}: layer "${layer}"`,
        what: `patterns ${best.map(({ key }) => `"${key}"`).join(" and ")} match with equally much literal text`,
        hint: `give "${layer}" an entry of its own, or make one pattern more specific`,
      });
    } else if (best[0]) {
      selected.set(layer, best[0].key);
    }
  }
  for (const key of keys) {
    if (!matched.has(key)) found.push(unmatched(key, layers, `${where}: layers.${key}`));
  }
  if (found.length > 0) throw new DiagnosticError(found);
  return selected;
}

/**
 * The layers that any of the names and patterns selects, in their order. Throws `DiagnosticError` UNKNOWN_LAYER with every
 * pattern that matches no layer; `where` opens its place.
 */
export function selectLayers(patterns: readonly string[], layers: readonly string[], where: string): readonly string[] {
  const matchers = patterns.map((pattern) => ({ pattern, expression: patternExpression(pattern) }));
  const matches = ({ pattern, expression }: (typeof matchers)[number], layer: string): boolean =>
    pattern === layer || expression.test(layer);
  const found = matchers
    .filter((matcher) => !layers.some((layer) => matches(matcher, layer)))
    .map(({ pattern }) => unmatched(pattern, layers, `${where}: "${pattern}"`));
  if (found.length > 0) throw new DiagnosticError(found);
  return layers.filter((layer) => matchers.some((matcher) => matches(matcher, layer)));
}

function patternExpression(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${source.join("")}$`, "s");
}

function unmatched(key: string, layers: readonly string[], where: string): Diagnostic {
  const nearest: string[] = [];
  const bare = key.replaceAll("*", "");
  while (nearest.length < NEAREST_NAMES) {
    const next = nearestName(
      bare,
      layers.filter((layer) => !nearest.includes(layer)),
    );
    if (next === undefined) break;
    nearest.push(next);
  }
  const shown = (nearest.length > 0 ? nearest : layers.slice(0, NEAREST_NAMES)).map((name) => `"${name}"`).join(", ");
  return {
    code: "UNKNOWN_LAYER",
    where,
    what: "matches no layer",
    hint: `${nearest.length > 0 ? "the nearest layers are" : "the layers begin with"} ${shown}`,
  };
}
