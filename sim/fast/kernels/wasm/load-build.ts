/**
 * The built kernels, from the file that `npm run build` writes. Loaded at once and without waiting: a worker that is ended
 * while a module waits for another one takes the whole process with it (seen in V8 under Node 20).
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The build lies beside the compiled form of this file: from source, the one in dist/ serves. */
const BUILD = import.meta.url.endsWith(".ts")
  ? new URL("../../../../dist/sim/fast/kernels/wasm/module.cjs", import.meta.url)
  : new URL("./module.cjs", import.meta.url);

/** Code of WebAssembly modules in base64, by name; null where nothing was built. */
export function loadBuild(): Readonly<Record<string, string>> | null {
  try {
    return createRequire(import.meta.url)(fileURLToPath(BUILD));
  } catch (error) {
    if ((error as { readonly code?: string }).code === "MODULE_NOT_FOUND") return null;
    throw error;
  }
}
