import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/** Where the number of cases grows under MACROSCOPE_LONG: in the test itself, or in what it takes its number from. */
const HAS_LONG_FORM = /MACROSCOPE_LONG|\/mutations\.ts"|\/onnxruntime\.ts"/;

/** `npm run test:long` runs the files that have a long form; the others would only say again what `npm test` said. */
function longFiles(): string[] {
  return readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => `test/${file}`)
    .filter((file) => HAS_LONG_FORM.test(readFileSync(file, "utf8")));
}

const long = process.env.MACROSCOPE_LONG === "1";

const config: ViteUserConfig = defineConfig({
  test: {
    include: long ? longFiles() : ["test/**/*.test.ts"],
    setupFiles: ["test/seed.ts"],
    // Every processor: vitest leaves one idle otherwise, half of a machine with two.
    maxWorkers: "100%",
    testTimeout: long ? 300_000 : 60_000,
    hookTimeout: 120_000,
  },
});

export default config;
