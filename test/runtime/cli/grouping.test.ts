/** One cause at many places is one line. */
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { explainError } from "../../../runtime/cli/exit-codes.ts";

const diagnosticsAt = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    return { code: "MODEL", where: `layer "l${index}"`, what: "is too wide", hint: "shorten it" };
  });

describe("diagnostics of one cause", () => {
  it("at few places have a line each, the same place once", () => {
    const few = diagnosticsAt(3);
    expect(explainError(new DiagnosticError([...few, ...few])).lines).toEqual(
      [0, 1, 2].map((index) => `error[MODEL] layer "l${index}": is too wide; shorten it`),
    );
  });

  it("at many are one line with their number, beside lines of other causes", () => {
    const other = { code: "MODEL", where: "node x", what: "is unknown", hint: "rename it" };
    expect(explainError(new DiagnosticError([...diagnosticsAt(20), other, ...diagnosticsAt(37)])).lines).toEqual([
      'error[MODEL] layer "l0" and 36 more: is too wide; shorten it',
      "error[MODEL] node x: is unknown; rename it",
    ]);
  });
});
