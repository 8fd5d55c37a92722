/** Accuracy in sentences, and whether it is good news. */
import type { Accuracy, AgreementEntry, ErrorEntry } from "../../results/run-report.ts";
import { grouped, percent, percentRange, significant } from "../text/wording.ts";

/** Below this probability a difference is called one. */
const SIGNIFICANCE = 0.05;

export type Mood = "good" | "bad" | "neutral";

export interface Verdict {
  readonly mood: Mood;
  readonly sentence: string;
}

/** Whether fixed point loses against float on the same images. */
export function accuracyVerdict(accuracy: Accuracy | null, agreement: AgreementEntry | null): Verdict {
  if (accuracy === null) {
    const sentence =
      agreement === null
        ? "There are neither labels nor classes: only the error against float can be judged."
        : `Without labels there is no accuracy; the class is that of float on ${percent(agreement.share)} of the images.`;
    return { mood: "neutral", sentence };
  }
  const { mcnemar } = accuracy;
  if (mcnemar === null) return { mood: "neutral", sentence: "There is no float reference to compare with." };
  const pairs = `only float is right on ${grouped(mcnemar.onlyFloat)}, only fixed point on ${grouped(mcnemar.onlyFixed)} of them`;
  const p = `McNemar’s test: p = ${significant(mcnemar.pValue)}`;
  if (mcnemar.pValue >= SIGNIFICANCE) {
    return { mood: "good", sentence: `No loss can be told from chance on these images (${p}; ${pairs}).` };
  }
  return mcnemar.onlyFloat > mcnemar.onlyFixed
    ? { mood: "bad", sentence: `Fixed point loses accuracy (${p}; ${pairs}).` }
    : { mood: "good", sentence: `Fixed point is right more often than float (${p}; ${pairs}).` };
}

/** `right on 98.60 % of 1,000 images (95 %: 97.66 … 99.16 %), float on 98.70 %, …`. */
export function accuracySentence(accuracy: Accuracy, images: number): string {
  const { fixed, fixed95, float, relative, relative95, top5 } = accuracy;
  const first = `Fixed point is right on ${percent(fixed)} of ${grouped(images)} images (95 %: ${percentRange(fixed95)})`;
  const second = float === null ? "" : `, float on ${percent(float)}`;
  const interval = relative95 === null ? "" : ` (95 %: ${relative95[0].toFixed(4)} … ${relative95[1].toFixed(4)})`;
  const third = relative === null ? "" : `: a relative accuracy of ${relative.toFixed(4)}${interval}`;
  const five = top5 === null ? "" : ` The right class is among the first five on ${percent(top5)}.`;
  return `${first}${second}${third}.${five}`;
}

export function errorSentence({ mae, maxAbs, sqnrDb }: ErrorEntry): string {
  const ratio = sqnrDb === null ? "" : `, a signal-to-quantization-noise ratio of ${sqnrDb.toFixed(1)} dB`;
  return `In the last layer the mean error against float is ${significant(mae)}, the largest ${significant(maxAbs)}${ratio}.`;
}
