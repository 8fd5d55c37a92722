import type { BitsReport, RegisterRequirement } from "../../results/bits-report.ts";
import { formatOnly, writtenFormat } from "../text/format-text.ts";
import { type Chart, withoutCommonParts } from "./chart.ts";
import { HEAT_COLOURS, PALETTE } from "./palette.ts";
import { type MapLevel, registerMap } from "./register-map.ts";
import { ownEntry, registerColumns } from "./registers.ts";

/** Word lengths up to which a level reaches. */
const WIDTH_LEVELS: readonly { readonly upTo: number; readonly name: string }[] = [
  { upTo: 4, name: "1–4 bits" },
  { upTo: 6, name: "5–6" },
  { upTo: 8, name: "7–8" },
  { upTo: 12, name: "9–12" },
  { upTo: 16, name: "13–16" },
  { upTo: Number.POSITIVE_INFINITY, name: "17 and more" },
];

const LEVELS: readonly MapLevel[] = [
  ...WIDTH_LEVELS.map(({ name }, index) => {
    const { fill, text } = HEAT_COLOURS[index] ?? { fill: PALETTE.panel.light, text: PALETTE.ink.light };
    return { name, fill, text };
  }),
  { name: "no fixed width", fill: PALETTE.panel.light, text: PALETTE.muted.light },
];

/** Layers × registers of a search: the format each was given; null where none is listed. */
export function neededBits({ layers, kept, chosen }: Pick<BitsReport, "layers" | "kept" | "chosen">): Chart | null {
  const columns = registerColumns(layers.map(({ registers }) => registers));
  if (columns.length === 0) return null;
  const framed = layers.some(({ registers }) => Object.values(registers).some(({ bottleneck }) => bottleneck));
  return registerMap({
    id: "needed-bits",
    title: chosen === null || !kept ? "Formats found, which miss the target" : "Formats that keep the target",
    caption: `Word length and fraction length of every register; the stronger the colour, the longer the word.${
      framed ? " Framed: the registers that held the target back first." : ""
    }`,
    rows: withoutCommonParts(layers.map(({ name }) => name)),
    columns,
    levels: LEVELS,
    cells: layers.flatMap(({ registers }, row) =>
      columns.flatMap((name, column) => {
        const requirement = ownEntry(registers, name);
        if (requirement === undefined) return [];
        const { format, bottleneck } = requirement;
        return [{ row, column, text: formatOnly(format), level: levelOf(requirement), framed: bottleneck }];
      }),
    ),
  });
}

function levelOf({ format }: RegisterRequirement): number {
  const written = writtenFormat(format);
  return written === null ? WIDTH_LEVELS.length : WIDTH_LEVELS.findIndex(({ upTo }) => written.wordLength <= upTo);
}
