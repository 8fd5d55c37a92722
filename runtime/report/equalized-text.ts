/** Which layers have output channels scaled by powers of two. */
import type { EqualizedEntry } from "../results/run-report.ts";
import { grouped } from "./text/wording.ts";

/** Layers that are named; the result holds all. */
const NAMED_LAYERS = 3;

/** `1 of 2 channels of dw × 2^8; next weights by the inverse`, of at least one layer. */
export function equalizedText(entries: readonly EqualizedEntry[]): string {
  const named = entries.slice(0, NAMED_LAYERS).map(({ layer, scaled, channels, exponents: [least, largest] }) => {
    const factors = least === largest ? `2^${least}` : `2^${least} … 2^${largest}`;
    return `${grouped(scaled)} of ${grouped(channels)} channels of ${layer} × ${factors}`;
  });
  const more = entries.length - named.length;
  const layers = more > 0 ? [...named, `and ${grouped(more)} more layers`] : named;
  return `${layers.join(", ")}; next weights by the inverse`;
}
