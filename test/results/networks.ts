/**
 * `npm run results:networks [-- --only a,b] [--images N] [--search-images N] [--widths 8,16] [--datapaths wide] [--again]`: the real networks beside the
 * project, run and written into RESULTS.md. Every measurement is kept in test/results/networks.json at once; what is there
 * with as many images is not run again, so that a run may be stopped and taken up. Without `--only`: everything.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { diagnosticError } from "../../isa/diagnostic.ts";
import { explainError } from "../../runtime/cli/exit-codes.ts";
import { parseInteger } from "../../runtime/cli/options.ts";
import { bestFraction } from "./format-search.ts";
import { runFrontnet } from "./frontnet.ts";
import { NetworkStudy } from "./network-study.ts";
import { WIDTH_DATAPATHS, WORD_LENGTHS, widthNetworks, withReportParts } from "./networks-report.ts";
import { isPresent, projectRoot, REAL_NETWORK_NAMES, REAL_NETWORKS, type RealNetworkName } from "./real-networks.ts";
import { findEntry, type NetworkEntry, readResults, withEntry, writeResults } from "./results-file.ts";

interface Options {
  /** Names of jobs; null for all. */
  readonly only: readonly string[] | null;
  /** At most; null for what the network has. */
  readonly images: number | null;
  readonly searchImages: number | null;
  /** Word lengths to run; null for all. */
  readonly widths: readonly number[] | null;
  readonly datapaths: readonly string[] | null;
  readonly workers: number;
  readonly again: boolean;
}

/** Images for one format for all layers, and for the choice of its fraction length. */
const WIDTH_IMAGES: Readonly<Partial<Record<RealNetworkName, { readonly run: number; readonly search: number }>>> = {
  "lenet-mnist": { run: 10_000, search: 300 },
  googlenet: { run: 100, search: 4 },
};

/** The machine is of interest from 8 bits on; layer outputs alone also below, as in the paper's Table 3. */
const LEAST_MACHINE_BITS = 8;

function jobs(): ReadonlyMap<string, (options: Options) => Promise<void>> {
  return new Map([
    ...REAL_NETWORK_NAMES.map((name) => [name, (options: Options) => calibrated(name, options)] as const),
    ["frontnet", frontnet] as const,
    ...widthNetworks().map((name) => [`${name}-widths`, (options: Options) => widths(name, options)] as const),
  ]);
}

/** `wide` with 16-bit words whose fraction lengths are calibrated. */
async function calibrated(name: RealNetworkName, options: Options): Promise<void> {
  const images = Math.min(options.images ?? Number.POSITIVE_INFINITY, REAL_NETWORKS[name].images);
  if (!isWanted(name, "wide", null, images, options)) return;
  const study = await NetworkStudy.open(name, { images, workers: options.workers });
  const measurement = await study.run({ datapath: "wide", format: "16,auto" });
  keep({ network: name, wordLength: null, searchImages: null, measurement }, study.floatBackend);
  await study.close();
}

/** Every word length: with one format for all layers, the best fraction length; with `wide`, calibrated ones. */
async function widths(name: RealNetworkName, options: Options): Promise<void> {
  const { integerBits, inputShift } = REAL_NETWORKS[name];
  const counts = WIDTH_IMAGES[name];
  if (integerBits === null || counts === undefined) return;
  const images = Math.min(options.images ?? Number.POSITIVE_INFINITY, counts.run);
  const searchImages = Math.min(options.searchImages ?? counts.search, images);
  const wanted = WIDTH_DATAPATHS.filter((datapath) => options.datapaths?.includes(datapath) ?? true).flatMap(
    (datapath) =>
      WORD_LENGTHS.filter((wordLength) => options.widths?.includes(wordLength) ?? true)
        .filter((wordLength) => datapath === "extrinsic" || wordLength >= LEAST_MACHINE_BITS)
        .filter((wordLength) => isWanted(name, datapath, wordLength, images, options))
        .map((wordLength) => ({ datapath, wordLength })),
  );
  const isKnown = readResults().facts.some(({ network }) => network === name);
  if (wanted.length === 0 && isKnown) return;
  const calibrationImages = Math.min(images, 100);
  const study = await NetworkStudy.open(name, { images, workers: options.workers, inputShift, calibrationImages });
  const results = readResults();
  writeResults({ ...results, facts: [...results.facts.filter(({ network }) => network !== name), study.facts] });
  for (const { datapath, wordLength } of wanted) {
    const isSearched = datapath !== "wide";
    const fraction = isSearched
      ? await bestFraction(study, datapath, wordLength, { integerBits, images: searchImages })
      : "auto";
    const measurement = await study.run({ datapath, format: `${wordLength},${fraction}` });
    const entry = { network: name, wordLength, searchImages: isSearched ? searchImages : null, measurement };
    keep(entry, study.floatBackend);
  }
  await study.close();
}

async function frontnet(): Promise<void> {
  const { layers, digest } = await runFrontnet("fast");
  writeResults({ ...readResults(), frontnet: layers, frontnetDigest: digest });
  process.stderr.write(
    `frontnet: ${layers.filter(({ words, equal }) => words === equal).length} of ${layers.length} layers equal\n`,
  );
}

function isWanted(
  name: RealNetworkName,
  datapath: string,
  wordLength: number | null,
  images: number,
  { again }: Options,
): boolean {
  const known = findEntry(readResults(), name, datapath, wordLength);
  return again || known === undefined || known.measurement.images < images;
}

function keep(entry: NetworkEntry, floatBackend: string): void {
  writeResults({ ...withEntry(readResults(), entry), floatBackend });
  const { datapath, format, images, floatRight, fixedRight } = entry.measurement;
  process.stderr.write(
    `${entry.network} ${datapath} (${format}): float ${floatRight}, fixed ${fixedRight} of ${images}\n`,
  );
}

function readOptions(): Options {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      only: text,
      images: text,
      "search-images": text,
      widths: text,
      datapaths: text,
      workers: text,
      again: { type: "boolean", default: false },
    },
  });
  const count = (name: "images" | "search-images" | "workers"): number | null => {
    const written = values[name];
    return written === undefined ? null : parseInteger(written, `--${name}`, 1, 100_000);
  };
  return {
    only: values.only?.split(",") ?? null,
    images: count("images"),
    searchImages: count("search-images"),
    widths: values.widths?.split(",").map((width) => parseInteger(width, "--widths", 1, 64)) ?? null,
    datapaths: values.datapaths?.split(",") ?? null,
    workers: count("workers") ?? availableParallelism(),
    again: values.again,
  };
}

function writeDocument(): void {
  const path = resolve(projectRoot(), "RESULTS.md");
  writeFileSync(path, withReportParts(readFileSync(path, "utf8"), readResults()));
}

async function main(): Promise<number> {
  try {
    const options = readOptions();
    const known = jobs();
    for (const name of options.only ?? []) {
      if (known.has(name)) continue;
      throw diagnosticError("OPTION", "--only", `no "${name}"`, `use ${[...known.keys()].join(", ")}`);
    }
    if (REAL_NETWORK_NAMES.some((name) => !isPresent(name))) {
      const hint = "put the networks and data beside the project, in ../shared/data";
      throw diagnosticError("DATA", "../shared/data", "not there", hint);
    }
    for (const [name, job] of known) {
      if (options.only === null || options.only.includes(name)) await job(options);
    }
    writeDocument();
    return 0;
  } catch (error) {
    const { lines, exitCode } = explainError(error);
    for (const line of lines) process.stderr.write(`${line}\n`);
    return exitCode;
  }
}

process.exitCode = await main();
