/** A row per register, for spreadsheets: written and read. */

import { diagnosticError } from "../../isa/diagnostic.ts";
import { DIALECTS, type Dialect, OVERFLOW_MODES, type OverflowMode } from "../../isa/numerics/overflow.ts";
import type { RegisterSpec } from "../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../isa/numerics/rounding.ts";
import { printable, printableJson } from "../../isa/printable.ts";
import {
  BIAS_ORDERS,
  type CalibratedRange,
  DATAPATH_REGISTERS,
  type DatapathRegister,
} from "../../isa/program/datapath.ts";
import { LAYER_KINDS, type LayerKind } from "../../isa/program/program.ts";
import { parseCsv } from "../csv.ts";
import type { ReadLayer } from "./entries.ts";
import { requireLayers } from "./json.ts";
import type { ExportedOptions, ExportSubject } from "./subject.ts";

/** `layer` is a JSON string where the name has characters that are not printable; `integer_length` = W − F; `exact`: nothing is lost there; the columns behind it are the layer's and alike in all its rows. */
export const CSV_COLUMNS = [
  "layer",
  "kind",
  "register",
  "word_length",
  "fraction_length",
  "integer_length",
  "signed",
  "rounding",
  "overflow",
  "saturated_bits",
  "dialect",
  "exact",
  "explicit_input",
  "average_divider",
  "bias_order",
  "count_padding",
  "lookup_bits",
  "interpolate",
  "table_minimum",
  "table_maximum",
  "weight_quantizer",
  "weight_fraction_lengths",
  "channel_exponents",
] as const;

/** Lists that older tables have not: empty where all filters have the weight register's, and where no channel is scaled. */
const OPTIONAL_COLUMNS = ["weight_fraction_lengths", "channel_exponents"] as const;

export function assignmentCsv({ layers }: ExportSubject): string {
  const rows = layers.flatMap(({ name, kind, registers, options }) =>
    registers.map(({ register, spec, exact }) => {
      const { wordLength, fractionLength, signed } = spec.format;
      const { explicitInput, averageDivider, biasOrder, countPadding, lookupBits, interpolate, tableRange } = options;
      return [
        nameText(name),
        kind,
        register,
        wordLength,
        fractionLength,
        wordLength - fractionLength,
        signed,
        spec.rounding,
        spec.overflow,
        spec.saturatedBits,
        spec.dialect,
        exact,
        explicitInput,
        averageDivider,
        biasOrder,
        countPadding ?? "",
        lookupBits,
        interpolate,
        tableRange?.min ?? "",
        tableRange?.max ?? "",
        options.weightQuantizer ?? "",
        options.weightFractionLengths?.join(" ") ?? "",
        options.channelExponents?.join(" ") ?? "",
      ];
    }),
  );
  return [CSV_COLUMNS, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
}

/** A name as it is; one with characters that are not printable, or with quotation marks first, as a JSON string. */
function nameText(name: string): string {
  const shown = printable(name);
  return shown === name && !name.startsWith('"') ? name : printableJson(JSON.stringify(name));
}

/** The inverse; undefined where a JSON string is broken. */
function parseName(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  try {
    const name: unknown = JSON.parse(text);
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

function field(value: string | number | boolean): string {
  const text = String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Whether a text begins as the table does. */
export function isAssignmentCsv(text: string): boolean {
  return text.replace(/^\uFEFF/, "").startsWith("layer,kind,register,");
}

/** Throws `DiagnosticError` ASSIGNMENT or REGISTER. Columns may stand in any order and more may stand beside them. */
export function readAssignmentCsv(text: string, where: string): readonly ReadLayer[] {
  let rows: string[][];
  try {
    rows = parseCsv(text, { bom: true, skip_empty_lines: true, max_record_size: 65_536 });
  } catch (error) {
    throw wrong(where, error instanceof Error ? error.message : String(error));
  }
  const [header = [], ...body] = rows;
  const optional: readonly string[] = OPTIONAL_COLUMNS;
  const missing = CSV_COLUMNS.filter((column) => !header.includes(column) && !optional.includes(column));
  if (missing.length > 0) throw wrong(`${where}: row 1`, `no column ${missing.join(", ")}`);
  const layers = new Map<string, { kind: LayerKind; options: ExportedOptions; registers: Map<string, RegisterSpec> }>();
  for (const [index, row] of body.entries()) {
    const read = new Row(header, row, `${where}: row ${index + 2}`);
    const { name, kind, register, spec, options } = read.values();
    const known = layers.get(name) ?? { kind, options, registers: new Map<string, RegisterSpec>() };
    const alike = known.kind === kind && JSON.stringify(known.options) === JSON.stringify(options);
    if (!alike) throw wrong(read.where, `kind and the columns behind exact differ from those of "${name}" above`);
    if (known.registers.has(register)) throw wrong(read.where, `the ${register} of "${name}" is there twice`);
    known.registers.set(register, spec);
    layers.set(name, known);
  }
  const found = [...layers].map(([name, { kind, options, registers }]): ReadLayer => {
    return { name, kind, options, registers: Object.fromEntries(registers) };
  });
  requireLayers(found, where);
  return found;
}

class Row {
  readonly where: string;
  readonly #fields: ReadonlyMap<string, string>;

  constructor(header: readonly string[], row: readonly string[], where: string) {
    this.where = where;
    this.#fields = new Map(header.map((column, index) => [column, row[index] ?? ""]));
  }

  values(): {
    name: string;
    kind: LayerKind;
    register: DatapathRegister;
    spec: RegisterSpec;
    options: ExportedOptions;
  } {
    const countPadding = this.#text("count_padding");
    return {
      name: this.#layer(),
      kind: this.#name("kind", LAYER_KINDS),
      register: this.#name("register", DATAPATH_REGISTERS),
      spec: {
        format: {
          wordLength: this.#integer("word_length"),
          fractionLength: this.#integer("fraction_length"),
          signed: this.#flag("signed"),
        },
        rounding: this.#name("rounding", Object.keys(ROUNDING_MODES) as RoundingMode[]),
        overflow: this.#name("overflow", Object.keys(OVERFLOW_MODES) as OverflowMode[]),
        saturatedBits: this.#integer("saturated_bits"),
        dialect: this.#name("dialect", Object.keys(DIALECTS) as Dialect[]),
      },
      options: {
        explicitInput: this.#flag("explicit_input"),
        averageDivider: this.#flag("average_divider"),
        biasOrder: this.#name("bias_order", BIAS_ORDERS),
        countPadding: countPadding === "" ? undefined : this.#flag("count_padding"),
        lookupBits: this.#integer("lookup_bits"),
        interpolate: this.#flag("interpolate"),
        tableRange: this.#tableRange(),
        weightQuantizer: this.#text("weight_quantizer") || undefined,
        weightFractionLengths: this.#integers("weight_fraction_lengths"),
        channelExponents: this.#integers("channel_exponents"),
      },
    };
  }

  /** Integers with spaces between them, one per filter. */
  #integers(column: (typeof OPTIONAL_COLUMNS)[number]): readonly number[] | undefined {
    const text = this.#text(column);
    if (text === "") return undefined;
    if (/^-?[0-9]{1,3}( -?[0-9]{1,3})*$/.test(text)) return text.split(" ").map(Number);
    throw wrong(this.where, `${column} is ${text.slice(0, 40)}, expected integers with spaces between them`);
  }

  #layer(): string {
    const text = this.#text("layer");
    const name = parseName(text);
    if (name !== undefined) return name;
    throw wrong(this.where, `layer is ${text.slice(0, 40)}, expected a name or a JSON string`);
  }

  #text(column: (typeof CSV_COLUMNS)[number]): string {
    return this.#fields.get(column) ?? "";
  }

  #tableRange(): CalibratedRange | null {
    const [minimum, maximum] = [this.#text("table_minimum"), this.#text("table_maximum")];
    if (minimum === "" && maximum === "") return null;
    const [min, max] = [Number(minimum), Number(maximum)];
    if (minimum !== "" && maximum !== "" && Number.isFinite(min) && Number.isFinite(max) && min <= max) {
      return { min, max };
    }
    throw wrong(this.where, "table_minimum and table_maximum are not two numbers, the smaller one first");
  }

  #integer(column: (typeof CSV_COLUMNS)[number]): number {
    const text = this.#text(column);
    if (!/^-?[0-9]{1,9}$/.test(text))
      throw wrong(this.where, `${column} is "${text.slice(0, 40)}", expected an integer`);
    return Number(text) + 0;
  }

  /** In any case of letters: spreadsheets write TRUE. */
  #flag(column: (typeof CSV_COLUMNS)[number]): boolean {
    const text = this.#text(column).toLowerCase();
    if (text === "true" || text === "false") return text === "true";
    throw wrong(this.where, `${column} is "${text.slice(0, 40)}", expected true or false`);
  }

  #name<Name extends string>(column: (typeof CSV_COLUMNS)[number], names: readonly Name[]): Name {
    const text = this.#text(column);
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    throw wrong(this.where, `${column} is "${text.slice(0, 40)}", expected ${names.join(", ")}`);
  }
}

function wrong(where: string, what: string): Error {
  return diagnosticError("ASSIGNMENT", where, what, "expected the table that macroscope export --to csv writes");
}
