import type { Command } from "commander";
import { printable } from "../../../isa/printable.ts";
import { makeFolder, writeFileAtomically } from "../../files.ts";
import { addJsonOption, emit, type Output, requireOutputs } from "../output.ts";
import { readResults, renderPage, writeCharts } from "../result-pages.ts";

interface ReportFlags extends Output {
  readonly output: string;
  readonly svg?: string;
}

export function addReportCommand(program: Command): void {
  const command = program
    .command("report")
    .summary("write an HTML page with charts from result files")
    .description(
      "Writes one HTML file that is readable offline from what --json of run, sweep, bits and compare wrote.\n" +
        "Several results share a page; runs of one network with different word lengths become a curve.",
    )
    .argument("<result...>", "result files")
    .requiredOption("-o, --output <file>", "page to write")
    .option("--svg <folder>", "also write every chart as an SVG file");
  addJsonOption(command, "what was written")
    .addHelpText(
      "after",
      "\nExample:\n  $ npx macroscope run --images 200 --json run.json\n  $ npx macroscope report run.json -o report.html\n",
    )
    .action(async (files: readonly string[], flags: ReportFlags) => {
      await requireOutputs(flags.output, flags.json);
      const results = await readResults(files, flags.output);
      if (flags.svg !== undefined) await makeFolder(flags.svg);
      const page = await renderPage(results);
      await writeFileAtomically(flags.output, page.html);
      const charts = flags.svg === undefined ? [] : await writeCharts(flags.svg, page);
      const summary = {
        schema: "macroscope/report/1",
        output: flags.output,
        bytes: Buffer.byteLength(page.html),
        results: results.map(({ name, result }) => ({ file: name, schema: result.schema, model: result.model })),
        svg: flags.svg ?? null,
        charts,
      };
      const written = flags.svg === undefined ? "" : `\n${charts.length} charts in ${printable(flags.svg)}`;
      await emit(
        { json: flags.json },
        summary,
        ({ output }) =>
          `${output}: ${results.length === 1 ? "one result" : `${results.length} results`}, ${summary.bytes.toLocaleString("en-US")} bytes${written}`,
      );
    });
}
