import { type Command, Option } from "commander";
import { exportPrepared } from "../../exports/export-prepared.ts";
import { EXPORT_FORMATS, EXPORTERS, type ExportFormat, type ExportSubject } from "../../exports/index.ts";
import { readAssignment } from "../../exports/read-assignment.ts";
import { writeFileAtomically } from "../../files.ts";
import { openModel } from "../../model.ts";
import { prepareModel } from "../../session/compile-model.ts";
import { addModelOptions, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { parseName } from "../options.ts";
import { addJsonOption, emit, type Output, requireOutputs } from "../output.ts";

interface ExportFlags extends ConfigurationFlags, Output {
  readonly to: ExportFormat;
  readonly output: string;
}

export function addExportCommand(program: Command): void {
  const command = program
    .command("export")
    .summary("write word lengths in the language of a hardware tool")
    .description(
      "Resolves an assignment for its network and writes every register of every layer: JSON, CSV, hls4ml's configuration,\n" +
        "C++ types (ap_fixed, ac_fixed, sc_fixed), a SystemVerilog or VHDL-2008 package, a QONNX model or MATLAB types.\n" +
        "What json, csv and hls4ml write, --assign of every command reads again.",
    )
    .argument("<assignment>", "assignment (YAML, JSON or CSV; hls4ml's configuration), or a result of run or bits")
    .argument("[model]", "the network it is for (default: the result's own, else lenet5)");
  addJsonOption(
    addModelOptions(command)
      .addOption(
        new Option("--to <format>", EXPORT_FORMATS.join(", "))
          .makeOptionMandatory()
          .argParser((text) => parseName(text, "--to", EXPORT_FORMATS)),
      )
      .requiredOption("-o, --output <file>", "file to write"),
    "a summary",
  )
    .addHelpText(
      "after",
      `\nExample:\n  $ echo 'default: { datapath: wide, format: "8,6" }' > formats.yaml && npx macroscope export formats.yaml lenet5 --to systemverilog -o lenet5_types.sv\n`,
    )
    .action(async (assignment: string, model: string | undefined, flags: ExportFlags) => {
      await requireOutputs(flags.output, flags.json);
      const { configuration: own } = await readAssignment(assignment);
      const config = flags.config ?? (own === null ? undefined : assignment);
      const configuration = await resolveFlags(model, {
        ...flags,
        assign: assignment,
        ...(config === undefined ? {} : { config }),
      });
      const opened = await openModel(configuration.model, configuration);
      const prepared = await prepareModel(configuration, opened, null);
      const { content, subject } = exportPrepared(flags.to, prepared, {
        assignment: prepared.assignment,
        seed: configuration.seed,
        where: assignment,
      });
      await writeFileAtomically(flags.output, content);
      const summary = summaryOf(subject, flags);
      await emit(flags, summary, summaryText);
    });
}

interface ExportSummary {
  readonly schema: "macroscope/export/1";
  readonly model: string;
  readonly format: ExportFormat;
  readonly output: string;
  readonly layers: number;
  readonly registers: number;
  /** Registers at which nothing is lost. */
  readonly exact: number;
  /** What the format has no place for; null where it holds everything. */
  readonly leavesOut: string | null;
}

function summaryOf({ model, layers }: ExportSubject, { to, output }: ExportFlags): ExportSummary {
  const registers = layers.flatMap((layer) => layer.registers);
  return {
    schema: "macroscope/export/1",
    model,
    format: to,
    output,
    layers: layers.length,
    registers: registers.length,
    exact: registers.filter(({ exact }) => exact).length,
    leavesOut: EXPORTERS[to].leavesOut,
  };
}

function summaryText({ model, format, output, layers, registers, exact, leavesOut }: ExportSummary): string {
  const text = `${output}: ${format} of ${model}, ${layers} layers, ${registers} registers (${exact} exact)`;
  return leavesOut === null ? text : `${text}\nNot in it: ${leavesOut}.`;
}
