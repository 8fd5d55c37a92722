import { INSTRUCTIONS, type Instruction } from "../instructions/table.ts";
import { formatText } from "../numerics/format.ts";
import { rawAt } from "../numerics/raws.ts";
import { registerText } from "../numerics/register.ts";
import { valueText } from "./assembly-syntax.ts";
import { DATAPATH_REGISTERS, type DatapathSpec } from "./datapath.ts";
import { tokenNames } from "./encoding.ts";
import type { Constant, LayerSymbol, Program, TensorSymbol } from "./program.ts";

/** Raws in one `.raws` line. */
const RAWS_PER_LINE = 16;

/**
 * The listing of a program that `checkProgram` has nothing against: facts, machine, tensors, then the instructions between their
 * layers' marks, then the words of constants. `assemble` gives back the same program.
 */
export function disassemble(program: Program): string {
  const { seed, input, output, modelOutputs, hostOperators, metadata } = program;
  const outputs = modelOutputs === undefined ? {} : { modelOutputs };
  const lines = [
    "# macroscope program",
    directive(".program", { seed, input, output, ...outputs, hostOperators, metadata }),
    directive(".machine", program.machine),
    "",
    ...program.tensors.map((tensor) => directive(".tensor", { ...tensor, format: formatText(tensor.format) })),
    "",
    ...codeLines(program),
    ...program.compileOverflow.map((counts) => directive(".compileOverflow", counts)),
    ...program.constants.flatMap((constant) => constantLines(constant, program.tensors)),
  ];
  return `${lines.join("\n")}\n`;
}

/** `matrix inputAddress=0 … wait=inputReady,weightReady signal=inputFree`. */
export function instructionText(instruction: Instruction): string {
  const values = instruction as unknown as Readonly<Record<string, unknown>>;
  const { wait, signal, opcode } = instruction;
  return [
    opcode,
    ...INSTRUCTIONS[opcode].fields.map(({ name }) => `${name}=${values[name]}`),
    ...(wait === 0 ? [] : [`wait=${tokenNames(wait)}`]),
    ...(signal === 0 ? [] : [`signal=${tokenNames(signal)}`]),
  ].join(" ");
}

function codeLines({ instructions, layers, tiles }: Program): string[] {
  const tileLines = new Map(tiles.map(({ instruction, ...tile }) => [instruction, `  ${directive(".tile", tile)}`]));
  const between = (first: number, end: number): string[] =>
    instructions.slice(first, end).flatMap((instruction, index) => {
      const pc = first + index;
      const tileLine = tileLines.get(pc);
      const line = `  ${instructionText(instruction)} # ${pc}`;
      return tileLine === undefined ? [line] : [tileLine, line];
    });
  return [
    ...between(0, layers[0]?.firstInstruction ?? instructions.length),
    ...layers.flatMap((layer) => [
      ...layerLines(layer),
      ...between(layer.firstInstruction, layer.endInstruction),
      ".endLayer",
      "",
    ]),
    ...between(layers.at(-1)?.endInstruction ?? instructions.length, instructions.length),
    "",
  ];
}

function layerLines(layer: LayerSymbol): string[] {
  const { firstInstruction: _first, endInstruction: _end, datapath, ...said } = layer;
  return [directive(".layer", said), `  ${directive(".datapath", datapathTexts(datapath))}`];
}

function datapathTexts(datapath: DatapathSpec): Record<string, unknown> {
  const registers = DATAPATH_REGISTERS.flatMap((name) => {
    const spec = datapath[name];
    return spec ? [[name, registerText(spec)] as const] : [];
  });
  const { weightFractionLengths, biasOrder, averageDivider } = datapath;
  return {
    ...Object.fromEntries(registers),
    ...(weightFractionLengths && { weightFractionLengths }),
    ...(biasOrder && { biasOrder }),
    averageDivider,
  };
}

function constantLines({ tensor: name, raws }: Constant, tensors: readonly TensorSymbol[]): string[] {
  const format = tensors.find((tensor) => tensor.name === name)?.format;
  const lines = ["", directive(".constant", { tensor: name })];
  for (let start = 0; format && start < raws.length; start += RAWS_PER_LINE) {
    const count = Math.min(RAWS_PER_LINE, raws.length - start);
    lines.push(`  .raws ${Array.from({ length: count }, (_, index) => rawAt(raws, start + index, format)).join(" ")}`);
  }
  return lines;
}

function directive(name: string, values: object): string {
  return [name, ...Object.entries(values).map(([key, value]) => `${key}=${valueText(value)}`)].join(" ");
}
