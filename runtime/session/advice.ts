import { overflowShare, shareText } from "../report/overflow-rate.ts";
import { layerRows } from "../report/recurrent-rows.ts";
import { grouped, percent, significant } from "../report/text/wording.ts";
import type { CycleEntry, LayerEntry, RegisterEntry, RunReport } from "../results/run-report.ts";

/** What advice is taken from. */
export type Advised = Pick<
  RunReport,
  "accuracy" | "agreement" | "error" | "layers" | "cycles" | "images" | "observedImages"
>;

interface Place {
  readonly layer: string;
  readonly register: string;
  readonly entry: RegisterEntry;
}

/** One sentence, or two: what a designer should look at first in a result, the gravest finding first. */
export function adviceOn(report: Advised): string {
  // A recurrent layer is spoken of as one: a step of it is no place to give bits to.
  const rows = layerRows(report.layers, true);
  const whole = rows.map(({ name, whole: { cycles, sqnrDb, registers } }) => ({ name, cycles, sqnrDb, registers }));
  const places = whole.flatMap(({ name, registers }) =>
    Object.entries(registers).map(([register, entry]): Place => ({ layer: name, register, entry })),
  );
  const effect = effectOf(report);
  const overflow = overflowAdvice(places, effect, report);
  if (overflow !== undefined && effect.suffers === true) return overflow;
  const table = tableAdvice(report.layers);
  if (effect.suffers === true) return table ?? resolutionAdvice(whole, places, effect);
  const spare = table ?? headroomAdvice(report, places) ?? cycleAdvice(whole, report.cycles);
  if (overflow === undefined) return `nothing overflows; ${spare}`;
  return `${overflow} ${spare.charAt(0).toUpperCase()}${spare.slice(1)}`;
}

/** What quantization does to the network's answers. */
interface Effect {
  /** Null where nothing tells. */
  readonly suffers: boolean | null;
  readonly text: string;
}

/** Of a test, the probability below which a difference from float counts as shown. */
const SIGNIFICANCE = 0.05;
/** Share of images that keep float's class, and SQNR of the output, below which a network without labels suffers. */
const KEPT_CLASSES = 0.99;
const KEPT_SQNR_DB = 20;

function effectOf({ accuracy, agreement, error }: Advised): Effect {
  const test = accuracy?.mcnemar;
  if (test != null) {
    const suffers = test.pValue < SIGNIFICANCE && test.onlyFloat > test.onlyFixed;
    const text = suffers ? "accuracy suffers" : "accuracy does not suffer measurably on these images";
    return { suffers, text };
  }
  if (agreement !== null) {
    const { share, share95 } = agreement;
    return { suffers: share95[1] < KEPT_CLASSES, text: `${percent(share)} of the images keep float's class` };
  }
  if (typeof error?.sqnrDb === "number") {
    return {
      suffers: error.sqnrDb < KEPT_SQNR_DB,
      text: `the output has an SQNR of ${error.sqnrDb.toFixed(1)} dB against float`,
    };
  }
  return { suffers: null, text: "nothing tells whether accuracy suffers" };
}

function overflowAdvice(places: readonly Place[], { suffers, text }: Effect, report: Advised): string | undefined {
  const worst = largest(places, ({ entry }) => entry.overflow);
  if (worst === undefined || worst.entry.overflow === 0) return undefined;
  const { layer, register, entry } = worst;
  const share = overflowShare(entry, register, report);
  const often = `${grouped(entry.overflow)} times${share === null ? "" : `, ${shareText(share)} of its values`}`;
  const reach =
    entry.min === null || entry.max === null
      ? ""
      : `; ${seenIn(register, report)} they reach ${significant(entry.min)} … ${significant(entry.max)}`;
  const conclusion =
    suffers === true
      ? "give it integer bits before anything else"
      : suffers === false
        ? "nothing needs to be widened for them"
        : "compare with float before anything is widened";
  return `the ${register} register of ${layer} (${entry.format}) overflows most, ${often}${reach}; ${text}: ${conclusion}.`;
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
    `the table of ${placeOf(coarsest)} sets its precision: ${entries.toLocaleString("en-US")} entries are up to ${places} last places ` +
    `off the function; see ${ways} in the assignment.`
  );
}

/** A layer by its name; of a recurrent layer that and the part. */
function placeOf({ name, recurrent }: LayerEntry): string {
  return recurrent === undefined ? name : `${recurrent.layer} (${name})`;
}

/** The images that ranges were taken from. */
function seenIn(register: string, { observedImages }: Advised): string {
  if (register === "weight" || register === "bias") return "in the model";
  return observedImages === 1 ? "in the first image" : `in the first ${grouped(observedImages)} images`;
}

function resolutionAdvice(
  layers: readonly Pick<LayerEntry, "name" | "sqnrDb">[],
  places: readonly Place[],
  { text }: Effect,
): string {
  const noisiest = largest(layers, ({ sqnrDb }) => -(sqnrDb ?? Number.POSITIVE_INFINITY));
  const flushed = largest(places, ({ entry }) => entry.flushedToZero ?? 0);
  const layer = noisiest?.name ?? flushed?.layer ?? "the first layer";
  const zero =
    flushed === undefined || (flushed.entry.flushedToZero ?? 0) === 0
      ? ""
      : `, where the ${flushed.register} register of ${flushed.layer} flushes most values to zero`;
  return `nothing overflows but ${text}: the fraction is too short, ${layer} has the lowest SQNR${zero}.`;
}

/** Spare bits from which a shorter word is worth a look. */
const NOTABLE_HEADROOM = 2;

/** Where spare bits cost most: the part of a register's own energy that they take. */
function headroomAdvice(report: Advised, places: readonly Place[]): string | undefined {
  // Biases are few words: their length costs next to nothing.
  const measured = places.filter(({ register, entry }) => register !== "bias" && entry.unusedHighBits !== null);
  const spare = measured.filter(({ entry }) => (entry.unusedHighBits ?? 0) >= NOTABLE_HEADROOM);
  const wasted = ({ entry }: Place): number => {
    const unused = entry.unusedHighBits ?? 0;
    // Without energies, and between registers that have none of their own, the bits alone decide.
    return ((entry.energyPj ?? 0) * unused) / wordLengthOf(entry) + 1e-9 * unused;
  };
  const dearest = largest(spare, wasted);
  const tightest = largest(measured, ({ entry }) => -(entry.unusedHighBits ?? 0));
  if (tightest === undefined || dearest === undefined) return undefined;
  const { layer, register, entry } = dearest;
  const total = report.layers.reduce((sum, { energyPj }) => sum + energyPj, 0);
  const share =
    entry.energyPj === undefined || entry.energyPj === 0 || total === 0
      ? ""
      : `, whose words take ${percent(entry.energyPj / total, 0)} of the energy,`;
  const limit =
    tightest === dearest
      ? "shorten it"
      : `shorten it; the ${tightest.register} register of ${tightest.layer}, with ${tightest.entry.unusedHighBits}, sets the limit`;
  const where = report.observedImages === 0 ? "" : ` ${seenIn(register, report)}`;
  return (
    `the ${register} register of ${layer}${share} leaves ${entry.unusedHighBits} of ` +
    `${wordLengthOf(entry)} bits unused${where}: ${limit}.`
  );
}

function wordLengthOf({ format }: RegisterEntry): number {
  return Number(format.split(",")[0]?.replace("u", ""));
}

function cycleAdvice(layers: readonly Pick<LayerEntry, "name" | "cycles">[], cycles: CycleEntry | null): string {
  const slowest = largest(layers, (layer) => layer.cycles);
  if (slowest === undefined || cycles === null) return "no register has bits to spare on these images.";
  return `word lengths fit, and ${slowest.name} takes ${percent(slowest.cycles / cycles.perImage, 0)} of the cycles.`;
}

function largest<T>(items: readonly T[], measure: (item: T) => number): T | undefined {
  let best: T | undefined;
  for (const item of items) if (best === undefined || measure(item) > measure(best)) best = item;
  return best;
}
