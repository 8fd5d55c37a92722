/** Frontnet, an integer network whose authors give the integers of every layer, on either engine. */
import { readFileSync } from "node:fs";
import type { Raws } from "../../isa/numerics/raws.ts";
import type { Program } from "../../isa/program/program.ts";
import { resolveConfiguration } from "../../runtime/configuration.ts";
import { openModel } from "../../runtime/model.ts";
import { compilePrepared, prepareModel } from "../../runtime/session/compile-model.ts";
import { digestOf } from "../../runtime/session/digest.ts";
import { quantizeImages, tensorSymbol } from "../../runtime/session/host-input.ts";
import { rawsToValues } from "../../runtime/session/values.ts";
import type { EngineName } from "../../sim/engines.ts";
import { runOnPool } from "../../sim/pool/pool.ts";
import { dataPath } from "./real-networks.ts";
import type { IntegerEntry } from "./results-file.ts";

export const FRONTNET_FOLDER = "frontnet-int8";

export interface FrontnetOutcome {
  /** In the network's order. */
  readonly layers: readonly IntegerEntry[];
  /** Of the output words. */
  readonly digest: string;
}

/** Every layer's words on the machine beside the integers of `out_layer<n>.txt`. */
export async function runFrontnet(engine: EngineName): Promise<FrontnetOutcome> {
  const configuration = resolveConfiguration({
    model: dataPath(`${FRONTNET_FOLDER}/Frontnet.onnx`),
    preprocessing: { scale: 1 },
    assignment: {},
  });
  const prepared = await prepareModel(configuration, await openModel(configuration.model), null);
  const { program } = compilePrepared(prepared, { ...configuration, assignment: prepared.assignment });
  const { raws } = quantizeImages(program, Float32Array.from(numbersIn("input.txt")), 1, 0);
  const result = await runOnPool(program, raws, 1, { engine, workers: 1, batchImages: 1, observedImages: 1 });
  if (result.fault !== null) throw new Error(result.fault.message);
  const layers = program.layers.map(({ name }, index): IntegerEntry => {
    const expected = numbersIn(`out_layer${index}.txt`);
    const found = valuesOf(program, name, result.captured.get(name) ?? result.outputs);
    return { layer: name, words: found.length, equal: expected.filter((value, at) => value === found[at]).length };
  });
  return { layers, digest: digestOf(result.outputs) };
}

/** One number a line behind a heading. */
function numbersIn(file: string): readonly number[] {
  return readFileSync(dataPath(`${FRONTNET_FOLDER}/${file}`), "utf8")
    .split("\n")
    .slice(1)
    .filter((line) => line.trim() !== "")
    .map((line) => Number.parseFloat(line));
}

function valuesOf(program: Program, name: string, raws: Raws): Float32Array {
  return rawsToValues(raws, tensorSymbol(program, name).format);
}
