/** One cause that several nodes or layers share, said once. */

const MOST_NAMED = 3;

/** Nothing for one name; else how many there are and the first few: ` (37 nodes: "a", "b", "c", …)`. */
export function placesOf(names: readonly string[], noun: "node" | "layer"): string {
  if (names.length <= 1) return "";
  const listed = names.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  return ` (${names.length} ${noun}s: ${[...listed, ...(names.length > MOST_NAMED ? ["…"] : [])].join(", ")})`;
}
