import type { Contestant } from "../measure.ts";

/** Something the fast engine is compared with. */
export interface Opponent extends Contestant {
  readonly version: string;
  close(): void | Promise<void>;
}

/** An opponent that cannot run on this machine. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

export function isPresent<Present extends Opponent>(opponent: Present | Missing): opponent is Present {
  return !("missing" in opponent);
}
