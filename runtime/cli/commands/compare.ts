import type { Command } from "commander";
import { parseDataflow } from "../../../isa/dataflow/table.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { ENGINE_NAMES } from "../../../sim/engines.ts";
import { compareSides, type SideRequest } from "../../compare/compare.ts";
import { readYaml } from "../../configuration.ts";
import { DUMP_LIMITS } from "../../dump/dump.ts";
import { looksLikeDump, parseDump } from "../../dump/parse-dump.ts";
import { readStart, readTextFile } from "../../files.ts";
import { isProgramFile } from "../../model.ts";
import { compareReportText } from "../../report/text/compare-text.ts";
import { addImageOptions, assignmentPlace, type ConfigurationFlags, resolveFlags } from "../configuration-options.ts";
import { AnsweredNo, FaultError } from "../exit-codes.ts";
import { interruptible } from "../interrupt.ts";
import { parseName } from "../options.ts";
import { addJsonOption, addReportOption, emit, type Output, requireOutputs } from "../output.ts";
import { type Progress, startProgress } from "../progress.ts";

interface CompareFlags extends ConfigurationFlags, Output {
  readonly dataflows?: string;
  readonly engines?: string;
}

export function addCompareCommand(program: Command): void {
  const command = program
    .command("compare")
    .summary("find the first image, layer, element, step and register where two computations part")
    .description(
      "Runs two computations of one network on the same images and shows where they first part, register by register.\n" +
        "Each of the two is a file: formats per layer (as for --assign), a configuration or result of run, a program file,\n" +
        "or a dump. With one file the other computation is what the options say.\n\n" +
        "A dump holds raw words as a test bench of RTL can write them, one JSON object per line:\n" +
        '  {"schema":"macroscope/dump/2","images":2,"layers":[{"name":"fc2","shape":[1,1,10],"format":"16,8"}]}\n' +
        '  {"image":0,"layer":"fc2","raws":[-512,37, …]}\n' +
        'Words stand in row, column, channel order, or in that of the layer\'s "axes"; layers and images may be missing.\n' +
        "run --dump writes one.\n\n" +
        "Says how many words and ties were covered, and which other rounding of a register would agree.\n\n" +
        "Exit code 0 where nothing differs, 1 where something does.",
    )
    .argument("[a]", "formats, configuration, result, program or dump")
    .argument("[b]", "the other one");
  addImageOptions(command)
    .option("--dataflows <list>", "compare orders of accumulation, the first with each other one: os,ws,is,tree:4")
    .option("--engines <list>", `compare engines: ${ENGINE_NAMES.join(",")}`);
  addReportOption(addJsonOption(command, "the comparison"))
    .addHelpText(
      "after",
      "\nExample:\n  $ npx macroscope compare --dataflows os,ws,tree:4 --datapath wide --format 8,4 --images 20\n",
    )
    .action(async (a: string | undefined, b: string | undefined, flags: CompareFlags) => {
      await requireOutputs(flags.json, flags.report);
      const requests = await sidesOf(a, b, flags);
      await interruptible(async (signal) => {
        let progress: Progress | undefined;
        try {
          const outcome = await compareSides(requests, {
            signal,
            onStage: (label, images) => {
              progress = startProgress(label, images, "images");
            },
            onProgress: (images) => progress?.update(images),
          });
          progress?.stop();
          if ("fault" in outcome) throw new FaultError(outcome.fault);
          await emit(flags, outcome.report, compareReportText);
          if (!outcome.report.equal) throw new AnsweredNo();
        } finally {
          progress?.stop();
        }
      });
    });
}

async function sidesOf(a: string | undefined, b: string | undefined, flags: CompareFlags): Promise<SideRequest[]> {
  const lists = [flags.dataflows, flags.engines].filter((list) => list !== undefined);
  if (lists.length + (a === undefined ? 0 : 1) !== 1) {
    const what = a === undefined && lists.length === 0 ? "nothing to compare" : "more than one thing to vary";
    throw diagnosticError("USAGE", "macroscope compare", what, "give one or two files, or --dataflows, or --engines");
  }
  if (flags.dataflows !== undefined) {
    requireFree(flags.dataflow, "--dataflow", "--dataflows");
    const names = listed(flags.dataflows, "--dataflows");
    for (const name of names) parseDataflow(name, "--dataflows");
    return await Promise.all(names.map((dataflow) => machineSide(dataflow, { ...flags, dataflow })));
  }
  if (flags.engines !== undefined) {
    requireFree(flags.engine, "--engine", "--engines");
    const names = listed(flags.engines, "--engines").map((name) => parseName(name, "--engines", ENGINE_NAMES));
    return await Promise.all(names.map((engine) => machineSide(engine, { ...flags, engine })));
  }
  const first = await fileSide(a ?? "", flags);
  return [first, b === undefined ? await machineSide("options", flags) : await fileSide(b, flags)];
}

/** Two or more names, none twice. */
function listed(text: string, option: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.length >= 2 && names.every((name) => name !== "") && new Set(names).size === names.length) return names;
  throw diagnosticError("OPTION", option, `found "${text}", expected two or more different names`, "write os,ws");
}

function requireFree(value: unknown, option: string, list: string): void {
  if (value === undefined) return;
  throw diagnosticError("OPTION", option, `${list} says what varies`, `leave ${option} out`);
}

async function machineSide(label: string, flags: ConfigurationFlags, program?: string): Promise<SideRequest> {
  const configuration = await resolveFlags(program, flags);
  return { label, configuration, assignmentName: assignmentPlace(flags) };
}

/** Bytes in which a dump shows that it is one. */
const START_BYTES = 65_536;

async function fileSide(path: string, flags: ConfigurationFlags): Promise<SideRequest> {
  const start = new TextDecoder().decode(await readStart(path, START_BYTES));
  if (looksLikeDump(start)) return { label: path, dump: parseDump(await readTextFile(path, DUMP_LIMITS.bytes), path) };
  if (await isProgramFile(path)) return machineSide(path, flags, path);
  const value = await readYaml(path);
  const keys = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  if ("schema" in keys && keys.schema !== "macroscope/run/1") {
    const what = `found a result of the form ${String(keys.schema)}`;
    throw diagnosticError("COMPARE", path, what, "give formats per layer, a configuration, a result of run or a dump");
  }
  if ("default" in keys || "layers" in keys) {
    if (!("schema" in keys)) {
      requireFree(flags.assign, "--assign", path);
      return machineSide(path, { ...flags, assign: path });
    }
  }
  requireFree(flags.config, "--config", path);
  return machineSide(path, { ...flags, config: path });
}
