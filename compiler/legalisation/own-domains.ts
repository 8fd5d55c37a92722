/** Domains of the nodes that recognition makes of chains of nodes; no file has them. */

/** A layer of an integer network. */
export const INTEGER_DOMAIN = "macroscope.integer";

/** Operators on quantized words. */
export const WORDS_DOMAIN = "macroscope.words";
