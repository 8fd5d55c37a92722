import { DATAFLOWS } from "../../../isa/dataflow/table.ts";
import type { Machine } from "../../../isa/machine.ts";
import type { FixedPointFormat } from "../../../isa/numerics/format.ts";
import { type RegisterSpec, registerText } from "../../../isa/numerics/register.ts";
import { DATAPATH_REGISTERS, type DatapathSpec } from "../../../isa/program/datapath.ts";
import {
  type ConstantTensors,
  elementCount,
  type LayerSymbol,
  type Program,
  type TableSymbol,
  type TileSymbol,
} from "../../../isa/program/program.ts";
import { type ActionCounts, addActions, countActions, leakageActions, scaleActions } from "../../../sim/actions.ts";
import type { CycleReport } from "../../../sim/cycles.ts";
import { energyOf, HOROWITZ_45NM } from "../../../sim/energy/index.ts";
import type { LayerEvidence, OverflowSite, RegisterEvidence } from "../../../sim/evidence.ts";
import type { PoolResult } from "../../../sim/pool/pool.ts";
import { type FormulaTerm, formulaText, layerFormulas, type Schedule } from "../../../sim/timing/index.ts";
import { ErrorMeter } from "../../metrics/error.ts";
import type {
  CycleEntry,
  EnergyEntry,
  LayerEntry,
  LayerNoise,
  RegisterEntry,
  TableEntry,
} from "../../results/run-report.ts";
import { type QuantizedImages, tensorSymbol } from "../host-input.ts";
import { rawsToValues } from "../values.ts";
import { registerEnergies } from "./register-energy.ts";
import { constantEntry, evidenceEntry } from "./register-entry.ts";

/** Everything a run on the simulated machine left behind. */
export interface MachineRun {
  readonly program: Program;
  readonly schedule: Schedule;
  readonly result: Omit<PoolResult, "outputs" | "fault">;
  readonly inputs: Pick<QuantizedImages, "evidence">;
  /** Float values of each layer for the observed images; empty where there is no float network. */
  readonly floatLayers: ReadonlyMap<string, Float32Array>;
  /** By layer, of the observed images. */
  readonly noise: ReadonlyMap<string, LayerNoise>;
}

export interface MachineFigures {
  readonly cycles: CycleEntry;
  readonly energy: EnergyEntry;
  readonly overflow: { readonly total: number; readonly compile: number };
  readonly layers: readonly LayerEntry[];
}

/** Cycles, energy, overflow and a row per layer. */
export function machineFigures(run: MachineRun): MachineFigures {
  const { program, schedule, result } = run;
  const report = result.cycles ?? schedule.report;
  const actions = countActions(program);
  const formulas = layerFormulas(program, schedule);
  const energies = registerEnergies(program, actions.perLayer);
  const layers = program.layers.map((layer, index) => {
    const cycles = report.layers[index] ?? 0;
    const spent = withLeakage(program, actions.perLayer[index] ?? [], cycles);
    return layerEntry(run, layer, index, {
      cycles,
      formula: closedForm(formulas[index] ?? []),
      energyPj: energyOf(spent, HOROWITZ_45NM).total.value,
      registerEnergies: energies[index] ?? {},
    });
  });
  const compile = program.compileOverflow.reduce((sum, { weight, bias }) => sum + weight + bias, 0);
  const running = layers.flatMap(({ registers }) =>
    Object.entries(registers).flatMap(([name, { overflow }]) =>
      name === "weight" || name === "bias" ? [] : [overflow],
    ),
  );
  return {
    cycles: cycleEntry(program, report, result.images),
    energy: energyEntry(withLeakage(program, actions.total, report.total), result.images),
    overflow: { total: running.reduce((sum, count) => sum + count, 0), compile },
    layers,
  };
}

/** The array's closed form with its value: the cycles in which it is busy with the layer. */
function closedForm(terms: readonly FormulaTerm[]): string {
  const own = terms.filter(({ unit }) => unit === "compute");
  const cycles = own.reduce((sum, { count, cycles }) => sum + count * cycles, 0);
  return own.length === 0 ? "" : `${formulaText(own, "compute")} = ${cycles}`;
}

/** Actions of a program together with the leakage of `cycles` cycles. */
export function withLeakage(program: Program, actions: ActionCounts, cycles: number): ActionCounts {
  return addActions(actions, leakageActions(program.machine, cycles));
}

function cycleEntry(program: Program, report: CycleReport, images: number): CycleEntry {
  const { clockHz } = program.machine;
  return {
    total: report.total * images,
    perImage: report.total,
    clockHz,
    imagesPerSecond: clockHz / report.total,
    byUnit: Object.fromEntries(
      Object.entries(report.units).map(([unit, { busy, stalls, idle }]) => [
        unit,
        {
          busy: busy * images,
          stalls: Object.fromEntries(Object.entries(stalls).map(([cause, count]) => [cause, count * images])),
          idle: idle * images,
        },
      ]),
    ),
  };
}

function energyEntry(perImage: ActionCounts, images: number): EnergyEntry {
  const one = energyOf(perImage, HOROWITZ_45NM);
  const all = energyOf(scaleActions(perImage, images), HOROWITZ_45NM);
  return {
    totalPj: all.total.value,
    perImagePj: one.total.value,
    perImageSpreadPj: [one.total.low, one.total.high],
    table: one.table,
    byComponent: Object.fromEntries(Object.entries(all.byComponent).map(([name, amount]) => [name, amount.value])),
  };
}

function layerEntry(
  run: MachineRun,
  layer: LayerSymbol,
  index: number,
  {
    registerEnergies: own,
    ...figures
  }: Pick<LayerEntry, "cycles" | "formula" | "energyPj"> & {
    readonly registerEnergies: Readonly<Record<string, number>>;
  },
): LayerEntry {
  const { rows, columns } = run.program.machine;
  return {
    name: layer.name,
    kind: layer.kind,
    datapath: datapathTexts(layer.datapath),
    macs: layer.macs,
    ...figures,
    utilization: figures.cycles === 0 ? 0 : layer.macs / (figures.cycles * rows * columns),
    sqnrDb: layerSqnr(run, layer),
    noise: run.noise.get(layer.name) ?? null,
    doubleRounding: layer.doubleRounding,
    ...(layer.recurrent && { recurrent: layer.recurrent }),
    ...(layer.table && { table: tableEntry(layer.table, layer.datapath.output.format, run.program) }),
    registers: Object.fromEntries(
      Object.entries(registerEntries(run, layer, index)).map(([name, entry]) => {
        const energyPj = own[name];
        return [name, energyPj === undefined ? entry : { ...entry, energyPj }];
      }),
    ),
  };
}

function tableEntry(
  { tensor, entries, droppedBits, interpolated, range, largestError, sqnr, clipped }: TableSymbol,
  output: FixedPointFormat,
  { tensors }: Pick<Program, "tensors">,
): TableEntry {
  const wordLength = tensors.find(({ name }) => name === tensor)?.format.wordLength ?? 0;
  const largestErrorLastPlaces = largestError * 2 ** output.fractionLength;
  const errors = { largestError, largestErrorLastPlaces, sqnrDb: sqnr };
  return { entries, wordLength, droppedBits, interpolated, range, ...errors, clipped };
}

function datapathTexts(datapath: DatapathSpec): Record<string, unknown> {
  const { averageDivider, biasOrder } = datapath;
  const registers: Record<string, unknown> = { averageDivider, ...(biasOrder && { biasOrder }) };
  for (const name of DATAPATH_REGISTERS) {
    const spec = datapath[name];
    if (spec !== undefined) registers[name] = registerText(spec);
  }
  if (datapath.weightFractionLengths !== undefined) registers.weightFractionLengths = datapath.weightFractionLengths;
  return registers;
}

function layerSqnr({ program, result, floatLayers }: MachineRun, layer: LayerSymbol): number | null {
  const float = floatLayers.get(layer.name);
  const captured = result.captured.get(layer.output);
  if (float === undefined || captured === undefined) return null;
  const meter = new ErrorMeter();
  meter.add(float, rawsToValues(captured, tensorSymbol(program, layer.output).format));
  return meter.figures().sqnrDb;
}

/** The registers a layer really has, in datapath order. */
function registerEntries(run: MachineRun, layer: LayerSymbol, index: number): Record<string, RegisterEntry> {
  const { program, result, inputs } = run;
  const evidence = result.evidence[index] ?? {};
  const onHost = program.layers.find((each) => each.inputs.includes(program.input)) === layer;
  const entries: Record<string, RegisterEntry> = {};
  for (const register of DATAPATH_REGISTERS) {
    const spec = layer.datapath[register];
    if (spec === undefined) continue;
    if (register === "weight" || register === "scale" || register === "bias") {
      const entry = constantRegister(program, layer, register, spec);
      const lengths = register === "weight" ? layer.datapath.weightFractionLengths : undefined;
      if (entry !== null) entries[register] = lengths === undefined ? entry : withFilterPoints(entry, lengths);
      continue;
    }
    const host = register === "input" && onHost ? inputs.evidence : undefined;
    const seen: RegisterEvidence | undefined = host ?? evidence[register as keyof LayerEvidence];
    if (seen === undefined && register !== "input") continue;
    entries[register] = evidenceEntry(spec, seen, (site) => siteEntry(program, site));
  }
  return entries;
}

/** `8,0…5 nearest saturate`: the least and the greatest fraction length of a filter. */
function withFilterPoints(entry: RegisterEntry, lengths: readonly number[]): RegisterEntry {
  const greatest = lengths.reduce((a, b) => Math.max(a, b));
  return { ...entry, format: entry.format.replace(/^\S+/, (format) => `${format}…${greatest}`) };
}

function constantRegister(
  program: Program,
  layer: LayerSymbol,
  register: keyof ConstantTensors,
  spec: RegisterSpec,
): RegisterEntry | null {
  const constants = program.constants
    .filter(({ tensor }) => tensor === layer.constants[register])
    .map(({ tensor, raws }) => ({ raws, format: tensorSymbol(program, tensor).format }));
  if (constants.length === 0) return null;
  const overflow = program.compileOverflow.find(({ layer: name }) => name === layer.name);
  // Multipliers are whole words that always fit.
  const clipped = register === "scale" ? 0 : (overflow?.[register] ?? 0);
  return constantEntry(spec, constants, clipped);
}

/** Where an overflow happened, in terms of the layer's output tensor. */
function siteEntry(program: Program, site: OverflowSite): Readonly<Record<string, unknown>> {
  const common = { image: site.image, step: site.step, before: site.before, after: site.after };
  if (site.instruction < 0) return { ...common, element: elementPosition(program, program.input, site.pixel) };
  const tile = program.tiles.find(({ instruction }) => instruction === site.instruction);
  return {
    ...common,
    instruction: site.instruction,
    cycle: site.cycle,
    row: site.row,
    column: site.column,
    element: tile === undefined ? [site.pixel] : tilePosition(program, tile, site),
  };
}

/** [row, column, channel] of a tile's pixel and channel; a vector instruction counts elements of its dense tile. */
function tilePosition(program: Program, tile: TileSymbol, site: OverflowSite): number[] {
  const opcode = program.instructions[site.instruction]?.opcode;
  const pixel = opcode === "vector" ? Math.floor(site.pixel / tile.channels) : site.pixel;
  const channel = opcode === "vector" ? site.pixel % tile.channels : site.channel;
  const row = tile.row + Math.floor(pixel / tile.columns) * (tile.rowStep ?? 1);
  return [row, tile.column + (pixel % tile.columns) * (tile.columnStep ?? 1), tile.channel + channel];
}

function elementPosition(program: Program, tensor: string, index: number): number[] {
  const [, columns, channels] = tensorSymbol(program, tensor).shape;
  return [Math.floor(index / (columns * channels)), Math.floor(index / channels) % columns, index % channels];
}

/** One line about a machine. */
export function machineText({ name, rows, columns, dataflow, clockHz }: Machine): string {
  const array =
    DATAFLOWS[dataflow].sum === "gathers" ? `${columns} trees of ${rows} inputs` : `${rows} × ${columns}, ${dataflow}`;
  return `${name}: ${array}, ${clockHz / 1e6} MHz`;
}

/** Output elements of one image. */
export function outputElements(program: Program): number {
  return elementCount(tensorSymbol(program, program.output).shape);
}
