import type { Command } from "commander";
import { NETWORK_NAMES } from "../../../compiler/networks/index.ts";
import { runReportText } from "../../report/text.ts";
import { runModel } from "../../session/run.ts";
import { addRunOptions, assignmentPlace, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { FaultError } from "../exit-codes.ts";
import { interruptible } from "../interrupt.ts";
import { addJsonOption, addReportOption, emit, type Output, requireOutputs } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";

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
  addReportOption(addJsonOption(addRunOptions(command), "the result"))
    .addHelpText("after", "\nExample:\n  $ npx macroscope run --format 8,4 --datapath tensorquant --images 200\n")
    .action(async (model: string | undefined, flags: ConfigurationFlags & Output) => {
      await requireOutputs(flags.json, flags.report);
      const configuration = await resolveFlags(model, flags);
      await interruptible(async (signal) => {
        let progress: Progress | undefined;
        const hooks = {
          signal,
          assignmentName: assignmentPlace(flags),
          onStage: (label: string, images: number): void => {
            progress?.stop();
            progress = startProgress(label, images, "images");
          },
          onProgress: (images: number): void => progress?.update(images),
        };
        try {
          const outcome = await runModel(configuration, hooks);
          progress?.stop();
          if ("fault" in outcome) throw new FaultError(outcome.fault);
          await emit(flags, outcome.report, runReportText(outcome.report));
        } finally {
          progress?.stop();
        }
      });
    });
}
