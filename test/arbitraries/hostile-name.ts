/** Names that someone gave to layers and files to mislead whoever reads them on a terminal. */
import fc, { type Arbitrary } from "fast-check";

const PIECES = [
  "\u001b[2J",
  "\u001b]0;title\u0007",
  "\u009b31m",
  "\u0000",
  "\u0008",
  "\u007f",
  "\n",
  "\r",
  "\r\nerror[IO] nothing",
  "\t",
  "\u0085",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u2066",
  "\u061c",
  "\u200b",
  "\u200f",
  "\ufeff",
  "\u00ad",
  "\ud800",
  "\u{e0041}",
  "卷积",
  "é",
  "'",
  '"',
  "$(id)",
  "<b>",
  "%",
  "{bar}",
  "--",
  " ",
  "|",
  "/",
  "__proto__",
] as const;

export function hostileNames(): Arbitrary<string> {
  const piece = fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary", minLength: 1, maxLength: 3 }));
  return fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
}
