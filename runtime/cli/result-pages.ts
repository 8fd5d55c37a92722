/** Result files in, pages and charts out. */
import { join } from "node:path";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { withMovedPaths } from "../configuration-paths.ts";
import { makeFolder, readTextFile, realFolderOf, requireWritable, writeFileAtomically } from "../files.ts";
import type { Page } from "../report/html/page.ts";
import { checkedResult, type NamedResult, parseResult } from "../results/result.ts";
import { VERSION } from "./version.ts";

/** Largest result file that is read, 64 MiB: a run of ResNet-152 with every register has two. */
const RESULT_LIMIT = 2 ** 26;

/** Most results of one page. */
export const PAGE_RESULTS = 100;

/** Result files, checked, for a page: paths in their configurations start at its folder. Throws what is wrong with the first that is. */
export async function readResults(paths: readonly string[], page: string): Promise<NamedResult[]> {
  if (paths.length > PAGE_RESULTS) {
    const what = `found ${paths.length} files, expected at most ${PAGE_RESULTS}`;
    throw diagnosticError("OPTION", "report", what, "write several pages");
  }
  const results: NamedResult[] = [];
  for (const path of paths) {
    const result = parseResult(await readTextFile(path, RESULT_LIMIT), path);
    const placed = withMovedPaths(result, await realFolderOf(path), await realFolderOf(page));
    results.push({ name: path, file: path, result: placed });
  }
  return results;
}

/** Results as a page; charts are drawn here, and the library that does it is loaded only then. */
export async function renderPage(results: readonly NamedResult[]): Promise<Page> {
  const { reportPage } = await import("../report/html/page.ts");
  return reportPage(results, VERSION);
}

/** The page of a result that comes straight from its command. */
export async function writeResultPage(path: string, result: unknown): Promise<void> {
  const checked = checkedResult(result, "the result");
  const page = await renderPage([{ name: checked.model ?? checked.schema, file: null, result: checked }]);
  await writeFileAtomically(path, page.html);
}

/** A page's charts, each as a file of a folder, which is made where it is missing; the files' names. */
export async function writeCharts(folder: string, { charts }: Page): Promise<readonly string[]> {
  const { svgFile } = await import("../report/charts/svg.ts");
  await makeFolder(folder);
  for (const name of charts.keys()) await requireWritable(join(folder, name));
  for (const [name, chart] of charts) await writeFileAtomically(join(folder, name), svgFile(chart));
  return [...charts.keys()];
}
