import { type Command, Option } from "commander";
import { NETWORK_NAMES } from "../../../compiler/networks/index.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { DUMP_LIMITS, INTERIOR_REGISTERS, type InteriorRegister } from "../../dump/dump.ts";
import { RunDump } from "../../dump/run-dump.ts";
import { writeFileAtomically } from "../../files.ts";
import { joinedLayers } from "../../report/recurrent-rows.ts";
import { evidenceText, formulasText } from "../../report/text/evidence-text.ts";
import { runReportText } from "../../report/text/run-text.ts";
import type { RunReport } from "../../results/run-report.ts";
import type { BatchWords } from "../../session/hooks.ts";
import { runModel } from "../../session/run.ts";
import { addRunOptions, assignmentPlace, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { FaultError } from "../exit-codes.ts";
import { interruptible } from "../interrupt.ts";
import { parseInteger, parseName } from "../options.ts";
import { addJsonOption, addReportOption, emit, type Output, requireOutputs } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";

interface RunFlags extends ConfigurationFlags, Output {
  readonly histograms?: boolean;
  readonly formulas?: boolean;
  readonly steps?: boolean;
  readonly dump?: string;
  readonly dumpRegisters?: readonly InteriorRegister[];
  readonly dumpWindow?: number;
}

export function addRunCommand(program: Command): void {
  const command = program
    .command("run")
    .summary("compile a network, run it bit by bit, report accuracy, overflow, cycles and energy")
    .description(
      "Compiles an ONNX or TensorFlow.js model (or takes a program file) and runs it on a data set.\n" +
        "A network known by name has weights drawn from the seed, or those of --weights, and runs on one drawn image.\n" +
        "Without a model: the bundled LeNet-5 on bundled MNIST test digits.",
    )
    .argument(
      "[model]",
      `lenet5, ${NETWORK_NAMES.join(", ")}, a model.json or .onnx file, its folder, or a program file`,
    );
  addRunOptions(command)
    .option("--histograms", "print values by octave for every register, noise by layer and accuracy by class as well")
    .option("--formulas", "print the closed form of each layer's cycles as well, with its numbers")
    .option("--steps", "print every layer of the steps of LSTM, GRU and RNN layers, which are one row otherwise")
    .option(
      "--dump <file>",
      "write the output words of all images, and of the input and all layers for observed ones (JSON Lines)",
    )
    .addOption(
      new Option(
        "--dump-registers <list>",
        `registers inside layers to dump as well, in the order of the sums: ${INTERIOR_REGISTERS.join(",")}`,
      ).argParser(interiorRegisters),
    )
    .addOption(
      new Option(
        "--dump-window <n>",
        `output words of a layer, from the first, whose registers --dump-registers shows (default: ${DEFAULT_WINDOW})`,
      ).argParser((text) => parseInteger(text, "--dump-window", 1, DUMP_LIMITS.words)),
    );
  addReportOption(addJsonOption(command, "the result"))
    .addHelpText("after", "\nExample:\n  $ npx macroscope run --format 8,4 --datapath tensorquant --images 200\n")
    .action(async (model: string | undefined, flags: RunFlags) => {
      await requireOutputs(flags.json, flags.report, flags.dump);
      const configuration = await resolveFlags(model, flags);
      await interruptible(async (signal) => {
        let progress: Progress | undefined;
        const dump = dumpOf(flags);
        const hooks = {
          signal,
          assignmentName: assignmentPlace(flags),
          onStage: (label: string, images: number): void => {
            progress?.stop();
            progress = startProgress(label, images, "images");
          },
          onProgress: (images: number): void => progress?.update(images),
          ...(dump && { onWords: (words: BatchWords): void => dump.add(words) }),
        };
        try {
          const outcome = await runModel(configuration, hooks);
          progress?.stop();
          if ("fault" in outcome) throw new FaultError(outcome.fault);
          const { report } = outcome;
          if (dump !== null) await writeFileAtomically(flags.dump ?? "", dump.text(report.images));
          await emit(flags, report, (shown) => {
            const parts = [
              runReportText(shown, { steps: flags.steps === true }),
              ...(flags.histograms === true ? [evidenceText(inRows(shown, flags))] : []),
              ...(flags.formulas === true ? [formulasText(shown)] : []),
            ];
            return parts.join("\n\n");
          });
        } finally {
          progress?.stop();
        }
      });
    });
}

/** With a recurrent layer as one, unless its steps are asked for. */
function inRows(report: RunReport, { steps }: RunFlags): RunReport {
  return steps === true ? report : { ...report, layers: joinedLayers(report.layers) };
}

/** Output words of a layer whose sums are shown step by step. */
const DEFAULT_WINDOW = 16;

function interiorRegisters(text: string): readonly InteriorRegister[] {
  return [...new Set(text.split(",").map((name) => parseName(name.trim(), "--dump-registers", INTERIOR_REGISTERS)))];
}

function dumpOf({ dump, dumpRegisters, dumpWindow }: RunFlags): RunDump | null {
  if (dump !== undefined) return new RunDump({ registers: dumpRegisters ?? [], window: dumpWindow ?? DEFAULT_WINDOW });
  if (dumpRegisters === undefined && dumpWindow === undefined) return null;
  const option = dumpRegisters === undefined ? "--dump-window" : "--dump-registers";
  throw diagnosticError("OPTION", option, "there is no dump to write to", "give --dump <file>");
}
