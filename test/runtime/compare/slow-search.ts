/** Where two programs part, sought by comparing everything that the reference engine shows: independent of runtime/compare. */

import { rawAt } from "../../../isa/numerics/raws.ts";
import { elementCount, type Program } from "../../../isa/program/program.ts";
import type { ImageBatch } from "../../../sim/engine.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import type { Quantization } from "../../../sim/reference/observer.ts";

export interface Found {
  readonly image: number;
  readonly layer: string;
  readonly element: readonly number[];
  /** Quantizations of that element, in the order of a history. */
  readonly a: readonly Quantization[];
  readonly b: readonly Quantization[];
}

const RANK = ["input", "product", "accumulator", "sum", "output"];

function run(program: Program, batch: ImageBatch) {
  const seen: Quantization[] = [];
  const { session } = referenceEngine.open(program, [{ quantized: (quantization) => void seen.push(quantization) }]);
  return { seen, result: session.run(batch, { statistics: false, capture: true }) };
}

/** raw · 2^−F as an integer of one scale. */
export function scaled(raw: bigint, fractionLength: number): bigint {
  return raw * 2n ** BigInt(1000 - fractionLength);
}

export function exactValue({ exact, denominator, exactFraction }: Quantization): bigint {
  return scaled(exact, exactFraction) / denominator;
}

export function heldValue({ site, fractionLength }: Quantization): bigint {
  return scaled(site.after, fractionLength);
}

export function slowSearch(programA: Program, programB: Program, batchA: ImageBatch, batchB: ImageBatch): Found | null {
  const [a, b] = [run(programA, batchA), run(programB, batchB)];
  for (let image = 0; image < batchA.count; image++) {
    for (const [index, layer] of programA.layers.entries()) {
      const other = programB.layers[index];
      if (other?.name !== layer.name) throw new Error("other layers");
      const words = (program: Program, result: typeof a.result, tensor: string): bigint[] => {
        const symbol = program.tensors.find(({ name }) => name === tensor);
        const raws = result.captured.get(tensor);
        if (symbol === undefined || raws === undefined) throw new Error(`no ${tensor}`);
        const elements = elementCount(symbol.shape);
        return Array.from({ length: elements }, (_, at) =>
          scaled(rawAt(raws, image * elements + at, symbol.format), symbol.format.fractionLength),
        );
      };
      const [wordsA, wordsB] = [words(programA, a.result, layer.output), words(programB, b.result, other.output)];
      const at = wordsA.findIndex((word, position) => word !== wordsB[position]);
      if (at < 0) continue;
      const symbol = programA.tensors.find(({ name }) => name === layer.output);
      const [, columns = 1, channels = 1] = symbol?.shape ?? [];
      const element = [Math.floor(at / (columns * channels)), Math.floor(at / channels) % columns, at % channels];
      return {
        image,
        layer: layer.name,
        element,
        a: ofElement(programA, index, image, element, a.seen),
        b: ofElement(programB, index, image, element, b.seen),
      };
    }
  }
  return null;
}

function ofElement(
  program: Program,
  layerIndex: number,
  image: number,
  element: readonly number[],
  seen: readonly Quantization[],
): Quantization[] {
  const layer = program.layers[layerIndex];
  return seen
    .filter(({ site }) => {
      const tile = program.tiles.find(({ instruction }) => instruction === site.instruction);
      if (layer === undefined || tile === undefined || site.image !== image) return false;
      if (site.instruction < layer.firstInstruction || site.instruction >= layer.endInstruction) return false;
      const isVector = program.instructions[site.instruction]?.opcode === "vector";
      const pixel = isVector ? Math.floor(site.pixel / tile.channels) : site.pixel;
      const channel = isVector ? site.pixel % tile.channels : site.channel;
      const row = tile.row + Math.floor(pixel / tile.columns) * (tile.rowStep ?? 1);
      const column = tile.column + (pixel % tile.columns) * (tile.columnStep ?? 1);
      return row === element[0] && column === element[1] && tile.channel + channel === element[2];
    })
    .sort((left, right) => {
      const [k, l] = [left.site.step, right.site.step].map((step) => (step === -1 ? 2 ** 40 : step)) as [
        number,
        number,
      ];
      const rank = RANK.indexOf(left.site.register) - RANK.indexOf(right.site.register);
      return k - l || rank || left.site.cycle - right.site.cycle;
    });
}
