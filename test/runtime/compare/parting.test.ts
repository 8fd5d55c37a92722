/** `compare` against a search through everything that the reference engine shows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import type { Dataflow } from "../../../isa/dataflow/table.ts";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import type { Machine } from "../../../isa/machine.ts";
import { rawRange } from "../../../isa/numerics/format.ts";
import { rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { elementCount, type Program } from "../../../isa/program/program.ts";
import { ComparedPair } from "../../../runtime/compare/pair.ts";
import { MachineSide } from "../../../runtime/compare/side.ts";
import type { PartingEntry } from "../../../runtime/results/compare-report.ts";
import { quantizeImages, tensorSymbol } from "../../../runtime/session/host-input.ts";
import { checkProgram } from "../../../sim/check/index.ts";
import { ENGINES } from "../../../sim/engines.ts";
import { machines } from "../../arbitraries/machine-program.ts";
import { deterministicRoundingModes } from "../../arbitraries/numerics.ts";
import { exactValue, type Found, heldValue, slowSearch } from "./slow-search.ts";
import { smallGraphs } from "./small-graphs.ts";

const RUNS = process.env.MACROSCOPE_LONG === "1" ? 150 : 30;
const IMAGES = 2;

function compiled(graph: Graph, machine: Machine, assignment: AssignmentSpecification): Program | null {
  try {
    return compile(graph, { machine, assignment, seed: 9 }).program;
  } catch (error) {
    if (error instanceof DiagnosticError) return null;
    throw error;
  }
}

function imagesFor(program: Program, salt: number): Float32Array {
  const elements = elementCount(tensorSymbol(program, program.input).shape);
  return Float32Array.from({ length: IMAGES * elements }, (_, index) => (((index + salt) * 37) % 61) / 16 - 2);
}

function side(label: string, program: Program): MachineSide {
  expect(checkProgram(program)).toBeNull();
  const opened = ENGINES.fast.open(program);
  if ("fault" in opened) throw new Error(opened.fault.message);
  return new MachineSide(label, program, opened.session);
}

function compared(a: Program, b: Program, values: Float32Array): PartingEntry | null {
  const [sideA, sideB] = [side("a", a), side("b", b)];
  const pair = new ComparedPair(sideA, sideB);
  const images = { first: 0, count: IMAGES, values };
  const [wordsA, wordsB] = [sideA.take(images, true), sideB.take(images, true)];
  if ("fault" in wordsA || "fault" in wordsB) throw new Error("no register traps");
  pair.add(wordsA, wordsB, images);
  const { first, equal } = pair.entry();
  expect(equal).toBe(first === null);
  return first;
}

function sought(a: Program, b: Program, values: Float32Array): Found | null {
  const batch = (program: Program) => ({
    firstImage: 0,
    count: IMAGES,
    raws: quantizeImages(program, values, IMAGES, 0).raws,
  });
  return slowSearch(a, b, batch(a), batch(b));
}

/** Flips a bit of one weight of a layer. */
function withFlippedWeight(program: Program, layer: string, place: number, bit: number): Program | null {
  const name = program.constants.find(({ tensor }) => tensor.startsWith(`${layer}/weight`))?.tensor;
  if (name === undefined) return null;
  const { format } = tensorSymbol(program, name);
  const constants = program.constants.map((constant) => {
    if (constant.tensor !== name) return constant;
    const raws = constant.raws.slice();
    const index = place % raws.length;
    const flipped = rawAt(raws, index, format) ^ (1n << BigInt(bit % format.wordLength));
    const { wordLength, signed } = format;
    const raw = signed ? BigInt.asIntN(wordLength, flipped) : BigInt.asUintN(wordLength, flipped);
    expect(raw >= rawRange(format).min && raw <= rawRange(format).max).toBe(true);
    setRaw(raws, index, raw);
    return { ...constant, raws };
  });
  return { ...program, constants };
}

// Stochastic registers draw by instruction: another configuration in front of them moves their words.
const defaults = fc.record({
  wordLength: fc.integer({ min: 4, max: 12 }),
  fractionLength: fc.integer({ min: 2, max: 6 }),
  rounding: deterministicRoundingModes(),
  overflow: fc.constantFrom("saturate", "wrap", "saturate-zero"),
  datapath: fc.constantFrom("intrinsic", "tensorquant"),
  biasOrder: fc.constantFrom("first", "last"),
});

describe("the place where two computations part", () => {
  it("is the changed layer's first differing element, step and register when one weight, mode or format is another", () => {
    const parted = new Map<string, number>();
    fc.assert(
      fc.property(
        smallGraphs,
        machines(),
        defaults,
        fc.record({
          kind: fc.constantFrom("weight", "rounding", "overflow", "format"),
          register: fc.constantFrom("product", "accumulator", "output"),
          rounding: deterministicRoundingModes(),
          layer: fc.nat(),
          place: fc.nat(),
          bit: fc.nat(11),
          salt: fc.nat(60),
        }),
        (graph, machine, { wordLength, fractionLength, rounding, overflow, datapath, biasOrder }, change) => {
          const format = `${wordLength},${fractionLength}`;
          // An exact accumulator takes its binary point from the product: a bias that starts it would part first.
          const base =
            datapath === "intrinsic"
              ? { datapath, format, rounding, overflow, biasOrder }
              : { datapath, format, rounding };
          const a = compiled(graph, machine, { default: base });
          if (a === null) return;
          const layers = a.layers.filter(({ macs }) => macs > 0).map(({ name }) => name);
          const layer = layers[change.layer % Math.max(1, layers.length)];
          if (layer === undefined) return;
          const register = change.kind === "format" || datapath !== "intrinsic" ? "product" : change.register;
          const entry =
            change.kind === "rounding"
              ? { format, rounding: change.rounding }
              : change.kind === "overflow"
                ? { format, rounding, overflow: "saturate-symmetric" }
                : { format: `${wordLength},${fractionLength - 1}` };
          const b =
            change.kind === "weight"
              ? withFlippedWeight(a, layer, change.place, change.bit)
              : compiled(graph, machine, { default: base, layers: { [layer]: { ...base, [register]: entry } } });
          if (b === null) return;
          const values = imagesFor(a, change.salt);
          const first = compared(a, b, values);
          const found = sought(a, b, values);
          expect(first === null).toBe(found === null);
          if (first === null || found === null) return;
          expect({ image: first.image, layer: first.layer, element: first.element }).toEqual({
            image: found.image,
            layer: found.layer,
            element: found.element,
          });
          expect(found.layer).toBe(layer);
          // The same registers in the same order: the first that holds another value.
          expect(found.a.length).toBe(found.b.length);
          const at = found.a.findIndex((one, index) => {
            const other = found.b[index];
            return other === undefined || heldValue(one) !== heldValue(other);
          });
          const site = found.a[at]?.site;
          const expected = change.kind === "weight" ? "weight" : site?.register;
          expect({ register: first.register, step: first.step, reason: first.reason }).toEqual({
            register: expected,
            step: site?.step,
            reason: "value",
          });
          if (change.kind !== "weight") expect(first.register).toBe(register);
          if (change.kind === "rounding") {
            const fit = first.rounding?.fits.find((each) => each.register === register);
            expect(fit?.modes).toContain(change.rounding);
            expect(first.rounding?.side).toBe("a");
          }
          expect(first.history.some((row) => row.differs && row.step === first.step)).toBe(true);
          const name = `${change.kind} ${first.register}`;
          parted.set(name, (parted.get(name) ?? 0) + 1);
        },
      ),
      { numRuns: RUNS },
    );
    expect([...parted.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(RUNS / 5);
    expect([...parted.keys()]).toContain("weight weight");
  }, 90_000);

  it("of two dataflows is the first sum that one of them rounds or clips, where the products agree", () => {
    let orders = 0;
    fc.assert(
      fc.property(
        smallGraphs,
        machines(3),
        fc.constantFrom<Dataflow>("weight-stationary", "input-stationary", "tree"),
        fc.integer({ min: 3, max: 6 }),
        fc.nat(60),
        fc.constantFrom("first", "last"),
        (graph, machine, dataflow, wordLength, salt, biasOrder) => {
          const format = `${wordLength},3`;
          const default_ = { datapath: "intrinsic", format, rounding: "nearest", biasOrder } as const;
          const a = compiled(graph, { ...machine, dataflow: "output-stationary" }, { default: default_ });
          const b = compiled(graph, { ...machine, dataflow }, { default: default_ });
          if (a === null || b === null) return;
          const values = imagesFor(a, salt);
          const first = compared(a, b, values);
          const found = sought(a, b, values);
          expect(first === null).toBe(found === null);
          if (first === null || found === null) return;
          expect([first.image, first.layer, first.element]).toEqual([found.image, found.layer, found.element]);
          const sums = [found.a, found.b].map((side) =>
            side.filter(({ site }) => site.register === "accumulator" && site.step !== -1),
          );
          const lossy = sums.flatMap((side) => side.filter((each) => heldValue(each) !== exactValue(each)));
          expect(first).toMatchObject({
            register: "accumulator",
            step: Math.min(...lossy.map(({ site }) => site.step)),
          });
          if (first.reason === "order") orders++;
        },
      ),
      { numRuns: RUNS },
    );
    expect(orders).toBeGreaterThan(RUNS / 10);
  }, 90_000);
});
