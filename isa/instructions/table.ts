import { CONFIGURE_ACTIVATION, type ConfigureActivation } from "./configure-activation.ts";
import { CONFIGURE_BOUNDS, type ConfigureBounds } from "./configure-bounds.ts";
import { CONFIGURE_DIVISOR, type ConfigureDivisor } from "./configure-divisor.ts";
import { CONFIGURE_PIECES, type ConfigurePieces } from "./configure-pieces.ts";
import { CONFIGURE_PIXELS, type ConfigurePixels } from "./configure-pixels.ts";
import { CONFIGURE_REDUCTION, type ConfigureReduction } from "./configure-reduction.ts";
import { CONFIGURE_LOAD, CONFIGURE_REGISTER, type ConfigureRegister } from "./configure-register.ts";
import { CONFIGURE_TABLE, type ConfigureTable } from "./configure-table.ts";
import { HALT, type Halt, SYNCHRONISE, type Synchronise } from "./control.ts";
import type { InstructionDefinition } from "./definition.ts";
import { LOAD, type Load } from "./load.ts";
import { MATRIX, type Matrix } from "./matrix.ts";
import { POOL, type Pool } from "./pool.ts";
import { PRELOAD, type Preload } from "./preload.ts";
import { REQUANTIZE, type Requantize } from "./requantize.ts";
import { STORE, type Store } from "./store.ts";
import { VECTOR, type Vector } from "./vector.ts";

/** One instruction, decoded. Plain data; `opcode` names its definition. */
export type Instruction =
  | ConfigureRegister
  | ConfigureReduction
  | ConfigurePixels
  | ConfigureActivation
  | ConfigureTable
  | ConfigurePieces
  | ConfigureBounds
  | ConfigureDivisor
  | Load
  | Store
  | Matrix
  | Preload
  | Requantize
  | Pool
  | Vector
  | Synchronise
  | Halt;

export type Opcode = Instruction["opcode"];

/** The instruction table: the single source of encoding, assembly and manual. */
export const INSTRUCTIONS: { readonly [Name in Opcode]: InstructionDefinition<Name> } = {
  "configure.register": CONFIGURE_REGISTER,
  "configure.load": CONFIGURE_LOAD,
  "configure.reduction": CONFIGURE_REDUCTION,
  "configure.pixels": CONFIGURE_PIXELS,
  "configure.activation": CONFIGURE_ACTIVATION,
  "configure.table": CONFIGURE_TABLE,
  "configure.pieces": CONFIGURE_PIECES,
  "configure.bounds": CONFIGURE_BOUNDS,
  "configure.divisor": CONFIGURE_DIVISOR,
  load: LOAD,
  store: STORE,
  matrix: MATRIX,
  requantize: REQUANTIZE,
  pool: POOL,
  vector: VECTOR,
  preload: PRELOAD,
  synchronise: SYNCHRONISE,
  halt: HALT,
};
