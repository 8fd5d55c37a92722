/** Compilers of the exported languages, where they are installed, and one assignment that shows them everything ugly. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import type { Dialect, OverflowMode } from "../../../isa/numerics/overflow.ts";
import { OVERFLOW_MODES } from "../../../isa/numerics/overflow.ts";
import { register } from "../../../isa/numerics/register.ts";
import { ROUNDING_MODES, type RoundingMode } from "../../../isa/numerics/rounding.ts";
import { libraryModes } from "../../../runtime/exports/library-modes.ts";
import type { ExportedLayer, ExportSubject } from "../../../runtime/exports/subject.ts";

/** Whether a command answers. */
export function isInstalled(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What a command prints, in a folder; its error output is the failure's message. */
export function runTool(folder: string, command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export function withFolder<T>(action: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "macroscope-tool-"));
  try {
    return action(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const NAMES = [
  "conv/1",
  "conv.1",
  "conv_1",
  "1st",
  "é",
  "",
  "process",
  "signed",
  "__x__",
  "Conv-1",
  "a b\n`c\\",
  "end",
];

const FORMATS = [
  fixedPoint(8, 4),
  fixedPoint(1, 0),
  fixedPoint(1, 0, false),
  fixedPoint(16, 20),
  fixedPoint(16, -4),
  fixedPoint(9, 40, false),
  fixedPoint(64, 63),
];

/** One layer of each name; every rounding and overflow mode that `dialect`'s library has (undefined: all), and exact registers. */
export function uglySubject(dialect?: Dialect): ExportSubject {
  const roundings = Object.keys(ROUNDING_MODES) as RoundingMode[];
  const overflows = Object.keys(OVERFLOW_MODES) as OverflowMode[];
  const specs = roundings.flatMap((rounding, row) =>
    overflows.flatMap((overflow, column) => {
      const format = FORMATS[(row + column) % FORMATS.length] ?? fixedPoint(8, 4);
      const bits = OVERFLOW_MODES[overflow].takesSaturatedBits && dialect !== "ac" ? row % (format.wordLength + 1) : 0;
      const spec = register(format, rounding, overflow, bits, dialect ?? "sc");
      const legal = format.signed || overflow !== "wrap-sign-magnitude";
      return legal && (dialect === undefined || !("lacks" in libraryModes(spec, dialect))) ? [spec] : [];
    }),
  );
  const layers = specs.map((spec, index): ExportedLayer => {
    const output = { register: "output", spec, exact: false, constant: false } as const;
    const exact = { ...output, register: "accumulator", exact: true, spec: register(fixedPoint(150, 200)) } as const;
    const options = {
      explicitInput: false,
      countPadding: undefined,
      lookupBits: 12,
      interpolate: true,
      tableRange: null,
      averageDivider: false,
      biasOrder: "last" as const,
      weightQuantizer: undefined,
    };
    const name = `${NAMES[index % NAMES.length]}${index < NAMES.length ? "" : index}`;
    return { name, kind: "conv2d", registers: [exact, output], options };
  });
  return { model: "ugly model/2", layers };
}
