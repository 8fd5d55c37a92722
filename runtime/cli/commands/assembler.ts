import { type Command, Option } from "commander";
import { assemble, disassemble } from "../../../isa/program/assembly.ts";
import type { Program } from "../../../isa/program/program.ts";
import { writeProgramFile } from "../../../isa/program/program-file.ts";
import { readTextFile, writeFileAtomically } from "../../files.ts";
import { openProgramFile } from "../../model.ts";
import { FaultError } from "../exit-codes.ts";
import { parseSeed } from "../options.ts";
import { addJsonOption, emit, type Output, requireOutputs, textStream, writeJson } from "../output.ts";
import { programSummary, summaryText } from "../program-summary.ts";

/** Largest listing that is read, 256 MiB: a string holds it. */
const LISTING_LIMIT = 2 ** 28;

interface AssemblerOptions extends Output {
  readonly seed?: number;
  readonly output?: string;
}

export function addAssemblerCommands(program: Command): void {
  const disasm = program
    .command("disasm")
    .summary("print a program file as a listing")
    .description("Lists machine, tensors, constants, layers and instructions; asm turns the listing back.")
    .argument("<program>", "program file")
    .option("-o, --output <file>", "listing to write (default: standard output)");
  addSeedOption(addJsonOption(disasm, "a summary"))
    .addHelpText("after", "\nExample:\n  $ npx macroscope disasm lenet5.macroscope -o lenet5.asm\n")
    .action(async (path: string, options: AssemblerOptions) => {
      await requireOutputs(options.output, options.json);
      const opened = await openProgramFile(path);
      if ("fault" in opened) throw new FaultError(opened.fault);
      const seeded = withSeed(opened.program, options.seed);
      const listing = disassemble(seeded);
      await writeJson(options, {
        schema: "macroscope/disasm/1",
        ...programSummary(seeded),
        output: options.output ?? null,
      });
      if (options.output === undefined) textStream(options).write(listing);
      else await writeFileAtomically(options.output, listing);
    });
  const asm = program
    .command("asm")
    .summary("turn a listing into a program file")
    .description("The inverse of disasm: the same listing gives the same file, byte for byte.")
    .argument("<listing>", "listing as disasm writes it")
    .requiredOption("-o, --output <file>", "program file to write");
  addSeedOption(addJsonOption(asm, "a summary"))
    .addHelpText("after", "\nExample:\n  $ npx macroscope asm lenet5.asm -o lenet5.macroscope\n")
    .action(async (path: string, options: AssemblerOptions & { output: string }) => {
      await requireOutputs(options.output, options.json);
      const assembled = withSeed(assemble(await readTextFile(path, LISTING_LIMIT), path), options.seed);
      const bytes = writeProgramFile(assembled);
      await writeFileAtomically(options.output, bytes);
      const summary = { ...programSummary(assembled), output: options.output, bytes: bytes.length };
      await emit(options, { schema: "macroscope/asm/1", ...summary }, summaryText);
    });
}

function addSeedOption(command: Command): Command {
  return command.addOption(
    new Option("--seed <n>", "replace the program's seed of stochastic registers").argParser(parseSeed),
  );
}

function withSeed(program: Program, seed: number | undefined): Program {
  return seed === undefined ? program : { ...program, seed };
}
