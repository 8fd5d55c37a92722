/** A network's words as a folder of `$readmemh` files. */
import { layerNames, soleComputation } from "../../../compiler/hybrid/layer-computation.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { ENGINES } from "../../../sim/engines.ts";
import type { Fault } from "../../../sim/fault.ts";
import type { RunConfiguration } from "../../configuration.ts";
import { type FolderMark, writeFolderAtomically } from "../../files.ts";
import { openModel } from "../../model.ts";
import { compilePrepared, prepareModel, requireShape } from "../../session/compile-model.ts";
import { noWords } from "../../session/hooks.ts";
import { inputTrap, quantizeImages } from "../../session/host-input.ts";
import { openData } from "../../session/image-batches.ts";
import { type ExportSubject, exportSubject } from "../subject.ts";
import { type Described, MEMORY_SCHEMA, memoryIndex, memoryReadme } from "./description.ts";
import { memoryContents, memoryFiles } from "./memory-files.ts";

const INDEX_FILE = "index.json";

/** Tells a folder that was written here from any other. */
export const MEMORY_FOLDER: FolderMark = { file: INDEX_FILE, mark: MEMORY_SCHEMA };

export interface MemoryExport {
  readonly subject: ExportSubject;
  readonly files: number;
}

/**
 * Compiles, runs `configuration.images` images on one thread and writes the folder: it appears whole or not at all, and takes the
 * place of one that was written so before. `where`: the file that the word lengths stand in.
 */
export async function exportMemory(
  configuration: RunConfiguration,
  folder: string,
  where: string,
): Promise<MemoryExport | { readonly fault: Fault }> {
  const model = await openModel(configuration.model, configuration);
  const data = await openData(configuration, model.graph.input, configuration.images);
  const prepared = await prepareModel(configuration, model, data);
  requireShape(prepared.lowerable, data, configuration);
  const { name, lowerable, assignment, calibration } = prepared;
  if (soleComputation(layerNames(lowerable), assignment, null, where) !== "machine") throw noWords("--to mem");
  const compilation = compilePrepared(prepared, { ...configuration, assignment }, where);
  const { program } = compilation;
  const subject = exportSubject({
    model: name,
    lowerable,
    assignment,
    calibration: calibration.ranges ?? {},
    seed: configuration.seed,
    where,
  });
  const fault = checkProgram(program);
  if (fault !== null) return { fault };
  const opened = ENGINES[configuration.engine].open(program);
  if ("fault" in opened) return opened;
  const images = Math.min(configuration.images, data.count);
  const { values } = await data.read(0, images);
  const inputs = quantizeImages(program, values, images, 0);
  const trap = inputTrap(inputs);
  if (trap !== null) return { fault: trap };
  const batch = { firstImage: 0, count: images, raws: inputs.raws };
  const result = opened.session.run(batch, { statistics: false, capture: true });
  if (result.fault !== null) return { fault: result.fault };
  const captured = new Map([...result.captured, [program.output, result.outputs] as const]);
  const files = memoryFiles(compilation, { images, inputs: inputs.raws, captured });
  const { graph } = compilation;
  const described: Described = { files, subject, program, graph, images, data: data.name };
  const contents = new Map([
    ["README.md", memoryReadme(described)],
    [INDEX_FILE, memoryIndex(described)],
    ...memoryContents(files),
  ]);
  await writeFolderAtomically(folder, contents, MEMORY_FOLDER);
  return { subject, files: files.length };
}
