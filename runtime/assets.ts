/**
 * Where the files that come with macroscope lie: `runtime/assets` of the package, whether this module runs from the
 * source tree, from `dist/`, or from an installed package.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Absolute path of a bundled file, e.g. `assetPath("lenet5", "model.json")`; says nothing about its existence. */
export function assetPath(...parts: readonly string[]): string {
  // A package may name itself: Node.js finds the nearest package.json above this module, checks its name and obeys
  // its exports map. Thus no directory is searched here.
  const manifest = createRequire(import.meta.url).resolve("macroscope/package.json");
  return join(dirname(manifest), "runtime", "assets", ...parts);
}
