import type { Engine } from "./engine.ts";
import { fastEngine } from "./fast/engine.ts";
import { referenceEngine } from "./reference/engine.ts";

export const ENGINE_NAMES = ["fast", "reference"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Both engines behind the one contract; admission (`checkProgram`) is the caller's. */
export const ENGINES: Readonly<Record<EngineName, Engine>> = { fast: fastEngine, reference: referenceEngine };
