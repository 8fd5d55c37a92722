import type { Chart } from "../charts/chart.ts";
import type { Markup } from "./markup.ts";

/** The part of a page that shows one result, and its charts, for files of their own. */
export interface Section {
  readonly heading: string;
  readonly subtitle: string;
  readonly body: Markup;
  readonly charts: readonly Chart[];
}
