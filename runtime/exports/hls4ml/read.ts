/**
 * A configuration of hls4ml for its network, as the registers in which the machine computes hls4ml's words: every product is
 * cast to `accum` first, the accumulator starts with the bias, every layer of hls4ml ends in a cast to its `result`. Facts from
 * the templates nnet_dense_latency.h, nnet_conv2d_latency.h, nnet_activation.h, nnet_pooling.h and nnet_merge.h.
 */
import type { Conv2dNode, DenseNode, Graph, GraphNode } from "../../../compiler/graph/graph.ts";
import type { AssignmentSpecification, LayerEntry } from "../../../compiler/quantization/specification.ts";
import { type Diagnostic, DiagnosticError, nearestName } from "../../../isa/diagnostic.ts";
import { nameRecord } from "../../../isa/name-record.ts";
import { FORMAT_LIMITS } from "../../../isa/numerics/format.ts";
import { productFormat, sumFormat, sumOfTermsFormat } from "../../../isa/numerics/growth.ts";
import { type RegisterSpec, register, registersEqual } from "../../../isa/numerics/register.ts";
import { registerFields } from "../entries.ts";
import { CastChain, keepsAll } from "./chain.ts";
import { Hls4mlConfiguration, type Variable, type WrittenType } from "./configuration.ts";
import { inferAverage, inferMerge, inferNormalization, inferSum, type MergeOperation, NO_BIAS } from "./infer.ts";
import { type Hls4mlLayer, type Hls4mlNetwork, hls4mlNetwork, type NetworkStep } from "./layers.ts";
import { quotientRegister } from "./quotient.ts";

/** The network that a configuration is for. */
export interface ConfiguredNetwork {
  /** Before and after the compiler's passes. */
  readonly imported: Graph;
  readonly lowerable: Graph;
  /** Whether the model prescribes registers of its own. */
  readonly prescribes: boolean;
}

export interface ReadHls4ml {
  readonly assignment: AssignmentSpecification;
  /** Entries that change no word, one line each. */
  readonly notes: readonly string[];
}

/** Throws `DiagnosticError` with everything that the machine cannot compute as hls4ml does. */
export function readHls4ml(value: unknown, network: ConfiguredNetwork, where: string): ReadHls4ml {
  return new Reader(new Hls4mlConfiguration(value, where), network, where).read();
}

/** A value on its way from layer to layer. */
interface Value {
  /** hls4ml's type of it. */
  readonly type: RegisterSpec;
  /** What holds every value that occurs. */
  readonly values: RegisterSpec;
  /** A cast that no layer has made yet: the layer that reads it makes it on loading. */
  readonly pending: RegisterSpec | null;
  readonly positive: boolean;
  /** The layer whose output register it is. */
  readonly chain: { readonly layer: string; readonly casts: CastChain } | null;
}

class Reader {
  readonly #configuration: Hls4mlConfiguration;
  readonly #source: ConfiguredNetwork;
  readonly #network: Hls4mlNetwork;
  readonly #where: string;
  readonly #found: Diagnostic[] = [];
  readonly #notes: string[] = [];
  readonly #values: Map<string, Value> = new Map<string, Value>();
  readonly #entries: Map<string, LayerEntry> = new Map<string, LayerEntry>();
  readonly #chains: Map<string, CastChain> = new Map<string, CastChain>();
  /** What hls4ml infers for the result of a layer into which a batch normalization is folded. */
  readonly #inferred: Map<string, () => RegisterSpec> = new Map<string, () => RegisterSpec>();
  #inputIsRead = false;

  constructor(configuration: Hls4mlConfiguration, source: ConfiguredNetwork, where: string) {
    this.#configuration = configuration;
    this.#source = source;
    this.#network = hls4mlNetwork(source.imported, source.lowerable);
    this.#where = where;
  }

  read(): ReadHls4ml {
    this.#checkNames();
    for (const { name, op } of this.#network.unknown) {
      this.#refuse(
        name,
        `hls4ml's words of a ${op} layer are not known here`,
        "give its word lengths in macroscope's own form",
      );
    }
    if (this.#found.length > 0) throw new DiagnosticError(this.#found);
    const { input, steps } = this.#network;
    const type = this.#resultOf(input, () => this.#configuration.modelDefault());
    this.#values.set(input.name, { type, values: type, pending: null, positive: false, chain: null });
    for (const step of steps) this.#step(step);
    this.#checkOutput();
    for (const [layer, chain] of this.#chains) this.#finish(layer, chain);
    if (this.#found.length > 0) throw new DiagnosticError(this.#found);
    return { assignment: { layers: nameRecord(this.#entries) }, notes: this.#notes };
  }

  #refuse(layer: string, what: string, hint: string): void {
    this.#found.push({ code: "HLS4ML", where: `${this.#where}: layer "${layer}"`, what, hint });
  }

  /** Every entry must concern a layer of the network. */
  #checkNames(): void {
    const { input, steps } = this.#network;
    const layers = [input, ...steps.flatMap(({ layer, activation }) => [layer, ...(activation ? [activation] : [])])];
    const names = layers.map(({ name }) => name);
    const lower = new Set(names.map((name) => name.toLowerCase()));
    for (const name of this.#configuration.layerNames) {
      if (lower.has(name.toLowerCase())) continue;
      const nearest = nearestName(name, names);
      this.#found.push({
        code: "UNKNOWN_LAYER",
        where: `${this.#where}: LayerName.${name}`,
        what: "hls4ml has no layer of this name for the network",
        hint: nearest === undefined ? `its layers are ${names.slice(0, 12).join(", ")}` : `did you mean "${nearest}"?`,
      });
    }
    const kinds = new Set(layers.map(({ kind }) => kind.toLowerCase()));
    for (const name of this.#configuration.typeNames) {
      if (!kinds.has(name.toLowerCase()))
        this.#notes.push(`LayerType.${name}: no layer of this class is in the network`);
    }
    for (const { name, kind } of layers) this.#found.push(...this.#configuration.unknownVariables(name, kind));
  }

  /** The type that is written, or the inferred one. */
  #typeOf(layer: Hls4mlLayer, variable: Variable, infer: () => RegisterSpec): RegisterSpec {
    const written = this.#configuration.typeOf(layer.name, layer.kind, variable);
    if (written.type !== null) return written.type;
    this.#requireInferable(written);
    return infer();
  }

  #resultOf(layer: Hls4mlLayer, infer: () => RegisterSpec): RegisterSpec {
    return this.#typeOf(layer, "result", infer);
  }

  #requireInferable({ where }: WrittenType): void {
    if (!this.#source.prescribes) return;
    const what = "auto takes the types of the model's own quantizers here, which hls4ml reads in its own way";
    throw new DiagnosticError([
      { code: "HLS4ML", where, what, hint: "write the type that hls4ml inferred, from its printed configuration" },
    ]);
  }

  #value(name: string): Value {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    const [type] = [...this.#values.values()].map((each) => each.type);
    return { type: type ?? NO_BIAS, values: type ?? NO_BIAS, pending: null, positive: false, chain: null };
  }

  #step(step: NetworkStep): void {
    const { node } = step;
    switch (node.op) {
      case "conv2d":
      case "dense":
        this.#sums(step, node);
        return;
      case "batchNormalization":
        if (step.folded) this.#foldedNormalization(step);
        else this.#normalization(step);
        return;
      case "activation":
        this.#activation(step, step.layer, node.activation);
        return;
      case "pool":
        this.#pool(step, node);
        return;
      case "softmax":
        this.#values.set(node.name, this.#value(node.inputs[0] ?? ""));
        this.#noEffect(step.layer, "the host computes the closing softmax");
        return;
      case "reshape":
        this.#values.set(node.name, this.#value(node.inputs[0] ?? ""));
        this.#noEffect(
          step.layer,
          "hls4ml gives its input another shape, in its input's type",
          this.#value(node.name).type,
        );
        return;
      case "add":
      case "subtract":
      case "multiply":
      case "concatenate":
        this.#merge(step, node.op);
        return;
      default:
        this.#moved(step);
    }
  }

  /** Says of an entry that another type stands in it than the layer has, and that this changes nothing. */
  #noEffect({ name, kind }: Hls4mlLayer, why: string, own?: RegisterSpec): void {
    if (!this.#configuration.names(name)) return;
    const { type } = this.#configuration.typeOf(name, kind, "result");
    if (type === null || (own !== undefined && registersEqual(type, own))) return;
    this.#notes.push(`LayerName.${name} changes no word: ${why}`);
  }

  /** The input register of a layer that loads this value; undefined where words come as they are. */
  #loaded(value: Value): RegisterSpec | undefined {
    if (value.pending !== null) return value.pending;
    if (value.chain !== null || this.#inputIsRead || value !== this.#values.get(this.#network.input.name))
      return undefined;
    this.#inputIsRead = true;
    return value.type;
  }

  #sums({ node, layer, activation }: NetworkStep, { kernel, bias, activation: act }: Conv2dNode | DenseNode): void {
    const configuration = this.#configuration;
    const value = this.#value(node.inputs[0] ?? "");
    const folds = this.#network.steps.some((step) => step.folded && step.node.inputs[0] === node.name);
    const weight = this.#typeOf(layer, "weight", () => configuration.modelDefault());
    const biasType = (): RegisterSpec => this.#typeOf(layer, "bias", () => configuration.modelDefault());
    const biasRegister = bias === null && !folds ? NO_BIAS : biasType();
    const terms = kernel.shape.slice(0, -1).reduce((product, side) => product * side, 1);
    const inferred = (): RegisterSpec => inferSum(value.type, weight, biasRegister, terms, configuration);
    const accumulator = this.#typeOf(layer, "accum", inferred);
    this.#checkOrder(layer, accumulator);
    const input = this.#loaded(value);
    this.#entries.set(node.name, {
      ...this.#base(value.type),
      ...(input && { input: registerFields(input) }),
      weight: registerFields(weight),
      ...this.#sumRegisters(layer, accumulator, { input: value.type, weight, bias: biasRegister, terms }),
      ...(biasRegister === NO_BIAS ? {} : { bias: registerFields(biasRegister) }),
      biasOrder: "first",
    });
    const chain = this.#open(node.name, accumulator, true);
    if (folds) {
      this.#inferred.set(node.name, inferred);
      return;
    }
    const written = configuration.typeOf(layer.name, layer.kind, "result");
    this.#cast(layer, chain, this.#resultOf(layer, inferred));
    if (activation === null) return;
    if (act === "none" && written.type === null) {
      this.#noEffect(activation, `hls4ml merges it into ${layer.name}, whose result is auto`);
      return;
    }
    this.#activate(activation, chain, act);
    this.#cast(
      activation,
      chain,
      this.#resultOf(activation, () => configuration.modelDefault()),
    );
  }

  /** Product and accumulator of one type. One wider than a register that an entry can name must lose nothing. */
  #sumRegisters(
    { name }: Hls4mlLayer,
    accumulator: RegisterSpec,
    { input, weight, bias, terms }: { input: RegisterSpec; weight: RegisterSpec; bias: RegisterSpec; terms: number },
  ): Pick<LayerEntry, "product" | "accumulator"> {
    const fields = registerFields(accumulator);
    if (fields.format !== "exact") return { product: fields, accumulator: fields };
    const product = productFormat(input.format, weight.format);
    const needed = register(sumOfTermsFormat(product, terms + 1));
    if (!keepsAll(accumulator, needed) || bias.format.fractionLength > product.fractionLength) {
      const hint = `narrow it to ${FORMAT_LIMITS.wordLength} bits`;
      this.#refuse(name, `an accum of ${accumulator.format.wordLength} bits in which something is lost`, hint);
    }
    return { product: "exact", accumulator: "exact" };
  }

  /** Products are added in the order of the inputs; in another, words differ where a partial sum saturates. */
  #checkOrder(layer: Hls4mlLayer, accumulator: RegisterSpec): void {
    if (accumulator.overflow === "wrap" && accumulator.saturatedBits === 0) return;
    const other = this.#configuration.otherOrder(layer.name, layer.kind);
    if (other === null) return;
    this.#found.push({
      code: "HLS4ML",
      where: other.where,
      what: `${other.how} adds the products of ${layer.name} in another order, which changes sums that saturate`,
      hint: "use Strategy Latency, or an accum that wraps",
    });
  }

  #open(layer: string, sums: RegisterSpec, hasSum: boolean): CastChain {
    const casts = new CastChain(sums, hasSum);
    this.#chains.set(layer, casts);
    this.#values.set(layer, this.#chained(layer, casts));
    return casts;
  }

  #chained(layer: string, casts: CastChain): Value {
    return {
      get type() {
        return casts.type;
      },
      get values() {
        return casts.values;
      },
      get positive() {
        return casts.positive;
      },
      pending: null,
      chain: { layer, casts },
    };
  }

  #cast({ name }: Hls4mlLayer, chain: CastChain, type: RegisterSpec): void {
    if (chain.cast(type)) return;
    const hint = "give two of the layers one type, or one that holds all of the type before it";
    this.#refuse(name, "hls4ml casts more often here than the machine has registers for", hint);
  }

  #activate({ name }: Hls4mlLayer, chain: CastChain, activation: "none" | "relu" | "relu6"): void {
    if (activation === "none" || chain.activate(activation)) return;
    const hint = "give the layer before it a type that holds all of its sums, or one that saturates";
    this.#refuse(name, `its ${activation} acts on values that the machine has no register for`, hint);
  }

  /** hls4ml folds it only into a layer whose result is auto, which then has the type of the normalization. */
  #foldedNormalization({ node, layer }: NetworkStep): void {
    const value = this.#value(node.inputs[0] ?? "");
    const before = this.#network.steps.find((step) => step.node.name === node.inputs[0]);
    this.#values.set(node.name, value);
    const inferred = this.#inferred.get(node.inputs[0] ?? "");
    if (value.chain === null || before === undefined || inferred === undefined) {
      this.#refuse(layer.name, "hls4ml computes it as a layer of its own", "run with --batch-norm separate");
      return;
    }
    const parent = this.#configuration.typeOf(before.layer.name, before.layer.kind, "result");
    if (parent.type !== null) {
      const what = `hls4ml folds it only where the result of ${before.layer.name} is auto`;
      this.#refuse(layer.name, what, `run with --batch-norm separate, or write auto for ${before.layer.name}'s result`);
      return;
    }
    if (before.activation) this.#noEffect(before.activation, `hls4ml merges it into ${before.layer.name}`);
    this.#cast(layer, value.chain.casts, this.#resultOf(layer, inferred));
  }

  /** x · scale + bias, exact up to the cast. */
  #normalization({ node, layer }: NetworkStep): void {
    const configuration = this.#configuration;
    const value = this.#value(node.inputs[0] ?? "");
    const scale = this.#typeOf(layer, "scale", () => configuration.modelDefault());
    const bias = this.#typeOf(layer, "bias", () => configuration.modelDefault());
    const input = this.#loaded(value);
    const sums = register(sumFormat(productFormat(value.type.format, scale.format), bias.format));
    if (registerFields(sums).format === "exact") {
      this.#refuse(layer.name, "its exact sum has more bits than a register", "use narrower types");
    }
    this.#entries.set(node.name, {
      ...this.#base(value.type),
      ...(input && { input: registerFields(input) }),
      weight: registerFields(scale),
      product: "exact",
      accumulator: registerFields(sums),
      bias: registerFields(bias),
    });
    const chain = this.#open(node.name, sums, true);
    this.#cast(
      layer,
      chain,
      this.#resultOf(layer, () => inferNormalization(value.type, scale, bias, configuration)),
    );
  }

  /** A layer of its own in hls4ml; here the end of the layer before it, or a copy. */
  #activation({ node, computedBy }: NetworkStep, layer: Hls4mlLayer, activation: "relu" | "relu6"): void {
    const value = this.#value(node.inputs[0] ?? "");
    const result = this.#resultOf(layer, () => this.#configuration.modelDefault());
    if (computedBy === node.name || value.chain === null) {
      const chain = this.#elementWise(node.name, value);
      this.#activate(layer, chain, activation);
      this.#cast(layer, chain, result);
      return;
    }
    this.#activate(layer, value.chain.casts, activation);
    this.#cast(layer, value.chain.casts, result);
    this.#values.set(node.name, value);
  }

  /** A layer of one operand without a sum. */
  #elementWise(name: string, value: Value): CastChain {
    const input = this.#loaded(value);
    this.#entries.set(name, { ...this.#base(value.type), ...(input && { input: registerFields(input) }) });
    return this.#open(name, value.values, false);
  }

  #moved({ node, layer, computedBy }: NetworkStep): void {
    const value = this.#value(node.inputs[0] ?? "");
    const result = this.#resultOf(layer, () => value.type);
    if (computedBy === node.name) this.#cast(layer, this.#elementWise(node.name, value), result);
    else this.#values.set(node.name, this.#recast(layer, value, result));
  }

  /** A cast between two layers: the next one makes it on loading. */
  #recast({ name }: Hls4mlLayer, value: Value, type: RegisterSpec): Value {
    const { positive, chain } = value;
    if (keepsAll(type, value.values, positive))
      return { type, values: value.values, positive, chain, pending: value.pending };
    if (value.pending !== null && !registersEqual(value.pending, type)) {
      this.#refuse(name, "two casts follow each other here", "give accum and result the type of the layer before it");
    }
    return { type, values: type, positive, chain, pending: type };
  }

  #pool({ node, layer }: NetworkStep, { kind, kernel }: Extract<GraphNode, { op: "pool" }>): void {
    const value = this.#value(node.inputs[0] ?? "");
    const input = this.#loaded(value);
    const entry = { ...this.#base(value.type), ...(input && { input: registerFields(input) }) };
    if (kind === "maximum") {
      this.#entries.set(node.name, entry);
      const loaded: Value = {
        type: value.type,
        values: value.values,
        positive: value.positive,
        pending: null,
        chain: { layer: node.name, casts: new CastChain(value.values, false) },
      };
      const accumulated = this.#recast(
        layer,
        loaded,
        this.#typeOf(layer, "accum", () => value.type),
      );
      this.#values.set(
        node.name,
        this.#recast(
          layer,
          accumulated,
          this.#resultOf(layer, () => value.type),
        ),
      );
      return;
    }
    const accumulator = this.#typeOf(layer, "accum", () => inferAverage(value.type, kernel[0] * kernel[1]));
    const result = this.#resultOf(layer, () => value.type);
    this.#entries.set(node.name, {
      ...entry,
      accumulator: registerFields(accumulator),
      averageDivider: true,
    });
    const chain = this.#open(node.name, accumulator, false);
    this.#values.set(node.name, this.#chained(node.name, chain));
    const output = quotientRegister(accumulator, result);
    if (output === null) {
      const what = "hls4ml cuts the mean toward zero at accum's last bit before it casts it to result";
      this.#refuse(layer.name, what, "give result as many fraction bits as accum, or the rounding TRN_ZERO");
      return;
    }
    chain.cast(output);
  }

  #merge({ node, layer, computedBy }: NetworkStep, operation: MergeOperation): void {
    if (computedBy !== node.name) {
      // A bias that ONNX writes as an addition.
      this.#values.set(node.name, this.#value(node.inputs[0] ?? ""));
      this.#noEffect(layer, "it is the bias of the layer before it");
      return;
    }
    const values = node.inputs.map((input) => this.#value(input));
    const [first, second, ...others] = values;
    if (first === undefined || second === undefined || others.length > 0) {
      this.#refuse(layer.name, `it joins ${values.length} values, and hls4ml two`, "join them two by two");
      return;
    }
    const read = values.map((value) => this.#loaded(value));
    if (
      values.some(({ pending }) => pending !== null) ||
      (read.some(Boolean) && !registersEqual(first.type, second.type))
    ) {
      const hint = "give the layers before it types that hold all of their inputs";
      this.#refuse(layer.name, "an operand is cast between two layers, and the machine has no register there", hint);
    }
    const input = read.find((each) => each !== undefined);
    this.#entries.set(node.name, { ...this.#base(first.type), ...(input && { input: registerFields(input) }) });
    const exact = exactMerge(operation, first.type, second.type);
    const chain = this.#open(node.name, exact, false);
    this.#cast(
      layer,
      chain,
      this.#resultOf(layer, () => inferMerge(operation, first.type, second.type, this.#configuration)),
    );
    const inner = "activation" in node ? node.activation : "none";
    if (inner === "none") return;
    const activation: Hls4mlLayer = { name: `${node.name}_${inner}`, kind: "Activation" };
    this.#activate(activation, chain, inner);
    this.#cast(
      activation,
      chain,
      this.#resultOf(activation, () => this.#configuration.modelDefault()),
    );
  }

  /** What registers that no entry names are made from: none of them rounds or clips anything. */
  #base({ format }: RegisterSpec): LayerEntry {
    return { datapath: "intrinsic", ...registerFields(register(format, "down", "wrap", 0, "ap")) };
  }

  #checkOutput(): void {
    const { imported } = this.#source;
    const { pending } = this.#value(imported.output);
    if (pending === null) return;
    const hint = "give it the type of the layer before it";
    this.#refuse(
      imported.output,
      "the network's output is cast once more, and the machine has no register there",
      hint,
    );
  }

  #finish(layer: string, chain: CastChain): void {
    const entry = this.#entries.get(layer) ?? {};
    if (entry.output !== undefined) return;
    const registers = chain.registers();
    if (registers === null) {
      this.#refuse(layer, "hls4ml casts before and behind its activation", "give both layers one type");
      return;
    }
    const { sum, output } = registers;
    this.#entries.set(layer, { ...entry, ...(sum && { sum: registerFields(sum) }), output: registerFields(output) });
  }
}

function exactMerge(operation: MergeOperation, a: RegisterSpec, b: RegisterSpec): RegisterSpec {
  if (operation === "multiply") return register(productFormat(a.format, b.format));
  const sum = sumFormat(a.format, b.format);
  if (operation === "concatenate") return register({ ...sum, wordLength: sum.wordLength - 1 });
  const signed = operation === "subtract" ? { ...sum, signed: true } : sum;
  return register(signed);
}
