import { describe, expect, it } from "vitest";
import { UNITS } from "../../isa/instructions/definition.ts";
import { STALL_CAUSES, TOKEN_CHANNELS, tokenBit } from "../../isa/tokens.ts";

describe("token channels", () => {
  it("are eight, one bit of a mask each, with names of their own", () => {
    expect(TOKEN_CHANNELS.length).toBe(8);
    expect(new Set(TOKEN_CHANNELS.map(({ name }) => name)).size).toBe(8);
    expect(TOKEN_CHANNELS.map(({ name }) => tokenBit(name))).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
  });

  it("lead from one unit to another, in every pair of units both ways", () => {
    expect(TOKEN_CHANNELS.every(({ from, to }) => from !== to)).toBe(true);
    const pairs = new Set(TOKEN_CHANNELS.map(({ from, to }) => `${from} to ${to}`));
    expect(pairs.size).toBe(UNITS.length * (UNITS.length - 1));
  });

  it("name a cause that stalls have", () => {
    expect(TOKEN_CHANNELS.every(({ cause }) => STALL_CAUSES.includes(cause))).toBe(true);
  });

  it("an unknown channel has no bit", () => {
    expect(() => tokenBit("inputready")).toThrow("no token channel inputready");
  });
});
