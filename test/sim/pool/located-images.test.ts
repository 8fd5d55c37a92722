import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Program } from "../../../isa/program/program.ts";
import type { BatchResult, EngineSession } from "../../../sim/engine.ts";
import { ENGINES } from "../../../sim/engines.ts";
import { EVIDENCE_REGISTERS, type LayerEvidence, mergeEvidence, type OverflowSite } from "../../../sim/evidence.ts";
import { type LocatedImages, locatedBefore, locatedImages, noteLocated } from "../../../sim/pool/located-images.ts";
import { machinePrograms } from "../../arbitraries/machine-program.ts";
import { imageBatch } from "../../conformance/compare.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 2000 : 200;
const IMAGES = 6;
const PLAIN = { statistics: false, capture: false };

function open(program: Program): EngineSession {
  const opened = ENGINES.fast.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  return opened.session;
}

/** Evidence of one layer whose product register first overflows in `image`. */
function productEvidence(image: number): LayerEvidence[] {
  const first: OverflowSite = {
    image,
    instruction: 0,
    cycle: 0,
    row: 0,
    column: 0,
    register: "product",
    pixel: 0,
    channel: 0,
    step: 0,
    before: 9n,
    after: 7n,
  };
  return [{ product: { overflow: 1, first, statistics: null } }];
}

describe("located images", () => {
  it("know nothing at first, and only of images before the one asked for", () => {
    const located = locatedImages(2);
    expect(locatedBefore(located, 2 ** 31 - 1)).toEqual([new Set(), new Set()]);
    noteLocated(located, productEvidence(5));
    expect(locatedBefore(located, 5)).toEqual([new Set(), new Set()]);
    expect(locatedBefore(located, 6)).toEqual([new Set(["product"]), new Set()]);
  });

  it("keep the lowest image, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1 }), (images) => {
        const located = locatedImages(1);
        for (const image of images) noteLocated(located, productEvidence(image));
        const lowest = Math.min(...images);
        expect(locatedBefore(located, lowest)[0]?.has("product")).toBe(false);
        expect(locatedBefore(located, lowest + 1)[0]?.has("product")).toBe(true);
      }),
    );
  });
});

describe("batches that leave out what is located", () => {
  /** A batch as a worker runs it. */
  function runBatch(session: EngineSession, located: LocatedImages, raws: BatchResult["outputs"], image: number) {
    const elements = raws.length / IMAGES;
    const batch = { firstImage: image, count: 1, raws: raws.slice(image * elements, (image + 1) * elements) };
    const result = session.run(batch, { ...PLAIN, located: locatedBefore(located, image) });
    noteLocated(located, result.evidence);
    return result;
  }

  it("in any order, some run twice and their first answer lost: merged, the evidence of one batch", () => {
    const orders = fc.record({
      order: fc.shuffledSubarray(
        Array.from({ length: IMAGES }, (_, image) => image),
        { minLength: IMAGES },
      ),
      lost: fc.array(fc.boolean(), { minLength: IMAGES, maxLength: IMAGES }),
    });
    let leftOut = 0;
    fc.assert(
      fc.property(machinePrograms(2), orders, ({ program, inputs }, { order, lost }) => {
        const { raws } = imageBatch(program, inputs, IMAGES);
        const whole = open(program).run({ firstImage: 0, count: IMAGES, raws }, PLAIN);
        fc.pre(whole.fault === null);
        const session = open(program);
        const located = locatedImages(program.layers.length);
        const answers: LayerEvidence[][] = [];
        // Those that are lost run again when all others have run.
        for (const image of order) {
          const { evidence } = runBatch(session, located, raws, image);
          if (!lost[image]) answers[image] = [...evidence];
        }
        for (const image of order) {
          answers[image] ??= [...runBatch(session, located, raws, image).evidence];
        }
        for (const layers of answers) {
          for (const layer of layers) {
            for (const register of EVIDENCE_REGISTERS) {
              const evidence = layer[register];
              if (evidence !== undefined && evidence.overflow > 0 && evidence.first === null) leftOut++;
            }
          }
        }
        const none: LayerEvidence[] = program.layers.map(() => ({}));
        expect(answers.reduce(mergeEvidence, none)).toEqual(whole.evidence);
      }),
      { numRuns: RUNS },
    );
    expect(leftOut).toBeGreaterThan(RUNS / 10);
  });
});
