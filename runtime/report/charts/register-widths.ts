import type { LayerEntry, RegisterEntry } from "../../results/run-report.ts";
import { formatOnly, writtenFormat } from "../text/format-text.ts";
import { type Chart, withoutCommonParts } from "./chart.ts";
import { HEAT_COLOURS, PALETTE } from "./palette.ts";
import { type MapLevel, registerMap } from "./register-map.ts";
import { ownEntry, registerColumns } from "./registers.ts";

/** Unused high bits up to which a level reaches. */
const SPARE_LEVELS: readonly { readonly upTo: number; readonly name: string; readonly heat: number }[] = [
  { upTo: 0, name: "no bit unused", heat: 0 },
  { upTo: 2, name: "1–2 unused", heat: 1 },
  { upTo: 4, name: "3–4", heat: 2 },
  { upTo: 6, name: "5–6", heat: 3 },
  { upTo: 9, name: "7–9", heat: 4 },
  { upTo: Number.POSITIVE_INFINITY, name: "10 and more", heat: 5 },
];

const LEVELS: readonly MapLevel[] = [
  ...SPARE_LEVELS.map(({ name, heat }) => {
    const { fill, text } = HEAT_COLOURS[heat] ?? { fill: PALETTE.panel.light, text: PALETTE.ink.light };
    return { name, fill, text };
  }),
  { name: "overflows", fill: PALETTE.alarm.light, text: PALETTE.onAlarm.light },
  { name: "not observed", fill: PALETTE.panel.light, text: PALETTE.muted.light },
];

const OVERFLOWS = SPARE_LEVELS.length;
const NOT_OBSERVED = OVERFLOWS + 1;

/** Layers × registers of a run: how many bits of each word were needed; null where there is no register. */
export function registerWidths(layers: readonly LayerEntry[]): Chart | null {
  // A layer in whose registers nothing was quantized has nothing to show.
  const rows = layers.filter(({ registers }) => Object.values(registers).some(isShown));
  const columns = registerColumns(rows.map(({ registers }) => registers));
  if (columns.length === 0) return null;
  const cells = rows.flatMap(({ registers }, row) =>
    columns.flatMap((name, column) => {
      const entry = ownEntry(registers, name);
      if (entry === undefined || !isShown(entry)) return [];
      return [{ row, column, text: cellText(entry), level: levelOf(entry), framed: false }];
    }),
  );
  return registerMap({
    id: "register-widths",
    title: "Bits needed of each register",
    caption:
      "Every cell says how many bits the observed values needed of how many there are (weights and biases: all words). " +
      "The stronger the blue, the more bits are to spare; red ones overflowed.",
    rows: withoutCommonParts(rows.map(({ name }) => name)),
    columns,
    levels: LEVELS,
    cells,
  });
}

function isShown({ min, overflow }: RegisterEntry): boolean {
  return min !== null || overflow > 0;
}

function levelOf({ overflow, unusedHighBits }: RegisterEntry): number {
  if (overflow > 0) return OVERFLOWS;
  if (unusedHighBits === null) return NOT_OBSERVED;
  return SPARE_LEVELS.findIndex(({ upTo }) => unusedHighBits <= upTo);
}

function cellText({ format, unusedHighBits }: RegisterEntry): string {
  const written = writtenFormat(format);
  if (written === null || unusedHighBits === null) return formatOnly(format);
  return `${written.wordLength - unusedHighBits}/${written.wordLength}`;
}
