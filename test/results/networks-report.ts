/** The tables of RESULTS.md, from measurements. */
import { PAPER_ROWS, type PaperEntry, type PaperRow, paperTopology } from "../../runtime/report/paper-tables.ts";
import { markdownTable } from "../bench/report.ts";
import { FACT_FRACTIONS } from "./network-facts.ts";
import type { Measurement } from "./network-study.ts";
import { REAL_NETWORK_NAMES, REAL_NETWORKS, type RealNetworkName } from "./real-networks.ts";
import { findEntry, type NetworkResults } from "./results-file.ts";

/** Bits of every word, as the tables order them. */
export const WORD_LENGTHS: readonly number[] = [4, 6, 8, 10, 12, 14, 16, 18, 20];

/** `wide` with calibrated fraction lengths, the others with one format for all layers. */
export const WIDTH_DATAPATHS = ["tensorquant", "intrinsic", "wide", "extrinsic"] as const;

/** Relative accuracy from which a word counts as long enough. */
const ENOUGH = 0.99;

/** Part of the document → its text, without the marks. */
export function reportParts(results: NetworkResults): Readonly<Record<string, string>> {
  return {
    accuracy: accuracyTable(results),
    integers: integerTable(results),
    least: leastTable(results),
    ...Object.fromEntries(
      widthNetworks().flatMap((name) => [
        [`facts ${name}`, factsText(results, name)],
        [`widths ${name}`, widthTable(results, name)],
        [`evidence ${name}`, evidenceTable(results, name)],
      ]),
    ),
  };
}

/** The document with every generated part replaced. Throws where a part has no place. */
export function withReportParts(document: string, results: NetworkResults): string {
  return Object.entries(reportParts(results)).reduce((text, [part, content]) => {
    const place = new RegExp(`(<!-- ${part}: start -->\n)[\\s\\S]*?(<!-- end -->)`);
    if (!place.test(text)) throw new Error(`the document has no part "${part}"`);
    return text.replace(place, (_, start: string, end: string) => `${start}${content}\n${end}`);
  }, document);
}

/** Networks that are run with one format for all layers. */
export function widthNetworks(): readonly RealNetworkName[] {
  return REAL_NETWORK_NAMES.filter((name) => REAL_NETWORKS[name].integerBits !== null);
}

function accuracyTable(results: NetworkResults): string {
  const rows = REAL_NETWORK_NAMES.map((name) => {
    const { title, stated } = REAL_NETWORKS[name];
    const measurement = findEntry(results, name, "wide", null)?.measurement;
    if (measurement === undefined) return [title, "", percent(stated), "not run", "", "", "", "", "", ""];
    const { images, floatRight, fixedRight, pValue, onlyFloat, onlyFixed, agreeing, sqnrDb, digest } = measurement;
    const points = (100 * (fixedRight - floatRight)) / images;
    return [
      title,
      String(images),
      percent(stated),
      percent(floatRight / images),
      percent(fixedRight / images),
      `${points > 0 ? "+" : ""}${points.toFixed(2)}`,
      `${probability(pValue)} (${onlyFloat} : ${onlyFixed})`,
      percent(agreeing / images),
      decibels(sqnrDb),
      digest?.slice(0, 12) ?? "",
    ];
  });
  const header = ["network", "images", "stated %", "float %", "wide %", "points", "p (only float : only fixed)"];
  const table = markdownTable([...header, "same class %", "SQNR dB", "digest"], rows);
  return `Float reference: ${results.floatBackend}.\n\n${table}`;
}

function integerTable({ frontnet, frontnetDigest }: NetworkResults): string {
  const rows = frontnet.map(({ layer, words, equal }) => [layer, String(words), String(equal)]);
  return `${markdownTable(["layer", "integers", "equal"], rows)}\n\nDigest of the output: \`${frontnetDigest ?? "not run"}\`.`;
}

function widthTable(results: NetworkResults, name: RealNetworkName): string {
  const topology = paperTopology(name);
  const paper = topology === null ? undefined : PAPER_ROWS[topology];
  const rows = WORD_LENGTHS.map((wordLength) => [
    String(wordLength),
    paperCell(paper?.subunits, wordLength),
    paperCell(paper?.all, wordLength),
    ...(["tensorquant", "intrinsic", "wide"] as const).map((datapath) => cell(results, name, datapath, wordLength)),
    paperCell(paper?.extrinsic, wordLength),
    cell(results, name, "extrinsic", wordLength),
  ]);
  return markdownTable(
    [
      "W",
      "paper, Table 2",
      "paper, Table 4",
      "tensorquant",
      "intrinsic os",
      "wide, calibrated",
      "paper, Table 3",
      "extrinsic",
    ],
    rows.filter((row) => row.slice(1).some((text) => text !== "")),
  );
}

/** `0.998, 6 (0.995 … 1.000; n = 10000)`: relative accuracy, fraction length, 95 % interval, images. */
function cell(results: NetworkResults, name: RealNetworkName, datapath: string, wordLength: number): string {
  const found = findEntry(results, name, datapath, wordLength)?.measurement;
  if (found === undefined) return "";
  const { relative, relative95, format, images } = found;
  const interval = relative95?.map((end) => end.toFixed(3)).join(" … ") ?? "";
  return `${relative?.toFixed(3) ?? ""}, ${fractionOf(format)} (${interval}; n = ${images})`;
}

function paperCell(row: PaperRow | null | undefined, wordLength: number): string {
  const found = row?.[wordLength];
  return found === undefined ? "" : `${found.relative.toFixed(2)}, ${found.fraction}`;
}

function evidenceTable(results: NetworkResults, name: RealNetworkName): string {
  const rows = WIDTH_DATAPATHS.flatMap((datapath) =>
    WORD_LENGTHS.flatMap((wordLength) => {
      const found = findEntry(results, name, datapath, wordLength)?.measurement;
      return found === undefined ? [] : [evidenceRow(found)];
    }),
  );
  const header = ["datapath", "format", "accuracy %", "p", "SQNR dB", "overflows", "most at", "clipped constants"];
  return markdownTable(header, rows);
}

function evidenceRow(measurement: Measurement): readonly string[] {
  const { datapath, format, fixedRight, images, pValue, sqnrDb, overflowsPerImage, worst, clippedConstants } =
    measurement;
  return [
    datapath,
    `(${format})`,
    percent(fixedRight / images),
    probability(pValue),
    decibels(sqnrDb),
    overflowsPerImage.toFixed(1),
    worst === null ? "" : `${worst.layer} ${worst.register}, ${worst.perImage.toFixed(1)}`,
    clippedConstants === 0 ? "" : String(clippedConstants),
  ];
}

function factsText({ facts }: NetworkResults, name: RealNetworkName): string {
  const found = facts.find(({ network }) => network === name);
  if (found === undefined) return "not run";
  const reach = found.farthest.map(({ layer, magnitude }) => `${layer} ${Number(magnitude.toPrecision(3))}`).join(", ");
  const table = markdownTable(
    ["F", ...FACT_FRACTIONS.map(String)],
    [["weights that round to 0, %", ...found.lostWeights.map(percent)]],
  );
  return `Values that reach farthest in float: ${reach}.\n\n${table}`;
}

/** Networks ordered by the least word length that keeps 99 % of the float accuracy, as the paper and as these runs have it. */
function leastTable(results: NetworkResults): string {
  const own = widthNetworks().flatMap((name) =>
    WIDTH_DATAPATHS.map((datapath) => ({
      what: `${REAL_NETWORKS[name].title}, ${datapath}${datapath === "wide" ? ", calibrated" : ""}`,
      least: leastWordLength((wordLength) => findEntry(results, name, datapath, wordLength)?.measurement.relative),
    })),
  );
  const paper = (["LeNet", "Inception V1"] as const).flatMap((title) => {
    const { all, subunits, extrinsic } = PAPER_ROWS[title];
    const rows: readonly (readonly [string, PaperRow | null])[] = [
      ["Table 4, intrinsic", all],
      ["Table 2, intrinsic by subunits", subunits],
      ["Table 3, extrinsic", extrinsic],
    ];
    return rows.flatMap(([table, row]) => {
      if (row === null) return [];
      const relative = (wordLength: number): number | undefined =>
        (row[wordLength] as PaperEntry | undefined)?.relative;
      return [{ what: `paper: ${title}, ${table}`, least: leastWordLength(relative) }];
    });
  });
  const order = [...own, ...paper].toSorted((a, b) => (a.least ?? Infinity) - (b.least ?? Infinity));
  return markdownTable(
    ["network and datapath", "least W with 99 % of float"],
    order.map(({ what, least }) => [what, least === null ? "none that was run" : String(least)]),
  );
}

/** The least word length from which on, as far as was run, none falls short. */
function leastWordLength(relative: (wordLength: number) => number | null | undefined): number | null {
  let least: number | null = null;
  for (const wordLength of WORD_LENGTHS.toReversed()) {
    const found = relative(wordLength);
    if (found === undefined || found === null) continue;
    if (found < ENOUGH) break;
    least = wordLength;
  }
  return least;
}

function fractionOf(format: string): string {
  return format.split(",")[1] ?? "";
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}

function probability(p: number): string {
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}

function decibels(value: number | null): string {
  return value === null ? "exact" : value.toFixed(1);
}
