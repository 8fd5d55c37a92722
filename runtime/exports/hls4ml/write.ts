/**
 * A configuration with which hls4ml computes the same words: a type with its modes for the input, every variable of every layer
 * and every activation that hls4ml has as a layer of its own. What hls4ml cannot compute is an error that says what to change.
 */
import type { Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import { consumers } from "../../../compiler/graph/uses.ts";
import { type Diagnostic, DiagnosticError } from "../../../isa/diagnostic.ts";
import { nameRecord } from "../../../isa/name-record.ts";
import { productFormat } from "../../../isa/numerics/growth.ts";
import { type RegisterSpec, register, registersEqual } from "../../../isa/numerics/register.ts";
import type { DatapathRegister } from "../../../isa/program/datapath.ts";
import { yamlText } from "../../yaml.ts";
import { assignmentComments } from "../identifiers.ts";
import { lacking } from "../library-modes.ts";
import type { ExportedLayer, ExportedRegister, ExportSubject } from "../subject.ts";
import { biasOrderMatters } from "./bias-order.ts";
import { keepsAll } from "./chain.ts";
import { type Hls4mlNetwork, hls4mlNetwork, type NetworkStep } from "./layers.ts";
import { quotientRegister } from "./quotient.ts";
import { hls4mlType, plainType } from "./type.ts";

type Precision = Record<string, string>;

const COMMENT = `# Types of every layer of hls4ml, activations among them, written by macroscope.
# hls4ml adds in this order with Strategy Latency, as the output-stationary dataflow does.
`;

/** Throws `DiagnosticError` EXPORT_MODE or EXPORT_HLS4ML with everything that hls4ml cannot compute. */
export function hls4mlConfiguration(subject: ExportSubject, lowerable: Graph, imported: Graph): string {
  return new Writer(subject, lowerable, imported).write();
}

class Writer {
  readonly #layers: ReadonlyMap<string, ExportedLayer>;
  readonly #verified: ExportSubject["verified"];
  readonly #lowerable: ReadonlyMap<string, GraphNode>;
  readonly #network: Hls4mlNetwork;
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  readonly #found: Diagnostic[] = [];
  readonly #entries: Record<string, { readonly Precision: Precision }> = nameRecord();
  /** hls4ml's type of every value. */
  readonly #types: Map<string, RegisterSpec> = new Map<string, RegisterSpec>();

  constructor({ layers, verified }: ExportSubject, lowerable: Graph, imported: Graph) {
    this.#verified = verified;
    this.#layers = new Map(layers.map((layer) => [layer.name, layer]));
    this.#lowerable = new Map(lowerable.nodes.map((node) => [node.name, node]));
    this.#network = hls4mlNetwork(imported, lowerable);
    this.#readers = consumers(imported);
  }

  write(): string {
    const { input, steps, unknown } = this.#network;
    for (const { name, op } of unknown) {
      this.#refuse(
        name,
        `what hls4ml makes of a ${op} layer is not known here`,
        "export to json, csv or another language",
      );
    }
    const type = this.#inputType();
    if (type !== null) {
      this.#types.set(input.name, type.spec);
      this.#entry(input.name, { result: this.#text(type.layer, type) });
    }
    if (this.#found.length === 0) for (const step of steps) this.#step(step);
    if (this.#found.length > 0) throw new DiagnosticError(this.#distinct());
    const configuration = {
      Model: {
        Precision: { default: type === null ? "fixed<16,6>" : this.#text(type.layer, type) },
        ReuseFactor: 1,
        Strategy: "Latency",
      },
      LayerName: this.#entries,
    };
    const known = assignmentComments({ verified: this.#verified, layers: [...this.#layers.values()] }, "#").map(
      (line) => `${line}\n`,
    );
    return [COMMENT, ...known, yamlText(configuration)].join("");
  }

  /** A register that stands for two of hls4ml's casts is named once. */
  #distinct(): readonly Diagnostic[] {
    const seen = new Set<string>();
    return this.#found.filter((each) => seen.size < seen.add(JSON.stringify(each)).size);
  }

  #refuse(layer: string, what: string, hint: string): void {
    this.#found.push({ code: "EXPORT_HLS4ML", where: `layer "${layer}"`, what, hint });
  }

  #entry(name: string, precision: Precision): void {
    this.#entries[name] = { Precision: precision };
  }

  /** The type with its modes; where they never act without. */
  #text(layer: ExportedLayer, held: ExportedRegister): string {
    const type = hls4mlType(held.spec);
    if (typeof type === "string") return type;
    if (!held.exact) this.#found.push(lacking(layer, held, type.lacks));
    return plainType(held.spec);
  }

  /** The input register of the layers that read the network's input. */
  #inputType(): (ExportedRegister & { readonly layer: ExportedLayer }) | null {
    const { name } = this.#network.input;
    for (const { node, computedBy } of this.#network.steps) {
      if (!node.inputs.includes(name) && !this.#readsThrough(node, name)) continue;
      const layer = computedBy === node.name ? this.#layers.get(node.name) : undefined;
      const held = layer && registerOf(layer, "input");
      if (layer && held) return { ...held, layer };
    }
    return null;
  }

  /** Whether a node reads a value that is only the named one in another shape. */
  #readsThrough({ inputs }: GraphNode, name: string): boolean {
    return inputs.some((input) => {
      const step = this.#network.steps.find(({ node }) => node.name === input);
      return (
        step !== undefined &&
        step.computedBy === null &&
        (step.node.inputs.includes(name) || this.#readsThrough(step.node, name))
      );
    });
  }

  #typeOf(value: string): RegisterSpec {
    return this.#types.get(value) ?? register({ wordLength: 16, fractionLength: 10, signed: true });
  }

  #step(step: NetworkStep): void {
    const { node, layer, computedBy } = step;
    const [input = ""] = node.inputs;
    const own = computedBy === node.name ? this.#layers.get(node.name) : undefined;
    if (own !== undefined) this.#checkInput(own, node);
    const output = own && registerOf(own, "output");
    if (own === undefined || output === undefined) {
      this.#types.set(node.name, this.#typeOf(input));
      // What is folded into a layer has been written with it.
      if (this.#entries[layer.name] === undefined && node.op !== "softmax" && step.layer.kind !== "Merge") {
        this.#entry(layer.name, { result: plainText(this.#typeOf(input)) });
      }
      return;
    }
    if (node.op === "conv2d" || node.op === "dense") this.#sums(step, own, output);
    else if (node.op === "batchNormalization") this.#normalization(step, own, output);
    else if (node.op === "pool") this.#pool(step, own, output, node.kind);
    else if (node.op === "add" || node.op === "subtract" || node.op === "multiply") this.#merge(step, own, output);
    else this.#entry(layer.name, { result: this.#text(own, output) });
    this.#types.set(node.name, this.#types.get(node.name) ?? output.spec);
  }

  /** hls4ml reads words as they are: a layer that loads them into a narrower register has no equal. */
  #checkInput(layer: ExportedLayer, node: GraphNode): void {
    const held = registerOf(layer, "input");
    if (held === undefined || !layer.options.explicitInput) return;
    for (const value of node.inputs) {
      const type = this.#typeOf(value);
      if (keepsAll(held.spec, type) || registersEqual(held.spec, type)) continue;
      const what = "its input register rounds or clips once more what the layer before it wrote";
      this.#refuse(layer.name, what, "leave input out, or give the layer before it this format");
      return;
    }
  }

  #sums(step: NetworkStep, layer: ExportedLayer, output: ExportedRegister): void {
    const { node, activation } = step;
    const { weight, bias, accumulator, sum } = registersOf(layer);
    if (weight === undefined || accumulator === undefined) return;
    this.#checkSums(layer, node);
    this.#entry(step.layer.name, {
      weight: this.#text(layer, weight),
      ...(bias && { bias: this.#text(layer, bias) }),
      accum: this.#text(layer, accumulator),
    });
    const results = this.#entries[step.layer.name]?.Precision ?? {};
    const [folded, act] = this.#behind(node);
    // The cast before the activation: the sum register, or one that loses nothing.
    const before = sum ?? { ...accumulator, exact: true };
    const inner = activation !== null && !activation.name.endsWith("_linear");
    const isLast = !inner && act === null;
    const ends = isLast ? output : before;
    if (folded !== null) {
      if (isLast && sum !== undefined) this.#refuseSum(layer.name);
      results.result = "auto";
      this.#entry(folded.layer.name, { result: this.#text(layer, ends) });
    } else if (activation === null) {
      if (isLast && sum !== undefined) this.#refuseSum(layer.name);
      results.result = this.#text(layer, ends);
    } else {
      results.result = this.#text(layer, sum ?? (isLast ? output : before));
      this.#entry(activation.name, { result: this.#text(layer, inner && act === null ? output : ends) });
    }
    if (act !== null) this.#entry(act.layer.name, { result: this.#text(layer, output) });
    for (const each of [node, folded?.node, act?.node]) if (each) this.#types.set(each.name, output.spec);
  }

  #refuseSum(layer: string): void {
    this.#refuse(layer, "hls4ml has no cast there for the sum register", "leave sum out, or give output its format");
  }

  /** The normalization and the activation that the layer took in. */
  #behind(node: GraphNode): readonly [NetworkStep | null, NetworkStep | null] {
    let folded: NetworkStep | null = null;
    let act: NetworkStep | null = null;
    for (const step of this.#network.steps) {
      if (step.computedBy !== node.name || step.node.name === node.name) continue;
      if (step.node.op === "batchNormalization") folded = step;
      if (step.node.op === "activation") act = step;
    }
    return [folded, act];
  }

  /** Products are cast to the accumulator's type, and the sum starts with the bias. */
  #checkSums(layer: ExportedLayer, node: GraphNode): void {
    const { input, weight, product, accumulator, sum, bias, scale } = registersOf(layer);
    if (accumulator === undefined || product === undefined || weight === undefined) return;
    const { name, options } = layer;
    const wraps = accumulator.spec.overflow === "wrap" && accumulator.spec.saturatedBits === 0;
    const exact = input && { ...register(productFormat(input.spec.format, weight.spec.format)) };
    const finer = accumulator.spec.format.fractionLength >= product.spec.format.fractionLength;
    const same =
      registersEqual(product.spec, accumulator.spec) ||
      (product.exact && exact !== undefined && (keepsAll(accumulator.spec, exact) || (wraps && finer)));
    if (!same) {
      const what = "hls4ml casts every product to accum before it adds it";
      this.#refuse(name, what, "give product the accumulator's format, rounding and overflow");
    }
    const own = this.#lowerable.get(name);
    const late = bias !== undefined && options.biasOrder !== "first";
    if (late && input !== undefined && (own?.op === "conv2d" || own?.op === "dense")) {
      const [x, w, b] = [input.spec, weight.spec, bias.spec];
      const fine = b.format.fractionLength <= accumulator.spec.format.fractionLength;
      // What wraps may be added in any order.
      const free = sum === undefined && wraps && finer && fine;
      const specs = { input: x, weight: w, product: product.spec, accumulator: accumulator.spec, bias: b };
      if (sum !== undefined || (!free && biasOrderMatters(own, specs))) {
        this.#refuse(name, "hls4ml's accumulator starts with the bias", "write biasOrder: first");
      }
    }
    if (scale !== undefined) this.#refuse(name, "hls4ml has no multipliers behind a sum", "export to json or csv");
    if (options.weightQuantizer !== undefined) {
      const what = `hls4ml quantizes the model's own weights, without ${options.weightQuantizer}`;
      this.#refuse(name, what, "write a model of the quantized weights: --to qonnx");
    }
    if (node.op === "conv2d" && node.groups > 1 && node.kernel.shape.at(-1) !== node.groups) {
      this.#refuse(name, "hls4ml's depthwise convolution has one filter for each channel", "export to json or csv");
    }
  }

  #normalization({ node, layer }: NetworkStep, own: ExportedLayer, output: ExportedRegister): void {
    const { weight, bias, product, accumulator, sum } = registersOf(own);
    const fine = (bias?.spec.format.fractionLength ?? 0) <= (accumulator?.spec.format.fractionLength ?? 0);
    if (product?.exact !== true || accumulator?.exact !== true || !fine || sum !== undefined) {
      const hint = "make its product and accumulator exact, with the bias' fraction bits";
      this.#refuse(node.name, "hls4ml scales and shifts exactly", hint);
    }
    if (weight === undefined || bias === undefined) return;
    this.#entry(layer.name, {
      scale: this.#text(own, weight),
      bias: this.#text(own, bias),
      result: this.#text(own, output),
    });
    const [, act] = this.#behind(node);
    if (act === null) return;
    this.#refuse(
      node.name,
      "an activation behind it acts on its cast in hls4ml",
      "give the activation a layer of its own",
    );
  }

  #pool({ node, layer }: NetworkStep, own: ExportedLayer, output: ExportedRegister, kind: "maximum" | "average"): void {
    const { input, accumulator } = registersOf(own);
    if (kind === "maximum") {
      const type = own.options.explicitInput && input ? input.spec : this.#typeOf(node.inputs[0] ?? "");
      const loaded = this.#loadedBehind(node.name, type);
      this.#entry(layer.name, {
        accum: plainText(type),
        result: this.#text(own, { ...output, exact: false, spec: loaded }),
      });
      this.#types.set(node.name, loaded);
      return;
    }
    if (accumulator === undefined) return;
    const result = quotientRegister(accumulator.spec, output.spec);
    if (!own.options.averageDivider || result === null || !sameQuotient(accumulator.spec, output.spec)) {
      const what = "hls4ml cuts a mean toward zero at the accumulator's last bit";
      this.#refuse(
        node.name,
        what,
        "write averageDivider: true, and an output that rounds by zero with no more fraction bits",
      );
    }
    this.#entry(layer.name, { accum: this.#text(own, accumulator), result: this.#text(own, output) });
  }

  /** The narrower register into which all readers of a maximum load it; else its own type. */
  #loadedBehind(value: string, type: RegisterSpec): RegisterSpec {
    const readers = this.#layersReading(value);
    const [first, ...others] = readers.map((layer) =>
      layer.options.explicitInput ? registerOf(layer, "input")?.spec : undefined,
    );
    if (first === undefined || keepsAll(first, type)) return type;
    return others.every((other) => other !== undefined && registersEqual(other, first)) ? first : type;
  }

  /** Layers that read a value, through what only gives it another shape. */
  #layersReading(value: string): readonly ExportedLayer[] {
    return (this.#readers.get(value) ?? []).flatMap((node) => {
      const step = this.#network.steps.find((each) => each.node.name === node.name);
      if (step === undefined) return [];
      if (step.computedBy !== node.name) return this.#layersReading(node.name);
      const layer = this.#layers.get(node.name);
      return layer === undefined ? [] : [layer];
    });
  }

  #merge({ node, layer }: NetworkStep, own: ExportedLayer, output: ExportedRegister): void {
    if (node.inputs.length > 2) {
      this.#refuse(node.name, `it joins ${node.inputs.length} values, and hls4ml two`, "join them two by two");
    }
    const { accumulator } = registersOf(own);
    const inner = "activation" in node && node.activation !== "none" ? `${node.name}_${node.activation}` : null;
    const [, act] = this.#behind(node);
    const behind = act?.layer.name ?? inner;
    const exact = accumulator && { ...accumulator, exact: true };
    this.#entry(layer.name, { result: this.#text(own, behind === null ? output : (exact ?? output)) });
    if (behind !== null) this.#entry(behind, { result: this.#text(own, output) });
    if (act !== null) this.#types.set(act.node.name, output.spec);
  }
}

function plainText(spec: RegisterSpec): string {
  const type = hls4mlType(spec);
  return typeof type === "string" ? type : plainType(spec);
}

/** Whether hls4ml's two roundings of a mean are the one of the output register. */
function sameQuotient(accumulator: RegisterSpec, output: RegisterSpec): boolean {
  return output.rounding === "zero" || (output.rounding === "down" && !accumulator.format.signed);
}

function registerOf({ registers }: ExportedLayer, name: DatapathRegister): ExportedRegister | undefined {
  return registers.find(({ register: held }) => held === name);
}

function registersOf({ registers }: ExportedLayer): Readonly<Partial<Record<DatapathRegister, ExportedRegister>>> {
  return Object.fromEntries(registers.map((held) => [held.register, held]));
}
