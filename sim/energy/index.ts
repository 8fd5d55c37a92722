import { EYERISS_RATIOS } from "./eyeriss-ratios.ts";
import { HOROWITZ_45NM } from "./horowitz-45nm.ts";
import type { EnergyTable } from "./table.ts";

export * from "./cost.ts";
export * from "./energy.ts";
export * from "./table.ts";
export { EYERISS_RATIOS, HOROWITZ_45NM };

/** Every built-in table by name; the first is the default. */
export const ENERGY_TABLES: Readonly<Record<"horowitz-45nm" | "eyeriss-ratios", EnergyTable>> = {
  "horowitz-45nm": HOROWITZ_45NM,
  "eyeriss-ratios": EYERISS_RATIOS,
};
