/** The one place that reads tables of comma-separated values. */
import { type Options, parse } from "csv-parse/sync";

/** Rows of fields. Throws the library's error where the text is no such table. */
export function parseCsv(text: string, options: Options): string[][] {
  return parse(text, { ...options, columns: false }) as unknown as string[][];
}
