import type { Command } from "commander";
import { writeProgramFile } from "../../../isa/program/program-file.ts";
import { writeFileAtomically } from "../../files.ts";
import { compileOnly } from "../../session/compile-model.ts";
import { addModelOptions, assignmentPlace, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { addJsonOption, emit, type Output, requireOutputs } from "../output.ts";
import { programSummary, summaryText } from "../program-summary.ts";

export function addCompileCommand(program: Command): void {
  const command = program
    .command("compile")
    .summary("compile a network to a program file")
    .description("Writes the program that run would execute: instructions, packed constants, symbols, machine.")
    .argument("[model]", "lenet5, a network known by name, a model.json or .onnx file, or its folder");
  addJsonOption(addModelOptions(command).requiredOption("-o, --output <file>", "program file to write"), "a summary")
    .addHelpText("after", "\nExample:\n  $ npx macroscope compile lenet5 --format 12,6 -o lenet5.macroscope\n")
    .action(async (model: string | undefined, flags: ConfigurationFlags & Output & { output: string }) => {
      await requireOutputs(flags.output, flags.json);
      const { program: compiled } = await compileOnly(await resolveFlags(model, flags), assignmentPlace(flags));
      const bytes = writeProgramFile(compiled);
      await writeFileAtomically(flags.output, bytes);
      const summary = { ...programSummary(compiled), output: flags.output, bytes: bytes.length };
      await emit(flags, { schema: "macroscope/compile/1", ...summary }, summaryText);
    });
}
