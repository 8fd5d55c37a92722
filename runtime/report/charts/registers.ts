/** Registers in the order in which a value passes them. */
const REGISTER_ORDER: readonly string[] = ["input", "weight", "product", "accumulator", "sum", "bias", "output"];

/** The registers that any of the layers has, in the datapath's order, unknown ones last. */
export function registerColumns(layers: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const found = new Set(layers.flatMap((registers) => Object.keys(registers)));
  const known = REGISTER_ORDER.filter((name) => found.has(name));
  return [...known, ...[...found].filter((name) => !REGISTER_ORDER.includes(name)).sort()];
}

/** The entry of that name, if the object has it itself: names come from files, `constructor` may be one. */
export function ownEntry<Entry>(entries: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
