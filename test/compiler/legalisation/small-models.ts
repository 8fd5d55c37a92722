/** Tensor graphs written by hand, and networks run on the machine. */
import { type Compilation, compile } from "../../../compiler/compile.ts";
import type { LegalisedNetwork } from "../../../compiler/legalisation/index.ts";
import { underSpecification } from "../../../compiler/legalisation/index.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import { tensorFrom } from "../../../compiler/tensor-graph/tensor.ts";
import type {
  AnyTensor,
  AttributeValue,
  ElementType,
  TensorGraph,
  TensorNode,
} from "../../../compiler/tensor-graph/tensor-graph.ts";
import { DEFAULT_MACHINE } from "../../../isa/machine.ts";
import { type FixedPointFormat, rawToFloat64 } from "../../../isa/numerics/format.ts";
import { quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { register } from "../../../isa/numerics/register.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { fastEngine } from "../../../sim/fast/engine.ts";

/** `name = Operator(inputs)` with its attributes; the output bears the node's name with a prime. */
export interface WrittenNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
  readonly opset?: number;
  readonly outputs?: readonly string[];
}

export const float = (shape: readonly number[], numbers: readonly number[]): AnyTensor =>
  tensorFrom("float32", shape, numbers);
export const scalar = (number: number, type: ElementType = "float32"): AnyTensor => tensorFrom(type, [], [number]);
export const integers = (numbers: readonly number[]): AnyTensor => tensorFrom("int64", [numbers.length], numbers);

/** A graph whose input is `x` and whose output is the last node's first. Node `n` yields `n'`. */
export function model(
  shape: readonly (number | string | null)[],
  constants: Readonly<Record<string, AnyTensor>>,
  written: readonly WrittenNode[],
  outputs?: readonly string[],
): TensorGraph {
  const nodes = written.map(
    ({ name, operator, inputs, attributes = {}, domain = "", opset = 17, outputs: named }): TensorNode => ({
      name,
      operator,
      domain,
      opset,
      inputs,
      outputs: named ?? [`${name}'`],
      attributes,
    }),
  );
  return {
    name: "model",
    inputs: [{ name: "x", type: "float32", shape }],
    constants: new Map(Object.entries(constants)),
    nodes,
    outputs: outputs ?? [nodes.at(-1)?.outputs[0] ?? ""],
  };
}

/** The network on the fast engine, with the registers that its model prescribes over the user's word lengths. */
export function compiled(network: LegalisedNetwork, specification: AssignmentSpecification = {}): Compilation {
  const assignment = underSpecification(network.assignment, specification);
  return compile(network.graph, { machine: DEFAULT_MACHINE, assignment, seed: 1 });
}

/** Values of the output for one image; the input is quantized into its register first. */
export function runOnMachine(compilation: Compilation, image: readonly number[]): readonly number[] {
  return wordsOnMachine(compilation, image).get(compilation.program.output) ?? [];
}

/** The same for every value that the machine stores, by name. */
export function wordsOnMachine(
  { program, graph }: Compilation,
  image: readonly number[],
): ReadonlyMap<string, readonly number[]> {
  const fault = checkProgram(program);
  if (fault !== null) throw new Error(fault.message);
  const opened = fastEngine.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  const formatOf = (name: string): FixedPointFormat => {
    const found = program.tensors.find((tensor) => tensor.name === name);
    if (found === undefined) throw new Error(`no tensor ${name}`);
    return found.format;
  };
  const format = formatOf(program.input);
  const first = program.layers.find(({ inputs }) => inputs.includes(graph.input.name));
  const spec = { ...(first?.datapath.input ?? register(format)), format };
  const raws = allocateRaws(format, image.length);
  image.forEach((value, index) => {
    setRaw(raws, index, quantizeFloat64(value, spec).raw);
  });
  const { captured } = opened.session.run({ firstImage: 0, count: 1, raws }, { statistics: false, capture: true });
  return new Map(
    Array.from(captured, ([name, words]) => {
      const stored = formatOf(name);
      const values = Array.from({ length: words.length }, (_, index) =>
        rawToFloat64(rawAt(words, index, stored), stored.fractionLength),
      );
      return [name, values];
    }),
  );
}
