/** From what a user wrote to a register for every point of every layer. */

import { type Diagnostic, DiagnosticError, diagnosticError } from "../../isa/diagnostic.ts";
import { nameRecord } from "../../isa/name-record.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import {
  DATAPATH_REGISTERS,
  type DatapathSpec,
  type FormatAssignment,
  type LayerRanges,
} from "../../isa/program/datapath.ts";
import type { LayerContext } from "./layer-context.ts";
import type { LayerFacts } from "./layer-facts.ts";
import { selectKeys } from "./layer-pattern.ts";
import type { TensorQuantizer } from "./quantizers/quantizer.ts";
import { quantizerOf } from "./quantizers/table.ts";
import { type LayerOptions, resolveLayer, resolveOutputRegister } from "./resolve-layer.ts";
import type { AssignmentSpecification, LayerEntry } from "./specification.ts";

/** Value name (a layer, or the graph's input) → range of its values, and of what a layer's registers before it held. */
export type Calibration = Readonly<Record<string, LayerRanges>>;

export interface ResolvedAssignment {
  readonly formats: FormatAssignment;
  readonly options: Readonly<Record<string, LayerOptions>>;
  /** The ranges that automatic formats were taken from: with them the same specification gives the same formats. */
  readonly calibration: Calibration;
}

export interface ResolveRequest {
  readonly specification: AssignmentSpecification;
  readonly layers: readonly LayerFacts[];
  /** Name of the graph's input. */
  readonly input: string;
  readonly calibration: Calibration;
  /** Opens every diagnostic's place: the file or flag the specification came from. */
  readonly where: string;
  /** Registers in which values from outside the layers come, where they come from registers: parts of a network have such. */
  readonly known?: ReadonlyMap<string, RegisterSpec>;
}

/**
 * Every register of every layer. A layer's input defaults to its producer's output format; the network's input has the
 * format of the first layer that reads it. Throws `DiagnosticError` with everything wrong in the specification.
 */
export function resolveAssignment(request: ResolveRequest): ResolvedAssignment {
  const formats = nameRecord<DatapathSpec>();
  const options = nameRecord<LayerOptions>();
  const calibration = eachLayer(request, (context) => {
    const { datapath, options: chosen } = resolveLayer(context);
    formats[context.layer.name] = datapath;
    options[context.layer.name] = chosen;
    return datapath;
  });
  return { formats, options, calibration };
}

/** Where a layer that is computed in float hands its values on. */
export interface OutputPoint extends RegisterSpec {
  /** Comes before the register. */
  readonly quantizer?: TensorQuantizer;
  /** The quantizer alone: the output has no format of its own. */
  readonly withoutRegister?: boolean;
}

/** A maximum of quantized values is one of them: only the register behind the quantizer is there again. */
function registerOf(point: OutputPoint | undefined): RegisterSpec | undefined {
  if (point?.quantizer === undefined) return point;
  const { quantizer: _quantizer, withoutRegister, ...register } = point;
  return withoutRegister ? undefined : register;
}

function outputPoint(context: LayerContext): OutputPoint {
  const { output } = context.entry;
  const register = resolveOutputRegister(context);
  if (typeof output !== "object" || output.quantizer === undefined) return register;
  const quantizer = quantizerOf(output.quantizer, "output", `${context.where}: output`);
  return { ...register, quantizer, withoutRegister: output.format === undefined };
}

/**
 * The output register alone, for a network that is computed in float and quantized at layer outputs (`extrinsic`). A
 * maximum pool keeps its producer's format; where that is the network's input it has no register and is missing.
 */
export function resolveOutputs(request: ResolveRequest): {
  readonly outputs: Readonly<Record<string, OutputPoint>>;
  readonly calibration: Calibration;
} {
  const outputs = nameRecord<OutputPoint>();
  const calibration = eachLayer(request, (context) => {
    const { layer } = context;
    const producer = layer.producers[0] ?? "";
    const kept = registerOf(outputs[producer] ?? request.known?.get(producer));
    const output = layer.arithmetic === "maximumPool" ? kept : outputPoint(context);
    if (output !== undefined) outputs[layer.name] = output;
    return undefined;
  });
  return { outputs, calibration };
}

/** Resolves layer after layer, hands each its producers' output registers, and collects what is wrong; returns the ranges used. Layers behind a wrong one are not judged. */
function eachLayer(request: ResolveRequest, resolve: (context: LayerContext) => DatapathSpec | undefined): Calibration {
  const { specification, layers, where } = request;
  const entries = specification.layers ?? {};
  const names = layers.map(({ name }) => name);
  const keys = selectKeys(Object.keys(entries), names, where);
  const found: Diagnostic[] = [];
  const produced = new Map<string, RegisterSpec>(request.known);
  const used = nameRecord<LayerRanges>();

  const knownRanges = (value: string): LayerRanges | undefined => {
    const known = Object.hasOwn(request.calibration, value) ? request.calibration[value] : undefined;
    if (known !== undefined) used[value] = known;
    return known;
  };
  const range = (value: string, place: string): LayerRanges => {
    const known = knownRanges(value);
    if (known === undefined) {
      const what = `an automatic format needs the range of "${value}", which was not calibrated`;
      throw diagnosticError("NOT_CALIBRATED", place, what, "calibrate on some images first, or write a number for F");
    }
    return known;
  };

  const failed = new Set<string>();
  for (const layer of layers) {
    if (layer.producers.some((producer) => failed.has(producer))) {
      failed.add(layer.name);
      continue;
    }
    const key = keys.get(layer.name);
    const entry = key === undefined ? undefined : entries[key];
    try {
      const datapath = resolve({
        layer,
        where: `${where}: layer "${layer.name}"`,
        entry: inherit(specification.default ?? {}, entry ?? {}),
        named: key === layer.name && entry !== undefined ? entry : {},
        producerOutputs: layer.producers.map((producer) => produced.get(producer)),
        knownRanges,
        range,
      });
      if (datapath === undefined) continue;
      produced.set(layer.name, datapath.output);
      if (layer.producers.includes(request.input) && !produced.has(request.input)) {
        produced.set(request.input, datapath.input);
      }
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      found.push(...error.diagnostics);
      failed.add(layer.name);
    }
  }
  if (found.length > 0) throw new DiagnosticError(found);
  return used;
}

/** What a specification says of each layer. Throws `DiagnosticError` for keys that match none, or too many. */
export function layerEntries(
  specification: AssignmentSpecification,
  names: readonly string[],
  where: string,
): ReadonlyMap<string, LayerEntry> {
  const entries = specification.layers ?? {};
  const keys = selectKeys(Object.keys(entries), names, where);
  return new Map(
    names.map((name) => {
      const key = keys.get(name);
      return [name, inherit(specification.default ?? {}, (key === undefined ? undefined : entries[key]) ?? {})];
    }),
  );
}

/** An entry over the default. One that names a datapath starts from that preset: the default's single registers stay behind. */
function inherit(base: LayerEntry, entry: LayerEntry): LayerEntry {
  if (entry.datapath === undefined) return { ...base, ...entry };
  const isRegister = (key: string): boolean => (DATAPATH_REGISTERS as readonly string[]).includes(key);
  return { ...Object.fromEntries(Object.entries(base).filter(([key]) => !isRegister(key))), ...entry };
}
