import fc from "fast-check";

/**
 * The seed of every property: the same in every run, so that a commit's verdict is its own and not the draw's.
 * `MACROSCOPE_SEED=<integer>` draws other cases; a failure prints the seed it needs.
 */
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.MACROSCOPE_SEED ?? 20_170_101) });
