/**
 * What nodes of an unrolled recurrent node are called: `<node>/step 3/hidden`, `<node>/reverse step 3/hidden`, and `<node>/<role>`
 * outside the steps. Whoever has the names of the recurrent nodes tells from a name to which of them it belongs.
 */
import type { RecurrentPart } from "../../../isa/program/program.ts";

/** The role that opens the names of all nodes of one step. */
export function stepRole(step: number, reverse: boolean): string {
  return `${reverse ? "reverse " : ""}step ${step}`;
}

const STEP_ROLE = /^(?:reverse )?step (\d+)\//;

/** The recurrent node that a node's name belongs to, the innermost where several do; undefined for every other node. */
export function recurrentPart(name: string, recurrent: readonly string[]): RecurrentPart | undefined {
  let layer: string | undefined;
  for (const owner of recurrent) {
    if (name.startsWith(`${owner}/`) && (layer === undefined || owner.length > layer.length)) layer = owner;
  }
  if (layer === undefined) return undefined;
  const step = STEP_ROLE.exec(name.slice(layer.length + 1))?.[1];
  return step === undefined ? { layer } : { layer, step: Number(step) };
}
