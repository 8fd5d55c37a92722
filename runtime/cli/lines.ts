import { diagnosticError } from "../../isa/diagnostic.ts";

/** A line without its end and without blanks around it. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** Longest line that is read: a number of any format has fewer digits. */
const LINE_LIMIT = 1100;

/** The lines of a stream, one at a time; an endless line is a diagnostic, not endless memory. */
export async function* readLines(stream: NodeJS.ReadStream, where: string): AsyncGenerator<Line, void, undefined> {
  stream.setEncoding("utf8");
  let rest = "";
  let number = 0;
  for await (const part of stream) {
    const lines = (rest + part).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield lineOf(line, ++number, where);
    if (rest.length > LINE_LIMIT) lineOf(rest, number + 1, where);
  }
  if (rest !== "") yield lineOf(rest, number + 1, where);
}

function lineOf(text: string, number: number, where: string): Line {
  if (text.length <= LINE_LIMIT) return { text: text.trim(), number };
  const what = `more than ${LINE_LIMIT} characters`;
  throw diagnosticError("INPUT", `${where}, line ${number}`, what, "write one number per line");
}
