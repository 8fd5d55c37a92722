import type { InstructionDefinition, InstructionHeader, Unit } from "../../isa/instructions/definition.ts";
import { type StallCause, TOKEN_CHANNELS } from "../../isa/tokens.ts";
import { MachineFault } from "./machine-fault.ts";

/** The counting token channels between the units, all empty at the start of an image. */
export class Tokens {
  readonly #counts: number[] = TOKEN_CHANNELS.map(() => 0);

  /** Cause of the lowest-numbered empty channel of a wait mask; null where every channel holds a token. */
  missing(mask: number): StallCause | null {
    for (const [index, channel] of TOKEN_CHANNELS.entries()) {
      if (selects(mask, index) && this.#counts[index] === 0) return channel.cause;
    }
    return null;
  }

  /** Takes one token from each channel of the mask. */
  take(mask: number): void {
    this.#change(mask, -1);
  }

  /** Gives one token to each channel of the mask. */
  give(mask: number): void {
    this.#change(mask, 1);
  }

  #change(mask: number, difference: number): void {
    for (const index of TOKEN_CHANNELS.keys()) {
      if (selects(mask, index)) this.#counts[index] = (this.#counts[index] ?? 0) + difference;
    }
  }
}

/** Faults (`token`) where an instruction waits or signals on a channel that is not its unit's. */
export function checkTokenUse(definition: InstructionDefinition, { wait, signal }: InstructionHeader): void {
  checkMask(definition, "waits", wait, "to");
  checkMask(definition, "signals", signal, "from");
}

function checkMask(definition: InstructionDefinition, verb: string, mask: number, end: "from" | "to"): void {
  if (mask >>> TOKEN_CHANNELS.length !== 0) {
    throw new MachineFault("token", `${definition.name} ${verb} on a channel beyond ${TOKEN_CHANNELS.length - 1}`);
  }
  for (const [index, channel] of TOKEN_CHANNELS.entries()) {
    const owner: Unit = channel[end];
    if (selects(mask, index) && owner !== definition.unit) {
      throw new MachineFault(
        "token",
        `${definition.name} ${verb} on ${channel.name}, which belongs to the ${owner} unit`,
      );
    }
  }
}

function selects(mask: number, channel: number): boolean {
  return ((mask >> channel) & 1) === 1;
}
