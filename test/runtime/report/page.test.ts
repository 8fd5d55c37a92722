/** Pages and charts as text: nothing of a file becomes markup, nothing is fetched, the same results give the same page. */
import { describe, expect, it } from "vitest";
import { shortened, textWidth, withoutCommonParts } from "../../../runtime/report/charts/chart.ts";
import { HEAT_COLOURS, PALETTE, SERIES_COLOURS } from "../../../runtime/report/charts/palette.ts";
import { svgFile } from "../../../runtime/report/charts/svg.ts";
import { html } from "../../../runtime/report/html/markup.ts";
import { reportPage } from "../../../runtime/report/html/page.ts";
import { type NamedResult, parseResult, type Result } from "../../../runtime/results/result.ts";
import { HOSTILE_NAMES, SAMPLES, sampleBits, sampleCompare, sampleRun } from "./sample-results.ts";

function page(...results: readonly Result[]) {
  const named = results.map(
    (result, index): NamedResult => ({ name: `result ${index}`, file: `r'${index}.json`, result }),
  );
  return reportPage(named, "1.2.3");
}

const HOSTILE = page(sampleRun(HOSTILE_NAMES), sampleBits(HOSTILE_NAMES), sampleCompare(HOSTILE_NAMES));

/** Throws where tags do not close in the order in which they were opened. */
function expectWellFormed(xml: string): void {
  const open: string[] = [];
  let position = 0;
  for (const match of xml.matchAll(/<(\/?)([A-Za-z][A-Za-z0-9]*)((?: [a-z:A-Z-]+="[^"<]*")*)\s*(\/?)>/g)) {
    expect(xml.slice(position, match.index)).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#39);)/);
    position = match.index + match[0].length;
    const [, closing, name = "", , alone] = match;
    if (closing === "/") expect(open.pop()).toBe(name);
    else if (alone !== "/") open.push(name);
  }
  expect(xml.slice(position).trim()).toBe("");
  expect(open).toEqual([]);
}

describe("a page", () => {
  it.each(Object.keys(SAMPLES))("of a %s says what it is, with version, schema and how to get it again", (name) => {
    const result = parseResult(SAMPLES[name] ?? "", name);
    const { html: text } = page(result);
    expect(text).toContain("macroscope 1.2.3");
    expect(text).toContain(`schema ${result.schema}`);
    expect(text).toContain("To reproduce it");
    expect(text).toContain(`npx macroscope ${name} `);
  });

  it("forbids everything but its own style sheet, and has no script and nothing to fetch", () => {
    const { html: text } = HOSTILE;
    expect(text).toMatch(
      /content="default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'"/,
    );
    expect(text).not.toMatch(/<(script|iframe|img|link|object|embed|base|form|image|use|foreignObject)\b/i);
    expect(text).not.toMatch(/<[^>]* (on[a-z]+|style|src|srcset|xlink:href)=/);
    expect(text.match(/ href="(?!#)/)).toBeNull();
    expect(text).not.toMatch(/url\((?!#)|@import/);
  });

  it("shows names from files as text", () => {
    const { html: text } = HOSTILE;
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).not.toContain("<script>");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u202a-\u202e]/);
    expect(text).not.toMatch(/\p{Surrogate}/u);
  });

  it("is the same whenever it is written", () => {
    expect(page(sampleRun(["a", "b"])).html).toBe(page(sampleRun(["a", "b"])).html);
  });

  it("has no identifier twice", () => {
    const ids = [...HOSTILE.html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(30);
  });

  it("takes no colour but the reader's", () => {
    const drawings = HOSTILE.html.match(/<svg[\s\S]*?<\/svg>/g) ?? [];
    const fixed = drawings.flatMap((svg) => svg.match(/ (fill|stroke)="#[^"]*"/g) ?? []);
    // The library's own: shapes without area and clip paths.
    expect(new Set(fixed)).toEqual(new Set(fixed.filter((colour) => colour === ' fill="#000"')));
  });

  it("does not touch the prototype of objects", () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect("next" in {}).toBe(false);
  });

  it("quotes file names as a shell reads them", () => {
    expect(page(sampleRun(["a"])).html).toContain("--config &#39;r&#39;\\&#39;&#39;0.json&#39;");
  });
});

describe("the content", () => {
  it("a run that overflows shows its first offender by value", () => {
    const { html: text } = page(sampleRun(["conv1", "pool1", "conv2", "fc1", "fc2"]));
    for (const words of [
      "40,000 → 32,767",
      "156.3 → 128",
      "row 2, column 5",
      "Look first:",
      "Fixed point is right on",
    ]) {
      expect(text).toContain(words);
    }
  });

  it("says the command line that asked for it", () => {
    const sweep = page(parseResult(SAMPLES.sweep ?? "", "sweep")).html;
    expect(sweep).toContain("--word-lengths 4,6,8,10,12,16 --rounding nearest,nearest-even,down,stochastic</code>");
    const bits = page(parseResult(SAMPLES.bits ?? "", "bits")).html;
    expect(bits).toContain(
      "--target 0.99 --target-kind relative --margin 0.003 --objective bits=1,energy=2 --strategy greedy --early-error 0.01</code>",
    );
  });

  it("an experiment's tables stand beside the paper's", () => {
    const { html: text } = page(parseResult(SAMPLES.sweep ?? "", "sweep"));
    for (const words of ["Table 4", "0.910, 4", "0.90, 4", "0.890 … 0.920", "paper"]) expect(text).toContain(words);
  });

  it("a search whose target is missed says so", () => {
    const { html: text } = page({ ...sampleBits(["a", "b"]), kept: false });
    expect(text).toContain("The target is missed");
    expect(text).toContain('class="verdict bad"');
  });

  it("a search that found nothing has no assignment", () => {
    const { html: text } = page({
      ...sampleBits(["a", "b"]),
      kept: false,
      chosen: null,
      uniform: null,
      trials: [],
      front: [],
    });
    expect(text).toContain("No candidate keeps the target");
    expect(text).not.toContain("The assignment</h3>");
  });

  it("a run without machine, labels and observed images is a page", () => {
    const run = sampleRun(["a", "b"]);
    const layers = run.layers.map((layer) => ({ ...layer, registers: {} }));
    const bare = {
      ...run,
      layers,
      accuracy: null,
      agreement: null,
      error: null,
      cycles: null,
      energy: null,
      machine: null,
      classes: null,
    };
    const { html: text, charts } = page(bare);
    expect(charts.size).toBe(0);
    expect(text).toContain("No register was observed");
  });

  it("runs that differ in word length become a curve", () => {
    const { charts } = page(sampleRun(["a"], 6), sampleRun(["a"], 8));
    expect([...charts.keys()]).toContain("overview-accuracy.svg");
    expect([...page(sampleRun(["a"], 8), sampleRun(["a"], 8)).charts.keys()]).not.toContain("overview-accuracy.svg");
  });

  it("six hundred layers stay a page", () => {
    const { html: text } = page(sampleRun(Array.from({ length: 601 }, (_, index) => `layer${index}`)));
    expect(text).toContain("The first 400 of");
    expect(text).toContain("The first 2000 of");
    expect(text.length).toBeLessThan(8_000_000);
  });
});

describe("a chart as a file", () => {
  it("is well-formed, has a title and needs no style sheet", () => {
    for (const [name, chart] of HOSTILE.charts) {
      const svg = svgFile(chart);
      expect(name).toMatch(/^[a-z0-9-]+\.svg$/);
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
      expect(svg).toContain("<title>");
      expect(svg).toContain('class="mark"');
      expect(svg).not.toMatch(/var\(|<style|ecmeta_[a-z]+="|style="/);
      expectWellFormed(svg);
    }
  });
});

describe("colours", () => {
  /** Relative luminance of WCAG 2. */
  function luminance(colour: string): number {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(a: string, b: string): number {
    const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  }

  function dark(light: string): string {
    return Object.values(PALETTE).find((colour) => colour.light === light)?.dark ?? "";
  }

  it("each light one stands for one role", () => {
    const light = Object.values(PALETTE).map((colour) => colour.light);
    expect(new Set(light).size).toBe(light.length);
  });

  it.each(["light", "dark"] as const)("%s: texts have a contrast of 4.5, curves one of 3", (scheme) => {
    const { ink, muted, accent, alarm, surface, panel, onAlarm } = PALETTE;
    for (const ground of [surface, panel]) {
      for (const text of [ink, muted, accent, alarm])
        expect(contrast(text[scheme], ground[scheme])).toBeGreaterThan(4.5);
    }
    expect(contrast(onAlarm[scheme], alarm[scheme])).toBeGreaterThan(4.5);
    const of = (light: string): string => (scheme === "light" ? light : dark(light));
    for (const colour of SERIES_COLOURS) expect(contrast(of(colour), surface[scheme])).toBeGreaterThan(3);
    for (const { fill, text } of HEAT_COLOURS) expect(contrast(of(fill), of(text))).toBeGreaterThan(4.5);
  });
});

describe("names", () => {
  it("are cut in the middle to the room there is", () => {
    expect(shortened("inception_3a/branch1x1/conv", 16)).toBe("incep…ch1x1/conv");
    expect(shortened("short", 16)).toBe("short");
    expect(shortened("x".repeat(1e6), 16)).toHaveLength(16);
    expect(textWidth(shortened("卷积层一二三四五六七八九十", 16))).toBeLessThan(textWidth("x".repeat(28)));
  });

  it("lose the folders that all have", () => {
    expect(withoutCommonParts(["net/a/conv", "net/b/conv"])).toEqual(["a", "b"]);
    expect(withoutCommonParts(["net/a", "net/b/c"])).toEqual(["a", "b/c"]);
    expect(withoutCommonParts(["a/b", "a/b"])).toEqual(["b", "b"]);
    expect(withoutCommonParts(["a/b"])).toEqual(["a/b"]);
    expect(withoutCommonParts([])).toEqual([]);
  });
});

describe("markup", () => {
  it("escapes what is not markup", () => {
    expect(html`<p>${"<b>&\"'"}${html`<i>${1}</i>`}${null}${["<", ["x"]]}</p>`.text).toBe(
      "<p>&lt;b&gt;&amp;&quot;&#39;<i>1</i>&lt;x</p>",
    );
  });
});
