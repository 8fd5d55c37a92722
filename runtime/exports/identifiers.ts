/**
 * Names of layers as identifiers that C++, SystemVerilog, VHDL and MATLAB all take: letters, digits and single underscores, the
 * first a letter, the last none of the underscores, no word that MATLAB keeps for itself, and no two alike in any case of letters.
 */

import { verificationText } from "../report/text/verification-text.ts";
import type { ExportSubject } from "./subject.ts";

/** Longest identifier of a layer; MATLAB takes 63 characters in all. */
const LONGEST = 40;

/**
 * Words that MATLAB's isvarname refuses (its iskeyword lists them): no field of a struct can bear them. In the other languages an
 * identifier never stands alone.
 */
const MATLAB_KEYWORDS: ReadonlySet<string> = new Set([
  "break",
  "case",
  "catch",
  "classdef",
  "continue",
  "else",
  "elseif",
  "end",
  "for",
  "function",
  "global",
  "if",
  "otherwise",
  "parfor",
  "persistent",
  "return",
  "spmd",
  "switch",
  "try",
  "while",
]);

/** Layer name → identifier, the same for the same names in the same order. */
export function layerIdentifiers(names: readonly string[]): ReadonlyMap<string, string> {
  const used = new Set<string>();
  const identifiers = new Map<string, string>();
  for (const name of names) {
    const base = identifier(name);
    let chosen = base;
    for (let copy = 2; used.has(chosen.toLowerCase()); copy++) chosen = `${base}_${copy}`;
    used.add(chosen.toLowerCase());
    identifiers.set(name, chosen);
  }
  return identifiers;
}

/** One name alone, e.g. that of a model. */
export function identifier(name: string): string {
  const words = name
    .replace(/[^A-Za-z0-9]+/g, "_")
    .slice(0, LONGEST)
    .replace(/^_|_$/g, "");
  const stands = /^[A-Za-z]/.test(words) && !MATLAB_KEYWORDS.has(words);
  return stands ? words : `layer_${words}`.replace(/_$/, "");
}

/** Whether the assignment keeps its target, and which layers' constants are not the model's own, as comments behind `mark`. */
export function assignmentComments({ verified, layers }: Omit<ExportSubject, "model">, mark: string): string[] {
  const scaled = layers.filter(({ options }) => options.channelExponents !== undefined).map(({ name }) => name);
  const constants = "weights and biases are those that --to mem and --to qonnx write, not the model's own";
  return [
    ...(verified === undefined ? [] : [verificationText(verified)]),
    ...(scaled.length === 0 ? [] : [`Output channels scaled by powers of two: ${scaled.join(", ")}; ${constants}.`]),
  ].map((line) => `${mark} ${commentText(line)}`);
}

/** Text that may stand in a comment of one line in any of the languages. */
export function commentText(text: string): string {
  return text.replace(/[^\x20-\x7e]|[\\]/g, "?");
}
