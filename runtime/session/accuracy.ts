import { inModelOrder, type ModelOutput, modelOrder } from "../../isa/program/model-output.ts";
import { classify, withinTop } from "../metrics/classification.ts";
import { relativeAccuracyInterval, wilsonInterval } from "../metrics/intervals.ts";
import { mcnemar } from "../metrics/mcnemar.ts";
import type { Accuracy, AgreementEntry, ClassEntry } from "../results/run-report.ts";

/** Last values of both computations, images × classes as they lie in memory, on any monotone scale. */
export interface Outcome {
  readonly fixed: ArrayLike<number | bigint>;
  /** Null where there is no float network (a program file). */
  readonly float: ArrayLike<number> | null;
  readonly images: number;
  readonly classes: number;
}

/** Top-5 says something from this many classes on. */
const TOP5_CLASSES = 6;

/** Answers of a classifier as images come in; keeps a few numbers per image. */
export class AnswerTally {
  readonly #seed: number;
  /** Place in memory of each class; null where they lie in order. */
  readonly #order: Int32Array | null;
  readonly #fixed: number[] = [];
  /** Empty where there is no float network. */
  readonly #float: number[] = [];
  readonly #labels: number[] = [];
  /** Images whose label, or whose float answer, is among the five largest fixed values. */
  #labelInTop5 = 0;
  #floatInTop5 = 0;
  #ties = 0;
  #classes = 0;
  #labelled = true;
  /** Labels that are no class of the network, and the first of them. */
  #outside: { images: number; readonly label: number; readonly image: number } | null = null;

  /** `seed` of the bootstrap. A class is a place among the model's own outputs, where it declares any. */
  constructor(seed: number, modelOutputs: readonly ModelOutput[] = []) {
    this.#seed = seed;
    this.#order = modelOrder(modelOutputs);
  }

  /** `labels`: one per image, or null. A label that is no class of the network leaves the run without accuracy. */
  add({ images, classes, ...stored }: Outcome, labels: ArrayLike<number> | null): void {
    const fixed = inModelOrder(stored.fixed, this.#order);
    const float = stored.float && inModelOrder(stored.float, this.#order);
    this.#classes = classes;
    for (let image = 0; image < images; image++) this.#look(labels?.[image], this.#fixed.length + image);
    const answers = classify(fixed, images, classes);
    this.#ties += answers.ties;
    for (const answer of answers.top1) this.#fixed.push(answer);
    if (float !== null) {
      const { top1 } = classify(float, images, classes);
      for (const answer of top1) this.#float.push(answer);
      this.#floatInTop5 += countTop5(fixed, top1, images, classes);
    }
    if (!this.#labelled || labels === null) return;
    for (let image = 0; image < images; image++) this.#labels.push(labels[image] ?? -1);
    this.#labelInTop5 += countTop5(fixed, labels, images, classes);
  }

  #look(label: number | undefined, image: number): void {
    if (label !== undefined && label >= 0 && label < this.#classes) return;
    this.#labelled = false;
    if (label === undefined) return;
    if (this.#outside === null) this.#outside = { images: 1, label, image };
    else this.#outside.images++;
  }

  /** Why there is no accuracy; null where there is. */
  missing(): string | null {
    if (this.#labelled && this.#fixed.length > 0 && this.#classes >= 2) return null;
    if (this.#classes < 2) return "the network has one output and classifies nothing";
    if (this.#outside === null) return "no labels";
    const { images, label, image } = this.#outside;
    const which =
      images === 1
        ? `label ${label} of image ${image} is`
        : `${images} labels, the first ${label} of image ${image}, are`;
    const hint = label === this.#classes ? "; labels that count from 1 want --label-offset -1" : "";
    return `${which} none of the network's ${this.#classes} classes, 0 to ${this.#classes - 1}${hint}`;
  }

  /** Null without labels, and for networks that do not classify. */
  accuracy(): Accuracy | null {
    const images = this.#fixed.length;
    if (!this.#labelled || images === 0 || this.#classes < 2) return null;
    const right = (answers: readonly number[]): boolean[] =>
      answers.map((answer, image) => answer === this.#labels[image]);
    const fixedRight = right(this.#fixed);
    const fixedShare = share(fixedRight);
    const common = {
      fixed: fixedShare,
      top5: this.#classes >= TOP5_CLASSES ? this.#labelInTop5 / images : null,
      fixed95: wilsonInterval(count(fixedRight), images),
      ties: this.#ties,
    };
    if (this.#float.length === 0) {
      return { ...common, float: null, relative: null, agreement: null, relative95: null, mcnemar: null };
    }
    const floatRight = right(this.#float);
    const floatShare = share(floatRight);
    const { onlyFirst, onlySecond, pValue } = mcnemar(floatRight, fixedRight);
    return {
      ...common,
      float: floatShare,
      relative: floatShare === 0 ? null : fixedShare / floatShare,
      agreement: share(this.#same()),
      relative95: relativeAccuracyInterval(floatRight, fixedRight, this.#seed),
      mcnemar: { onlyFloat: onlyFirst, onlyFixed: onlySecond, pValue },
    };
  }

  /** How often both computations give the same class, which needs no labels; null where only one of them, or no class, is there. */
  agreement(): AgreementEntry | null {
    const images = this.#float.length;
    if (images === 0 || this.#classes < 2) return null;
    const same = this.#same();
    return {
      share: share(same),
      share95: wilsonInterval(count(same), images),
      top5: this.#classes >= TOP5_CLASSES ? this.#floatInTop5 / images : null,
      ties: this.#ties,
    };
  }

  /** The class of each image with fixed point. */
  get classes(): Int32Array {
    return Int32Array.from(this.#fixed);
  }

  /** One per image, 1 where right; null where `accuracy` is, and float's without a float network. */
  right(of: "float" | "fixed"): Uint8Array | null {
    const answers = of === "float" ? this.#float : this.#fixed;
    if (!this.#labelled || answers.length === 0 || this.#classes < 2) return null;
    return Uint8Array.from(answers, (answer, image) => (answer === this.#labels[image] ? 1 : 0));
  }

  /** One per image, 1 where both computations give the same class; null where `agreement` is. */
  get sameClass(): Uint8Array | null {
    return this.#float.length === 0 || this.#classes < 2 ? null : Uint8Array.from(this.#same(), Number);
  }

  /** Accuracy of each class that has images, ascending; null where there is no accuracy. */
  byClass(): ClassEntry[] | null {
    if (!this.#labelled || this.#fixed.length === 0 || this.#classes < 2) return null;
    const counts = new Map<number, { images: number; fixed: number; float: number }>();
    for (const [image, label] of this.#labels.entries()) {
      const found = counts.get(label) ?? { images: 0, fixed: 0, float: 0 };
      counts.set(label, found);
      found.images++;
      if (this.#fixed[image] === label) found.fixed++;
      if (this.#float[image] === label) found.float++;
    }
    const hasFloat = this.#float.length > 0;
    return [...counts]
      .sort(([a], [b]) => a - b)
      .map(([label, { images, fixed, float }]) => ({
        class: label,
        images,
        fixed: fixed / images,
        float: hasFloat ? float / images : null,
        fixed95: wilsonInterval(fixed, images),
      }));
  }

  #same(): boolean[] {
    return this.#fixed.map((answer, image) => answer === this.#float[image]);
  }
}

function countTop5(
  values: ArrayLike<number | bigint>,
  answers: ArrayLike<number>,
  images: number,
  classes: number,
): number {
  return classes < TOP5_CLASSES ? 0 : count(withinTop(values, answers, images, classes, 5));
}

function count(answers: readonly boolean[]): number {
  return answers.filter(Boolean).length;
}

function share(answers: readonly boolean[]): number {
  return count(answers) / answers.length;
}
