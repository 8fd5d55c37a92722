import { type Command, Option } from "commander";
import type { Verification } from "../../../compiler/quantization/specification.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { CONFIGURATION_LIMITS } from "../../configuration.ts";
import { exportPrepared } from "../../exports/export-prepared.ts";
import { EXPORT_FORMATS, EXPORTERS, type ExportFormat, type ExportSubject } from "../../exports/index.ts";
import { exportMemory, MEMORY_FOLDER } from "../../exports/mem/export-memory.ts";
import { configurationOfResult } from "../../exports/read-assignment.ts";
import { requireWritableFolder, writeFileAtomically } from "../../files.ts";
import { openModel } from "../../model.ts";
import { verificationText } from "../../report/text/verification-text.ts";
import { wrapped } from "../../report/text/wording.ts";
import { prepareModel } from "../../session/compile-model.ts";
import { addModelOptions, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { FaultError } from "../exit-codes.ts";
import { parseInteger, parseName } from "../options.ts";
import { addJsonOption, emit, type Output, requireOutputs } from "../output.ts";

interface ExportFlags extends ConfigurationFlags, Output {
  readonly to: ExportFormat | "mem";
  readonly output: string;
}

const TARGETS = [...EXPORT_FORMATS, "mem"] as const;

export function addExportCommand(program: Command): void {
  const command = program
    .command("export")
    .summary("write word lengths, or words, in the language of a hardware tool")
    .description(
      "Resolves an assignment for its network and writes every register of every layer: JSON, CSV, hls4ml's configuration,\n" +
        "C++ types (ap_fixed, ac_fixed, sc_fixed), a SystemVerilog or VHDL-2008 package, a QONNX model or MATLAB types.\n" +
        "What json, csv and hls4ml write, --assign of every command reads again.\n" +
        "--to mem writes a folder of $readmemh files: quantized weights, biases, scales and tables, the first images, and the\n" +
        "words that every layer must make of them, with a README on order, width and sign, and an index.json.",
    )
    .argument("<assignment>", "assignment (YAML, JSON or CSV; hls4ml's configuration), or a result of run or bits")
    .argument("[model]", "the network it is for (default: the result's own, else lenet5)");
  addJsonOption(
    addModelOptions(command)
      .addOption(
        new Option("--to <format>", TARGETS.join(", "))
          .makeOptionMandatory()
          .argParser((text) => parseName(text, "--to", TARGETS)),
      )
      .requiredOption("-o, --output <file>", "file to write; with --to mem a folder")
      .addOption(
        new Option("--images <n>", "with --to mem: how many images (default: 1)").argParser((text) =>
          parseInteger(text, "--images", 1, CONFIGURATION_LIMITS.images),
        ),
      ),
    "a summary",
  )
    .addHelpText(
      "after",
      `\nExample:\n  $ echo 'default: { datapath: wide, format: "8,6" }' > formats.yaml && npx macroscope export formats.yaml lenet5 --to systemverilog -o lenet5_types.sv\n`,
    )
    .action(async (assignment: string, model: string | undefined, flags: ExportFlags) => {
      const { to } = flags;
      if (to === "mem") await requireWritableFolder(flags.output, MEMORY_FOLDER);
      else await requireOutputs(flags.output);
      await requireOutputs(flags.json);
      if (to !== "mem" && flags.images !== undefined) {
        throw diagnosticError(
          "OPTION",
          "--images",
          `${to} holds no words of images`,
          "leave it out, or write --to mem",
        );
      }
      const own = await configurationOfResult(assignment);
      const config = flags.config ?? (own === null ? undefined : assignment);
      const configuration = await resolveFlags(model, {
        ...flags,
        assign: assignment,
        images: flags.images ?? 1,
        ...(config === undefined ? {} : { config }),
      });
      if (to === "mem") {
        const written = await exportMemory(configuration, flags.output, assignment);
        if ("fault" in written) throw new FaultError(written.fault);
        const { subject, files } = written;
        await emit(flags, summaryOf(subject, to, flags.output, files), summaryText);
        return;
      }
      const opened = await openModel(configuration.model, configuration);
      const prepared = await prepareModel(configuration, opened, null);
      const { content, subject } = exportPrepared(to, prepared, {
        assignment: prepared.assignment,
        seed: configuration.seed,
        where: assignment,
      });
      await writeFileAtomically(flags.output, content);
      const summary = summaryOf(subject, to, flags.output, null);
      await emit(flags, summary, summaryText);
    });
}

interface ExportSummary {
  readonly schema: "macroscope/export/1";
  readonly model: string;
  readonly format: ExportFlags["to"];
  readonly output: string;
  /** Word files of `mem`; null for a single file. */
  readonly files: number | null;
  readonly layers: number;
  readonly registers: number;
  /** Registers at which nothing is lost. */
  readonly exact: number;
  /** What the format has no place for; null where it holds everything. */
  readonly leavesOut: string | null;
  /** Whether the assignment keeps the target it was searched for; null where nothing is known. */
  readonly verified: Verification | null;
}

function summaryOf(
  { model, verified, layers }: ExportSubject,
  to: ExportFlags["to"],
  output: string,
  files: number | null,
): ExportSummary {
  const registers = layers.flatMap((layer) => layer.registers);
  return {
    schema: "macroscope/export/1",
    model,
    format: to,
    output,
    files,
    layers: layers.length,
    registers: registers.length,
    exact: registers.filter(({ exact }) => exact).length,
    leavesOut: to === "mem" ? null : EXPORTERS[to].leavesOut,
    verified: verified ?? null,
  };
}

function summaryText(summary: ExportSummary): string {
  const { model, format, output, files, layers, registers, exact, leavesOut, verified } = summary;
  const held = files === null ? "" : `${files} files of words, `;
  const text = `${output}: ${format} of ${model}, ${held}${layers} layers, ${registers} registers (${exact} exact)`;
  return [
    text,
    ...(leavesOut === null ? [] : [`Not in it: ${leavesOut}.`]),
    ...(verified === null ? [] : [wrapped(verificationText(verified))]),
  ].join("\n");
}
