import { type Command, Option } from "commander";
import { parseAnyFormat } from "../../../compiler/quantization/format-notations.ts";
import { diagnosticError } from "../../../isa/diagnostic.ts";
import { parseDecimal, quantizeDecimal } from "../../../isa/numerics/decimal.ts";
import { rawRange } from "../../../isa/numerics/format.ts";
import { type Quantized, quantize, quantizeFloat64 } from "../../../isa/numerics/quantize.ts";
import { type RandomWordSource, tensorGenerator } from "../../../isa/numerics/random.ts";
import { type RegisterSpec, registerText } from "../../../isa/numerics/register.ts";
import { addFormatHelp } from "../format-help.ts";
import { readLines } from "../lines.ts";
import { parseSeed } from "../options.ts";
import { addJsonOption, type Output, requireOutputs, textStream, writeJson } from "../output.ts";
import { registerFromOptions } from "../register-options.ts";

interface QuantizeOptions extends Output {
  readonly from?: string;
  readonly to: string;
  readonly rounding?: string;
  readonly overflow?: string;
  readonly dialect?: string;
  readonly values?: boolean;
  readonly seed: number;
}

/** Lines that are written together. */
const BLOCK = 4096;

export function addQuantizeCommand(program: Command): void {
  const command = addFormatHelp(program.command("quantize"))
    .summary("quantize numbers from standard input to standard output")
    .description("A filter: raw integers, one per line, from one format to another; decimals with --values.")
    .option("--from <W,F>", "format of the integers read (not with --values)")
    .requiredOption("--to <W,F>", "format of the integers written")
    .option("--rounding <mode>", "rounding mode (default: nearest, or the format's own)")
    .option("--overflow <mode>", "overflow mode, also wrap:N (default: saturate, or the format's own)")
    .option("--dialect <name>", "corner cases as in sc, ap or ac (default: sc, or the format's own)")
    .option("--values", "read decimal values instead of raw integers, exactly as written")
    .addOption(new Option("--seed <n>", "seed of stochastic rounding").default(1).argParser(parseSeed));
  addJsonOption(command, "counts and range")
    .addHelpText(
      "after",
      "\nExample:\n  $ echo 24 | npx macroscope quantize --from 9,4 --to 4,0 --rounding nearest-even\n  2\n",
    )
    .action(async (options: QuantizeOptions) => {
      await requireOutputs(options.json);
      await quantizeLines(options);
    });
}

async function quantizeLines(options: QuantizeOptions): Promise<void> {
  const spec = registerFromOptions({ ...options, format: options.to });
  const convert = options.values ? decimalConverter(spec, options) : rawConverter(spec, options);
  const summary = new Summary();
  let block: string[] = [];
  for await (const { text, number } of readLines(process.stdin, "standard input")) {
    if (text === "") continue;
    const quantized = convert(text, number);
    if (quantized.overflowed && spec.overflow === "trap") {
      throw inputError(number, `${text} does not fit ${options.to}, and --overflow is trap`, "choose another overflow");
    }
    summary.add(quantized, number);
    block.push(quantized.raw.toString());
    if (block.length < BLOCK) continue;
    await write(block, options);
    block = [];
  }
  await write(block, options);
  const from = options.values ? null : options.from;
  await writeJson(options, {
    schema: "macroscope/quantize/1",
    configuration: { from, register: registerText(spec), seed: options.seed },
    ...summary.figures,
  });
}

/** What the whole stream showed. */
class Summary {
  #count = 0;
  #overflow = 0;
  #first: { readonly line: number; readonly before: bigint; readonly after: bigint } | null = null;
  #min: bigint | null = null;
  #max: bigint | null = null;

  add({ raw, rounded, overflowed }: Quantized, line: number): void {
    this.#count++;
    if (overflowed) {
      this.#overflow++;
      this.#first ??= { line, before: rounded, after: raw };
    }
    if (this.#min === null || rounded < this.#min) this.#min = rounded;
    if (this.#max === null || rounded > this.#max) this.#max = rounded;
  }

  /** `min` and `max` are raws before the fit. */
  get figures(): Readonly<Record<string, unknown>> {
    return { count: this.#count, overflow: this.#overflow, first: this.#first, min: this.#min, max: this.#max };
  }
}

async function write(lines: readonly string[], options: Output): Promise<void> {
  if (lines.length === 0) return;
  const stream = textStream(options);
  const flushed = stream.write(`${lines.join("\n")}\n`);
  if (!flushed) await new Promise<void>((resolve) => stream.once("drain", () => resolve()));
}

type Converter = (text: string, lineNumber: number) => Quantized;

function rawConverter(spec: RegisterSpec, options: QuantizeOptions): Converter {
  if (options.from === undefined) {
    const hint = "give the format of the integers read, or --values for decimals";
    throw diagnosticError("USAGE", "--from", "missing", hint);
  }
  const from = parseAnyFormat(options.from, "--from");
  const range = rawRange(from);
  const random = generator(options);
  return (text, lineNumber) => {
    if (!/^[+-]?[0-9]+$/.test(text)) {
      throw inputError(lineNumber, `found "${text}", expected an integer`, "use --values for decimals");
    }
    const raw = BigInt(text.replace(/^\+/, ""));
    if (raw < range.min || raw > range.max) {
      throw inputError(lineNumber, `${raw} lies outside ${range.min} … ${range.max}`, `widen --from ${options.from}`);
    }
    return quantize(raw, from.fractionLength, spec, random);
  };
}

const INFINITE = /^[+-]?inf(inity)?$/i;

function decimalConverter(spec: RegisterSpec, options: QuantizeOptions): Converter {
  if (options.from !== undefined) {
    throw diagnosticError("USAGE", "--from", "--values reads decimals, which have no format", "leave one of them out");
  }
  const random = generator(options);
  return (text, lineNumber) => {
    const place = `standard input, line ${lineNumber}`;
    if (INFINITE.test(text)) return quantizeFloat64(text.startsWith("-") ? -Infinity : Infinity, spec, random, place);
    const decimal = parseDecimal(text, place);
    if (decimal !== null) return quantizeDecimal(decimal, spec, random);
    throw inputError(lineNumber, `found "${text}", expected a number`, "write a decimal number, e.g. -0.25 or 1e-3");
  };
}

function generator(options: QuantizeOptions): RandomWordSource {
  return tensorGenerator(options.seed, "quantize");
}

function inputError(lineNumber: number, what: string, hint: string): Error {
  return diagnosticError("INPUT", `standard input, line ${lineNumber}`, what, hint);
}
