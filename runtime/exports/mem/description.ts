/** What stands beside the word files: a text for people and an index for scripts. */
import type { Graph } from "../../../compiler/graph/graph.ts";
import { DATAFLOWS } from "../../../isa/dataflow/table.ts";
import { formatText } from "../../../isa/numerics/format.ts";
import { registerText } from "../../../isa/numerics/register.ts";
import { printable } from "../../../isa/printable.ts";
import type { Program } from "../../../isa/program/program.ts";
import type { ExportSubject } from "../subject.ts";
import { type MemoryFile, quantizingLayer } from "./memory-files.ts";

export const MEMORY_SCHEMA = "macroscope/mem/1";

export interface Described {
  readonly files: readonly MemoryFile[];
  readonly subject: ExportSubject;
  readonly program: Program;
  /** After the passes: its nodes are the layers. */
  readonly graph: Graph;
  readonly images: number;
  /** Name of the data set. */
  readonly data: string;
}

/** Every file and every register, as JSON. */
export function memoryIndex({ files, subject, program, graph, images, data }: Described): string {
  const index = {
    schema: MEMORY_SCHEMA,
    model: subject.model,
    data,
    images,
    machine: program.machine,
    input: { format: formatText(inputFile(files).format), quantizedBy: quantizingLayer(program) },
    files: files.map(({ file, layer, role, axes, shape, format }) => ({
      file,
      layer,
      role,
      axes,
      shape,
      wordLength: format.wordLength,
      fractionLength: format.fractionLength,
      signed: format.signed,
    })),
    layers: subject.layers.map(({ name, kind, registers, options }) => {
      const symbol = program.layers.find((layer) => layer.name === name);
      return {
        name,
        kind,
        inputs: symbol?.inputs ?? [],
        activation: activationOf(graph, name),
        biasOrder: symbol?.datapath.biasOrder ?? "last",
        table: symbol?.table ?? null,
        weightFractionLengths: symbol?.datapath.weightFractionLengths ?? null,
        channelExponents: options.channelExponents ?? null,
        registers: registers.map(({ register, spec, exact }) => ({ register, ...spec.format, ...modes(spec), exact })),
      };
    }),
  };
  return `${JSON.stringify(index, null, 2)}\n`;
}

function modes({ rounding, overflow, saturatedBits, dialect }: Parameters<typeof registerText>[0]) {
  return { rounding, overflow, saturatedBits, dialect };
}

function inputFile(files: readonly MemoryFile[]): MemoryFile {
  return files.find(({ role }) => role === "input") as MemoryFile;
}

const HEADER = `Words for $readmemh, written by macroscope. A file holds hexadecimal digits alone, one word a line:
two's complement in W bits, ceil(W / 4) digits with leading zeros, so that a word is declared as
reg [W-1:0] and taken as $signed(word) where the table says signed. Its value is word * 2^-F.

Words stand in row-major order of the sides named: the last one is fastest. Of several images all
words of one follow those of the one before: word i of image n is at address n * (words of an image) + i.
`;

const REGISTERS = `## Registers

W,F is a word of W bits with F of them behind the point, signed unless there is a u before it. "exact": so wide
that nothing is ever rounded or overflows there. Weights, biases and scales are words already: their modes made them.
`;

function layersText({ subject, program, graph }: Described): string {
  const { dataflow, rows } = program.machine;
  const about = `Step k runs over kernel row, kernel column and input channel (the last one fastest), padding included. ${DATAFLOWS[dataflow].orderText(rows)};
each such addition is rounded and fitted into the accumulator. The bias is one more addition behind the sum, or stands in the
accumulator before it ("first"). The activation acts on the accumulator, then the output register takes the value.
`;
  const cells = subject.layers.map(({ name, kind }) => {
    const symbol = program.layers.find((layer) => layer.name === name);
    const reads = (symbol?.inputs ?? []).map((input) => `\`${printable(input)}\``).join(", ");
    return [`\`${printable(name)}\``, kind, reads, activationOf(graph, name), symbol?.datapath.biasOrder ?? "last"];
  });
  const own = program.layers.filter(({ datapath }) => datapath.weightFractionLengths !== undefined);
  const points = own.map(({ name, datapath }) => {
    const lengths = (datapath.weightFractionLengths ?? []).join(" ");
    return `\nWeights of \`${printable(name)}\` have a binary point per filter, F ${lengths}: the sum times the filter's scale word is the layer's.\n`;
  });
  const scaled = subject.layers.flatMap(({ name, options: { channelExponents } }) =>
    channelExponents === undefined
      ? []
      : [
          `\nOutput channels of \`${printable(name)}\` are 2^e times those of the model, e ${channelExponents.join(" ")}; its constants and the next weights hold that.\n`,
        ],
  );
  return `## Layers\n\n${about}${points.join("")}${scaled.join("")}\n${markdownTable(["layer", "kind", "reads", "activation", "bias"], cells)}`;
}

function activationOf({ nodes }: Graph, name: string): string {
  const node = nodes.find((each) => each.name === name);
  if (node === undefined) return "none";
  if (node.op === "function") return node.function.kind;
  if (node.op === "prelu") return "prelu, slopes in scale";
  return "activation" in node ? node.activation : "none";
}

/** The folder's README.md. */
export function memoryReadme(described: Described): string {
  const { files, subject, images, data, program } = described;
  const quantizing = printable(quantizingLayer(program));
  const about = `# ${printable(subject.model)}: words\n\n${HEADER}
Images: ${images}, the first of ${printable(data)}. input.mem holds them as the input register of layer \`${quantizing}\`
quantizes them (see below); \`_output.mem\` holds the words that each layer must give.\n`;
  const fileRows = files.map(({ file, layer, role, axes, shape, format }) => [
    file,
    layer === null ? "the network's input" : `\`${printable(layer)}\` ${role}`,
    formatText(format),
    format.signed ? "signed" : "unsigned",
    `${shape.join(" x ")}: ${axes.join(", ")}`,
  ]);
  const registerRows = subject.layers.flatMap(({ name, kind, registers }) =>
    registers.map(({ register, spec, exact }) => [
      `\`${printable(name)}\` (${kind})`,
      register,
      formatText(spec.format),
      exact ? "exact" : registerText(spec).replace(/^\S+ /, ""),
    ]),
  );
  const tables = program.layers.flatMap(({ name, table }) => (table === undefined ? [] : [{ name, table }]));
  const tableText = tables.map(
    ({ name, table }) =>
      `\`${printable(name)}\`: entry (word >> ${table.droppedBits}) - (lowest word >> ${table.droppedBits}), shifts arithmetic.\n`,
  );
  return [
    about,
    `## Files\n\n${markdownTable(["file", "words", "W,F", "sign", "sides and what they are"], fileRows)}`,
    ...(tableText.length === 0 ? [] : [`## Tables\n\n${tableText.join("\n")}`]),
    layersText(described),
    REGISTERS,
    markdownTable(["layer", "register", "W,F", "rounding and overflow"], registerRows),
  ].join("\n");
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("");
}
