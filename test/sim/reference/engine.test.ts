import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../../isa/diagnostic.ts";
import { fixedPoint } from "../../../isa/numerics/format.ts";
import { register } from "../../../isa/numerics/register.ts";
import { mergeEvidence } from "../../../sim/evidence.ts";
import { referenceEngine } from "../../../sim/reference/engine.ts";
import { MATRIX_PROBLEM, type MatrixProblem, matrixProgram } from "./matrix-problem.ts";
import {
  activation,
  HALT,
  load,
  programOf,
  rawsOf,
  runImages,
  SMALL_MACHINE,
  SYNCHRONISE,
  set,
  store,
  tokens,
  vector,
} from "./programs.ts";

const WIDE = fixedPoint(64, 0, false);

/** Adds the input to itself, and also to a constant, through an intermediate tensor. */
function doubling(format = fixedPoint(8, 0)) {
  const tensors = [
    { name: "input", role: "input", format, length: 2 },
    { name: "offset", role: "constant", format, length: 2, values: [10, 20] },
    { name: "doubled", role: "intermediate", format, length: 2 },
    { name: "output", role: "output", format, length: 2 },
  ] as const;
  const word = format.wordLength;
  const [, offset, doubled, output] = programOf(SMALL_MACHINE, tensors, []).tensors;
  return programOf(SMALL_MACHINE, tensors, [
    set("source", format),
    set("input", format),
    load({ channels: 2 }),
    load({ channels: 2, dramAddress: offset?.address ?? 0, address: 1000 }),
    set("operandA", format),
    set("operandB", format),
    set("output", format),
    activation("none"),
    SYNCHRONISE,
    vector({ operation: "add", elements: 2 }),
    vector({ operation: "add", elements: 2, addressB: 1000, outputAddress: 1000 }),
    SYNCHRONISE,
    store({ channels: 2, wordLength: word, dramAddress: doubled?.address ?? 0 }),
    store({ channels: 2, wordLength: word, dramAddress: output?.address ?? 0, address: 1000 }),
    HALT,
  ]);
}

describe("reference session", () => {
  it("runs images one by one and gives their outputs in order", () => {
    const result = runImages(doubling(), [
      [1, 2],
      [-3, 4],
    ]);
    expect([...result.outputs]).toEqual([11, 22, 7, 24]);
    expect(result).toMatchObject({ images: 2, fault: null });
    expect(result.captured.size).toBe(0);
  });

  it("captures intermediate and output tensors image by image, not inputs and constants", () => {
    const images = [
      [1, 2],
      [-3, 4],
    ];
    const { captured } = runImages(doubling(), images, { capture: true });
    expect([...captured.keys()]).toEqual(["doubled", "output"]);
    expect([...(captured.get("doubled") ?? [])]).toEqual([2, 4, -6, 8]);
    expect([...(captured.get("output") ?? [])]).toEqual([11, 22, 7, 24]);
  });

  it("keeps the bit pattern of unsigned 64-bit words", () => {
    const { outputs } = runImages(doubling(WIDE), [[2n ** 63n, 5]]);
    expect([...outputs]).toEqual([BigInt.asIntN(64, 2n ** 63n + 10n), 25n]);
  });

  it("gives an empty result for no images", () => {
    const result = runImages(doubling(), []);
    expect(result).toMatchObject({ images: 0, evidence: [{}], fault: null });
    expect(result.outputs).toHaveLength(0);
  });

  it("knows its cycles before and after the first image, and they are the same", () => {
    const program = doubling();
    const fresh = referenceEngine.open(program).session.cycles;
    const { session } = referenceEngine.open(program);
    const options = { statistics: false, capture: false };
    session.run({ firstImage: 3, count: 1, raws: rawsOf(fixedPoint(8, 0), [100, -100]) }, options);
    expect(session.cycles).toEqual(fresh);
  });

  it("counts cycles of a program whose zero image would trap, and of one that trapped", () => {
    const format = fixedPoint(4, 0);
    const problem: MatrixProblem = {
      machine: SMALL_MACHINE,
      pixelRows: 1,
      pixelColumns: 1,
      filters: 1,
      steps: 1,
      firstPart: 1,
      operandA: format,
      weight: format,
      product: register(format, "nearest", "trap"),
      accumulator: register(format),
      inputs: [7n],
      weights: [7n],
      seed: 0,
    };
    const { program } = matrixProgram(problem);
    const { session } = referenceEngine.open(program);
    const options = { statistics: false, capture: false };
    const { fault } = session.run({ firstImage: 0, count: 1, raws: rawsOf(format, [7n]) }, options);
    expect(fault?.kind).toBe("overflow-trap");
    expect(session.multiplications).toBe(0);
    expect(session.cycles.total).toBeGreaterThan(fault?.cycle ?? Number.POSITIVE_INFINITY);
  });

  it("refuses the cycles of a program that cannot end", () => {
    const program = programOf(
      SMALL_MACHINE,
      [
        { name: "input", role: "input", format: WIDE, length: 1 },
        { name: "output", role: "output", format: WIDE, length: 1 },
      ],
      [{ ...set("output", WIDE), wait: tokens("inputReady") }, HALT],
    );
    expect(() => referenceEngine.open(program).session.cycles).toThrow(InvariantError);
  });

  it("cut into batches gives the same outputs and the same merged evidence, stochastic registers included", () => {
    fc.assert(
      fc.property(MATRIX_PROBLEM, fc.nat({ max: 3 }), (drawn, cut) => {
        const problem: MatrixProblem = { ...drawn, product: { ...drawn.product, rounding: "stochastic" } };
        const { program } = matrixProgram(problem);
        const images = Array.from({ length: 3 }, () => problem.inputs);
        const whole = runImages(program, images, { statistics: true });
        const first = runImages(program, images.slice(0, cut), { statistics: true });
        const second = runImages(program, images.slice(cut), { statistics: true, firstImage: cut });
        expect([...first.outputs, ...second.outputs]).toEqual([...whole.outputs]);
        expect(mergeEvidence(first.evidence, second.evidence)).toEqual(whole.evidence);
      }),
      { numRuns: 60 },
    );
  });
});
