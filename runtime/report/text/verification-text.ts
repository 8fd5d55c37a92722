import { TARGET_KINDS, type VerificationEntry } from "../../results/bits-report.ts";
import { BETTER, figureText, TARGET_NAMES } from "./bits-text.ts";
import { grouped } from "./wording.ts";

/** One sentence: whether an assignment keeps the target that it was searched for. */
export function verificationText({ target, wanted, found, kept, images, data }: VerificationEntry): string {
  const kind = TARGET_KINDS.find((known) => known === target);
  const shown = (figure: number): string => (kind === undefined ? String(figure) : figureText(kind, figure));
  const name = kind === undefined ? target : TARGET_NAMES[kind];
  const limit = kind === undefined ? "" : BETTER[kind] === "higher" ? "at least " : "at most ";
  const figure = found === null ? (kind === "sqnr" ? "no error" : "no figure") : shown(found);
  return (
    `${kept ? "Keeps" : "MISSED"} its target, ${name} ${limit}${shown(wanted)}: ` +
    `${figure} on ${grouped(images)} images of ${data} that no decision saw.`
  );
}
