/** Tables on narrow pages: broken between columns, never within a cell. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onPage } from "../../../runtime/report/page-width.ts";
import { type Column, tableText } from "../../../runtime/report/text/table.ts";
import { wrapped } from "../../../runtime/report/text/wording.ts";

type Row = readonly string[];

describe("a table on a narrow page", () => {
  it("has every cell whole, in lines that fit, with the names of the rows in every part", () => {
    const cell = fc.string({ unit: fc.constantFrom(..."abc123"), minLength: 1, maxLength: 14 });
    const table = fc.record({
      rows: fc.array(fc.array(cell, { minLength: 9, maxLength: 9 }), { minLength: 1, maxLength: 5 }),
      page: fc.integer({ min: 34, max: 120 }),
    });
    fc.assert(
      fc.property(table, ({ rows, page }) => {
        const columns = Array.from({ length: 9 }, (_, index): Column<Row> => {
          return { title: `t${index}`, align: index < 1 ? "left" : "right", cell: (row) => row[index] ?? "" };
        });
        const wide = tableText(columns, rows);
        const text = onPage(page, () => tableText(columns, rows));
        for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(page);
        const parts = text.split("\n\n");
        for (const part of parts) {
          const [, ...body] = part.split("\n");
          expect(body.map((line) => line.trim().split(/ +/)[0])).toEqual(rows.map(([name]) => name));
        }
        // Together the parts say what the whole table says.
        const cells = parts
          .flatMap((part) => part.split("\n").slice(1))
          .flatMap((line) => line.trim().split(/ +/).slice(1));
        expect(cells.toSorted()).toEqual(rows.flatMap((row) => row.slice(1)).toSorted());
        if (wide.split("\n").every((line) => line.length <= page)) expect(parts.length).toBeLessThanOrEqual(2);
      }),
    );
  });

  it("is as wide as it is where nothing says how wide the page may be", () => {
    const columns: Column<Row>[] = [{ title: "a", align: "left", cell: (row) => row.join("") }];
    expect(tableText(columns, [["x".repeat(300)]])).toContain("x".repeat(300));
    expect(onPage(undefined, () => tableText(columns, [["x".repeat(300)]]))).toContain("x".repeat(300));
  });
});

describe("a sentence on a narrow page", () => {
  it("is broken at its blanks, and the page is forgotten afterwards", () => {
    const sentence = Array.from({ length: 40 }, () => "word").join(" ");
    for (const line of onPage(40, () => wrapped(sentence)).split("\n")) expect(line.length).toBeLessThanOrEqual(40);
    expect(wrapped(sentence).split("\n")[0]?.length).toBeGreaterThan(80);
  });
});
