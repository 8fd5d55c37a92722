import type { CycleEntry, LayerEntry, RegisterEntry, RunReport } from "../report/run-report.ts";

/** A share of overflowing values from which it is worth a look even without a loss of accuracy. */
const NOTABLE_LOSS = 0.05;

interface Place {
  readonly layer: string;
  readonly register: string;
  readonly entry: RegisterEntry;
}

/** One sentence: what a designer should look at first in a result, the gravest finding first. */
export function adviceOn(report: Pick<RunReport, "accuracy" | "layers" | "cycles">): string {
  const places = report.layers.flatMap(({ name, registers }) =>
    Object.entries(registers).map(([register, entry]): Place => ({ layer: name, register, entry })),
  );
  const significant = (report.accuracy?.mcnemar?.pValue ?? 1) < NOTABLE_LOSS;
  return (
    overflowAdvice(places, significant) ??
    tableAdvice(report.layers) ??
    (significant ? resolutionAdvice(report.layers, places) : undefined) ??
    headroomAdvice(report.layers, places) ??
    cycleAdvice(report.layers, report.cycles)
  );
}

function overflowAdvice(places: readonly Place[], significant: boolean): string | undefined {
  const worst = largest(places, ({ entry }) => entry.overflow);
  if (worst === undefined || worst.entry.overflow === 0) return undefined;
  const { layer, register, entry } = worst;
  const effect = significant ? "accuracy suffers" : "accuracy does not suffer measurably on these images";
  const reach =
    entry.min === null || entry.max === null
      ? ""
      : `; values reach ${Number(entry.min.toPrecision(4))} … ${Number(entry.max.toPrecision(4))}`;
  return (
    `the ${register} register of ${layer} (${entry.format}) overflows most, ${entry.overflow.toLocaleString("en-US")} times${reach}; ` +
    `${effect}: give it integer bits before anything else.`
  );
}

/** Last places by which a table may be off before it, and not the word, sets a layer's precision. */
const NOTABLE_TABLE_ERROR = 4;

function tableAdvice(layers: readonly LayerEntry[]): string | undefined {
  const coarsest = largest(layers, ({ table }) => table?.largestErrorLastPlaces ?? 0);
  if (coarsest?.table === undefined || coarsest.table.largestErrorLastPlaces < NOTABLE_TABLE_ERROR) return undefined;
  const { entries, largestErrorLastPlaces, interpolated } = coarsest.table;
  const places = Math.round(largestErrorLastPlaces).toLocaleString("en-US");
  const ways = interpolated
    ? "lookupBits or a narrower tableRange"
    : "interpolate: true, lookupBits or a narrower tableRange";
  return (
    `the table of ${coarsest.name} sets its precision: ${entries.toLocaleString("en-US")} entries are up to ${places} last places ` +
    `off the function; see ${ways} in the assignment.`
  );
}

function resolutionAdvice(layers: readonly LayerEntry[], places: readonly Place[]): string {
  const noisiest = largest(layers, ({ sqnrDb }) => -(sqnrDb ?? Number.POSITIVE_INFINITY));
  const flushed = largest(places, ({ entry }) => entry.flushedToZero ?? 0);
  const layer = noisiest?.name ?? flushed?.layer ?? "the first layer";
  const zero =
    flushed?.entry.flushedToZero === undefined ||
    flushed.entry.flushedToZero === 0 ||
    flushed.entry.flushedToZero === null
      ? ""
      : `, where the ${flushed.register} register of ${flushed.layer} flushes most values to zero`;
  return `nothing overflows but accuracy suffers: the fraction is too short, ${layer} has the lowest SQNR${zero}.`;
}

/** Spare bits from which a shorter word is worth a look. */
const NOTABLE_HEADROOM = 2;

/** Where spare bits cost most: unused high bits weighed with the energy of their layer. */
function headroomAdvice(layers: readonly LayerEntry[], places: readonly Place[]): string | undefined {
  const energyOf = (name: string): number => layers.find((layer) => layer.name === name)?.energyPj ?? 0;
  const total = layers.reduce((sum, { energyPj }) => sum + energyPj, 0);
  // Biases are few words: their length costs next to nothing.
  const measured = places.filter(({ register, entry }) => register !== "bias" && entry.unusedHighBits !== null);
  const spare = measured.filter(({ entry }) => (entry.unusedHighBits ?? 0) >= NOTABLE_HEADROOM);
  const dearest = largest(spare, ({ layer, entry }) => (entry.unusedHighBits ?? 0) * (energyOf(layer) || 1));
  const tightest = largest(measured, ({ entry }) => -(entry.unusedHighBits ?? 0));
  if (tightest === undefined || dearest === undefined) return undefined;
  const { layer, register, entry } = dearest;
  const share = total === 0 ? "" : `, which takes ${((100 * energyOf(layer)) / total).toFixed(0)} % of the energy,`;
  const limit =
    tightest === dearest
      ? "shorten it"
      : `shorten it; the ${tightest.register} register of ${tightest.layer}, with ${tightest.entry.unusedHighBits}, sets the limit`;
  return (
    `nothing overflows; the ${register} register of ${layer}${share} leaves ${entry.unusedHighBits} of ` +
    `${entry.format.split(",")[0]?.replace("u", "")} bits unused: ${limit}.`
  );
}

function cycleAdvice(layers: readonly LayerEntry[], cycles: CycleEntry | null): string {
  const slowest = largest(layers, (layer) => layer.cycles);
  if (slowest === undefined || cycles === null)
    return "nothing overflows and no register has bits to spare on these images.";
  return `word lengths fit; ${slowest.name} takes ${((100 * slowest.cycles) / cycles.perImage).toFixed(0)} % of the cycles.`;
}

function largest<T>(items: readonly T[], measure: (item: T) => number): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || measure(item) > measure(best)) best = item;
  return best;
}
