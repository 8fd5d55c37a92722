import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DiagnosticError } from "../../../isa/diagnostic.ts";
import { formatText } from "../../../isa/numerics/format.ts";
import { allocateRaws, rawAt, setRaw } from "../../../isa/numerics/raws.ts";
import { elementCount } from "../../../isa/program/program.ts";
import { type DumpLayer, DumpWriter } from "../../../runtime/dump/dump.ts";
import { looksLikeDump, parseDump } from "../../../runtime/dump/parse-dump.ts";
import { formats, rawsOf } from "../../arbitraries/numerics.ts";

const HEADER = '{"schema":"macroscope/dump/2","images":3,"layers":[{"name":"a","shape":[1,2,1],"format":"8,4"}]}';

const INPUT = '"input":{"name":"x","shape":[1,2,1],"format":"8,4"}';
const WITH_REGISTERS = HEADER.replace('"layers"', `${INPUT},"layers"`).replace(
  '"8,4"}]',
  '"8,4","registers":{"product":"6,2"}}]',
);

/** A line of interior words, sound but for `fields`. */
function interior(fields: object): string {
  return JSON.stringify({
    image: 0,
    layer: "a",
    register: "product",
    element: 1,
    steps: [0, 1],
    raws: [1, -2],
    ...fields,
  });
}

function diagnosticOf(text: string): string {
  try {
    parseDump(text, "words.jsonl");
  } catch (error) {
    if (error instanceof DiagnosticError) return error.message;
    throw error;
  }
  throw new Error("the dump was accepted");
}

const layers = fc
  .tuple(formats(), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 5 }))
  .chain(([format, shape]) => {
    const words = elementCount(shape);
    return fc.record({
      layer: fc.constant<DumpLayer>({
        name: formatText(format),
        axes: shape.map((_, axis) => `axis ${axis}`),
        shape,
        format,
      }),
      images: fc.array(fc.array(rawsOf(format), { minLength: words, maxLength: words }), {
        minLength: 1,
        maxLength: 3,
      }),
    });
  });

describe("a dump", () => {
  it("read back holds the words that were written, of every format to 64 bits", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(layers, { minLength: 1, maxLength: 4, selector: ({ layer }) => layer.name }),
        (drawn) => {
          const writer = new DumpWriter(drawn.map(({ layer }) => layer));
          for (const { layer, images } of drawn) {
            const raws = allocateRaws(layer.format, images.flat().length);
            images.flat().forEach((raw, index) => {
              setRaw(raws, index, raw);
            });
            writer.add(layer, 0, raws);
          }
          const text = writer.text(3);
          expect(looksLikeDump(text)).toBe(true);
          const dump = parseDump(text, "words.jsonl");
          expect(dump.images).toBe(3);
          expect(dump.layers).toEqual(drawn.map(({ layer }) => layer));
          for (const { layer, images } of drawn) {
            for (let image = 0; image < 3; image++) {
              const raws = dump.words(layer.name, image);
              const found =
                raws &&
                images
                  .flat()
                  .slice(0, raws.length)
                  .map((_, index) => rawAt(raws, index, layer.format));
              expect(found).toEqual(images[image] ?? null);
            }
          }
        },
      ),
    );
  });

  it("in any order, with blanks and without most words, is read", () => {
    const dump = parseDump(
      `${HEADER}\n{"raws":["3",-128],"image":2,"layer":"a"}\r\n\n{"image":0,"layer":"a","raws":[1,127]}`,
      "words.jsonl",
    );
    expect([dump.words("a", 2), dump.words("a", 0), dump.words("a", 1), dump.words("b", 0)]).toEqual([
      Int32Array.of(3, -128),
      Int32Array.of(1, 127),
      null,
      null,
    ]);
  });

  it("of version 1 has rows, columns and channels; without axes version 2 has them too", () => {
    for (const text of [HEADER, HEADER.replace("/2", "/1")]) {
      expect(parseDump(text, "words.jsonl").layers[0]).toMatchObject({
        axes: ["row", "column", "channel"],
        shape: [1, 2, 1],
      });
    }
  });

  it.each([
    ["", "line 1: not a line of JSON"],
    ["{}", "line 1: schema"],
    [HEADER.replace("/2", "/3"), "line 1: schema"],
    [HEADER.replace('"8,4"', '"99,4"'), "line 1: a: W is 99"],
    [HEADER.replace("[1,2,1]", "[1,2]"), "line 1: layers.0.shape: as many sides as axes"],
    [HEADER.replace("/2", "/1").replace("[1,2,1]", "[1,2]"), "line 1: layers.0.shape"],
    [HEADER.replace("[1,2,1]", "[1,1e9,1]"), "line 1: layers.0.shape.1"],
    [HEADER.replace('"images":3', '"images":1e300'), "line 1: images"],
    [HEADER.replace("}]", '},{"name":"a","shape":[1,1,1],"format":"8,4"}]'), "line 1: two layers have one name"],
    [`${HEADER}\n{"image":0,"layer":"b","raws":[1,2]}`, 'line 2: no layer "b"'],
    [`${HEADER}\n{"image":3,"layer":"a","raws":[1,2]}`, "line 2: image 3 of 3"],
    [`${HEADER}\n{"image":-1,"layer":"a","raws":[1,2]}`, "line 2: image"],
    [`${HEADER}\n{"image":0,"layer":"a","raws":[1]}`, "line 2: 1 words, expected 1 × 2 × 1 = 2"],
    [`${HEADER}\n{"image":0,"layer":"a","raws":[1,128]}`, "line 2: word 1 is 128, outside 8,4"],
    [`${HEADER}\n{"image":0,"layer":"a","raws":[1,0.5]}`, "line 2: raws.1"],
    [`${HEADER}\n{"image":0,"layer":"a","raws":[1,"0x7"]}`, "line 2: raws.1"],
    [`${HEADER}\n{"image":0,"layer":"a","raws":[1,null]}`, "line 2: raws.1"],
    [
      `${HEADER}\n{"image":0,"layer":"a","raws":[1,2]}\n{"image":0,"layer":"a","raws":[1,2]}`,
      "line 3: image 0 of a stands",
    ],
    [`${HEADER}\nwhat`, "line 2: not a line of JSON"],
    [`${HEADER}\n{"image":0,"input":true,"raws":[1,2]}`, "line 2: no input in the header"],
    [`${WITH_REGISTERS}\n{"image":0,"input":false,"raws":[1,2]}`, "line 2: input"],
    [`${WITH_REGISTERS}\n{"image":0,"input":true,"raws":[1]}`, "line 2: 1 words, expected 1 × 2 × 1 = 2"],
    [`${WITH_REGISTERS}\n${interior({ register: "sum" })}`, "line 2: no register sum of a in the header"],
    [`${WITH_REGISTERS}\n${interior({ register: "bias" })}`, "line 2: register"],
    [`${WITH_REGISTERS}\n${interior({ layer: "b" })}`, 'line 2: no layer "b"'],
    [`${WITH_REGISTERS}\n${interior({ element: 2 })}`, "line 2: element 2 of 2"],
    [`${WITH_REGISTERS}\n${interior({ image: 3 })}`, "line 2: image 3 of 3"],
    [`${WITH_REGISTERS}\n${interior({ steps: [0] })}`, "line 2: 2 words, but 1 steps"],
    [`${WITH_REGISTERS}\n${interior({ raws: [1, 99] })}`, "line 2: word 1 is 99, outside 6,2"],
  ])("%s is refused where it is wrong", (text, expected) => {
    expect(diagnosticOf(text)).toContain(
      `error[DUMP] words.jsonl, ${expected}`.replace(
        "[DUMP] words.jsonl, line 1: a: W",
        "[FORMAT] words.jsonl, line 1: a: W",
      ),
    );
  });

  it("that was damaged anywhere is read or refused, and nothing else", () => {
    const lines = [
      WITH_REGISTERS,
      '{"image":0,"layer":"a","raws":[1,-2]}',
      '{"image":1,"layer":"a","raws":["3",4]}',
      '{"image":1,"input":true,"raws":[3,4]}',
      interior({}),
    ];
    const text = `${lines.join("\n")}\n`;
    expect(parseDump(text, "words.jsonl").inputWords(1)).toEqual(Int32Array.of(3, 4));
    const damage = fc.record({ at: fc.nat(text.length - 1), length: fc.nat(6), by: fc.string({ maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        let damaged = text;
        for (const { at, length, by } of damages) damaged = damaged.slice(0, at) + by + damaged.slice(at + length);
        try {
          parseDump(damaged, "words.jsonl");
        } catch (error) {
          if (!(error instanceof DiagnosticError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
