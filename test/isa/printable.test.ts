import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, printableJson, printableTexts } from "../../isa/printable.ts";
import { hostileNames } from "../arbitraries/hostile-name.ts";

describe("printable", () => {
  it.each([
    ["conv1/kernel:0", "conv1/kernel:0"],
    ["Größe µ 卷积 ≤", "Größe µ 卷积 ≤"],
    ["C:\\new", "C:\\new"],
    ["a\u001b[2Jb", "a\\u001b[2Jb"],
    ["a\nb\r\tc", "a\\nb\\r\\tc"],
    ["\u009b31m", "\\u009b31m"],
    ["abc\u202etxt.exe", "abc\\u202etxt.exe"],
    ["zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"],
    ["\u2028\u2029\u0085", "\\u2028\\u2029\\u0085"],
    ["half \ud800", "half \\ud800"],
    ["tag \u{e0041}", "tag \\udb40\\udc41"],
  ])("writes %j as %s", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("leaves nothing that a terminal would obey, and changes nothing twice", () => {
    fc.assert(
      fc.property(hostileNames(), (name) => {
        expect(printable(name)).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u);
        expect(printable(printable(name))).toBe(printable(name));
      }),
    );
  });

  it("goes into plain data, and leaves numbers and nothing as they are", () => {
    const value = { "a\n": ["\u001b", 1, null, 2n, { b: true }], c: undefined };
    expect(printableTexts(value)).toEqual({ "a\\n": ["\\u001b", 1, null, 2n, { b: true }], c: undefined });
  });
});

describe("printableJson", () => {
  it("says the same value", () => {
    fc.assert(
      fc.property(fc.array(hostileNames()), fc.constantFrom(0, 2), (names, indent) => {
        const json = JSON.stringify({ names }, null, indent);
        expect(JSON.parse(printableJson(json))).toEqual({ names });
        expect(printableJson(json).replaceAll("\n", "")).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u);
      }),
    );
  });
});
