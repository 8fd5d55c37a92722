/**
 * A program for a layer whose operands come from several places: they come in as one image, channel behind channel, and are cut
 * apart before the layer. The words are those of the layer inside a program of the whole network.
 */
import { diagnosticError, InvariantError } from "../../isa/diagnostic.ts";
import { type FixedPointFormat, FORMAT_LIMITS, formatText } from "../../isa/numerics/format.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import type { Program } from "../../isa/program/program.ts";
import { type CompileOptions, compile } from "../compile.ts";
import type { Graph, GraphNode, SliceNode } from "../graph/graph.ts";
import { layerFacts } from "../quantization/layer-facts.ts";
import { resolveAssignment } from "../quantization/resolve-assignment.ts";

/** An operand as the host brings it: quantized into its register, then in the shared format. */
export interface Operand {
  readonly value: string;
  readonly register: RegisterSpec;
  readonly channels: number;
}

export interface OperandProgram {
  readonly program: Program;
  /** In the order of their channels. */
  readonly operands: readonly Operand[];
}

/** `shapes`: of every value. `known`: registers that operands come from; one that has none is loaded in the layer's own word. */
export function compileWithOperands(
  layer: GraphNode,
  shapes: ReadonlyMap<string, readonly number[]>,
  known: ReadonlyMap<string, RegisterSpec>,
  options: CompileOptions,
): OperandProgram {
  const { assignment: specification, assignmentName = "assignment" } = options;
  const values = [...new Set(layer.inputs)];
  const operands = values.map((value): Operand => {
    const shape = shapes.get(value) ?? [];
    const register = operandRegister(layer, { name: value, shape }, known, options);
    return { value, register, channels: shape.at(-1) ?? 0 };
  });
  const shared = sharedFormat(
    operands.map(({ register }) => register.format),
    `${assignmentName}: layer "${layer.name}"`,
  );
  const around = (shapes.get(values[0] ?? "") ?? []).slice(0, -1);
  const total = operands.reduce((sum, { channels }) => sum + channels, 0);
  const names = new Map(values.map((value, index) => [value, `${layer.name}/operand ${index + 1}`]));
  let first = 0;
  const slices = operands.map(({ value, channels }): SliceNode => {
    const start = [...around.map(() => 0), first];
    first += channels;
    return {
      op: "slice",
      name: names.get(value) ?? "",
      inputs: ["operands"],
      shape: [...around, channels],
      start,
      stop: [...around, first],
      step: [...around.map(() => 1), 1],
    };
  });
  const graph: Graph = {
    name: layer.name,
    input: { name: "operands", shape: [...around, total] },
    nodes: [...slices, { ...layer, inputs: layer.inputs.map((input) => names.get(input) ?? "") }],
    output: layer.name,
  };
  const cut = operands.map(({ value, register }) => [
    names.get(value) ?? "",
    {
      datapath: "wide",
      format: formatText(register.format),
      input: formatText(shared),
      rounding: "nearest" as const,
      overflow: "saturate",
    },
  ]);
  const assignment = { ...specification, layers: { ...specification.layers, ...Object.fromEntries(cut) } };
  return { program: compile(graph, { ...options, assignment }).program, operands };
}

/** What the layer loads an operand into. */
function operandRegister(
  layer: GraphNode,
  input: Graph["input"],
  known: ReadonlyMap<string, RegisterSpec>,
  { assignment: specification, calibration = {}, assignmentName = "assignment" }: CompileOptions,
): RegisterSpec {
  const { name, shape } = input;
  const [facts] = layerFacts({
    name: layer.name,
    input,
    nodes: [{ op: "concatenate", name: layer.name, inputs: [name], shape }],
    output: layer.name,
  });
  if (facts === undefined) throw new InvariantError(`"${layer.name}" is no layer`);
  const request = { specification, layers: [facts], input: name, calibration, where: assignmentName, known };
  const datapath = resolveAssignment(request).formats[layer.name];
  if (datapath === undefined) throw new InvariantError(`layer "${layer.name}" has no datapath`);
  return datapath.input;
}

/** The narrowest format that holds every value of all of them. */
function sharedFormat(formats: readonly FixedPointFormat[], where: string): FixedPointFormat {
  const signed = formats.some((format) => format.signed);
  const integerBits = Math.max(
    ...formats.map((format) => format.wordLength - format.fractionLength + (signed && !format.signed ? 1 : 0)),
  );
  const fractionLength = Math.max(...formats.map((format) => format.fractionLength));
  const wordLength = integerBits + fractionLength;
  if (wordLength <= FORMAT_LIMITS.wordLength) return { wordLength, fractionLength, signed };
  throw diagnosticError(
    "OPERAND_FORMATS",
    where,
    `its operands' formats ${formats.map(formatText).join(" and ")} take ${wordLength} bits together, the widest word has ${FORMAT_LIMITS.wordLength}`,
    "bring their fraction lengths nearer to each other, or compute the operands on the machine too",
  );
}
