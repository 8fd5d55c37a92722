/** Pages as a browser shows them: on a desk and on a phone, light and dark, on paper. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reportPage } from "../../../runtime/report/html/page.ts";
import type { NamedResult, Result } from "../../../runtime/results/result.ts";
import { Browser, CHROMIUM, type Look, type View } from "./browser.ts";
import { HOSTILE_NAMES, manyNames, sampleBits, sampleCompare, sampleRun, sampleSweep } from "./sample-results.ts";

interface Measured {
  /** Charts that are shown. */
  readonly charts: number;
  /** Those of them in which no mark is shown. */
  readonly empty: readonly string[];
  readonly scrollWidth: number;
  readonly innerWidth: number;
  /** Texts of charts that reach out of them, or into each other. */
  readonly outside: readonly string[];
  readonly overlapping: readonly string[];
  readonly ground: string;
  /** Colours of texts in charts. */
  readonly inks: readonly string[];
  readonly dialogs: number;
}

const MEASURE = `(() => {
  const shown = [...document.querySelectorAll("figure svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
  const outside = [], overlapping = [], inks = new Set();
  for (const svg of shown) {
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() !== "");
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const name = svg.getAttribute("aria-label").slice(0, 30);
    texts.forEach((text, index) => {
      inks.add(getComputedStyle(text).fill);
      const { left, right, top, bottom } = boxes[index];
      if (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1)
        outside.push(name + ": " + text.textContent);
      // Turned texts have boxes much larger than themselves.
      if (/matrix|rotate/.test(text.getAttribute("transform") ?? "")) return;
      for (let other = index + 1; other < texts.length; other++) {
        if (/matrix|rotate/.test(texts[other].getAttribute("transform") ?? "")) continue;
        const second = boxes[other];
        const width = Math.min(right, second.right) - Math.max(left, second.left);
        const height = Math.min(bottom, second.bottom) - Math.max(top, second.top);
        if (width > 1 && height > 3) overlapping.push(name + ": " + text.textContent + " | " + texts[other].textContent);
      }
    });
  }
  return {
    charts: shown.length,
    empty: shown.filter((svg) => svg.querySelector(".mark") === null).map((svg) => svg.getAttribute("aria-label")),
    scrollWidth: document.scrollingElement.scrollWidth,
    innerWidth: window.innerWidth,
    outside: outside.slice(0, 10),
    overlapping: overlapping.slice(0, 10),
    ground: getComputedStyle(document.body).backgroundColor,
    inks: [...inks],
    dialogs: document.querySelectorAll("script, iframe, img, object, embed, [onload], [onerror], [onclick]").length,
  };
})()`;

const LENET = ["conv1", "pool1", "conv2", "fc1", "fc2"];

function named(...results: readonly Result[]): readonly NamedResult[] {
  return results.map((result, index) => ({ name: `result ${index}`, file: `result-${index}.json`, result }));
}

/** Pages by name, and how many charts each must show. */
const PAGES: Readonly<Record<string, { readonly results: readonly NamedResult[]; readonly charts: number }>> = {
  "every kind of result": {
    results: named(sampleRun(LENET, 6), sampleRun(LENET, 8), sampleSweep(), sampleBits(LENET), sampleCompare(LENET)),
    charts: 1 + 2 * (5 + 24) + 1 + 2 + 1,
  },
  "152 layers with names against pages": {
    results: named(sampleRun([...manyNames(152), ...HOSTILE_NAMES]), sampleBits([...HOSTILE_NAMES, ...manyNames(152)])),
    charts: 5 + 24 + 2,
  },
  "a sweep": { results: named(sampleSweep()), charts: 1 },
};

const VIEWS: readonly View[] = [
  { width: 1280, scheme: "light", media: "screen" },
  { width: 390, scheme: "dark", media: "screen" },
];

describe.skipIf(CHROMIUM === null)("in Chromium", () => {
  let browser: Browser;
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "macroscope-pages-"));
    browser = new Browser(CHROMIUM ?? "");
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const drawn = new Map<string, string>();

  function look(name: string, view: View): Promise<Look<Measured>> {
    const path = join(folder, "page.html");
    const page = drawn.get(name) ?? reportPage(PAGES[name]?.results ?? [], "0.0.0").html;
    drawn.set(name, page);
    writeFileSync(path, page);
    return browser.look<Measured>(pathToFileURL(path).href, view, MEASURE);
  }

  const cases = Object.keys(PAGES)
    .slice(0, 2)
    .flatMap((name) => VIEWS.map((view) => [name, view.width, view.scheme, view] as const));

  it.each(cases)(
    "%s at %i pixels, %s: every chart is drawn, nothing is fetched, nothing sticks out",
    async (name, _width, _scheme, view) => {
      const { complaints, requests, measured } = await look(name, view);
      expect(complaints).toEqual([]);
      expect(requests.map((url) => url.replace(/^.*\//, ""))).toEqual(["page.html"]);
      expect(measured).toMatchObject({
        charts: PAGES[name]?.charts,
        empty: [],
        outside: [],
        overlapping: [],
        dialogs: 0,
      });
      expect(measured.scrollWidth).toBeLessThanOrEqual(measured.innerWidth);
      expect(measured.innerWidth).toBe(view.width);
    },
    60_000,
  );

  it("the reader's scheme decides the colours; paper is white", async () => {
    const light = (await look("a sweep", { width: 1280, scheme: "light", media: "screen" })).measured;
    const dark = (await look("a sweep", { width: 1280, scheme: "dark", media: "screen" })).measured;
    const paper = (await look("a sweep", { width: 1280, scheme: "dark", media: "print" })).measured;
    expect(light.ground).toBe("rgb(255, 255, 255)");
    expect(dark.ground).toBe("rgb(20, 24, 31)");
    expect(paper.ground).toBe("rgb(255, 255, 255)");
    expect(dark.inks.filter((ink) => light.inks.includes(ink))).toEqual([]);
    expect(paper.inks).toEqual(light.inks);
  }, 60_000);

  it("a page that breaks the rules is seen to", async () => {
    const path = join(folder, "bad.html");
    const page = reportPage(PAGES["a sweep"]?.results ?? [], "0.0.0").html;
    const bad = page.replace(
      "</body>",
      '<script>1</script><p style="width:5000px">x</p><img src="https://example.invalid/x.png"></body>',
    );
    writeFileSync(path, bad);
    const { complaints, measured } = await browser.look<Measured>(pathToFileURL(path).href, VIEWS[0] as View, MEASURE);
    expect(complaints.length).toBeGreaterThanOrEqual(3);
    expect(measured.dialogs).toBe(2);
  }, 60_000);
});
