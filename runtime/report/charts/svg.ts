/** Charts as SVG: inside a page in the reader's colours, and as files that stand alone. */
import { printableLines } from "../../../isa/printable.ts";
import { type Chart, FONT_SIZE } from "./chart.ts";
import { drawOption, WORD_JOINER } from "./echarts.ts";
import { colourVariable, PALETTE } from "./palette.ts";

export const FONT_FAMILY: string = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** A chart for a page: its colours are the page's variables. `prefix` makes its identifiers the page's own. */
export function pageSvg(chart: Chart, width: number, prefix: string): string {
  const { height, option } = chart.draw(width);
  const drawing = cleaned(drawOption(option, width, height), prefix);
  const label = `${chart.title}. ${chart.caption}`;
  return inPageColours(
    drawing.replace(
      /^<svg [^>]*>/,
      `<svg role="img" aria-label="${escapeXml(label)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT}>`,
    ),
  );
}

const FONT = `font-family="${FONT_FAMILY}" font-size="${FONT_SIZE}"`;

const TITLE_HEIGHT = 44;
const MARGIN = 16;

/** A chart as a file: its title above it, on a white ground, with colours that every viewer understands. */
export function svgFile(chart: Chart): string {
  const [width = 0] = chart.widths;
  const { height, option } = chart.draw(width);
  const drawing = cleaned(drawOption(option, width, height), "chart").replace(
    /^<svg [^>]*>/,
    `<svg x="${MARGIN}" y="${TITLE_HEIGHT}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${FONT}>`,
  );
  const [outerWidth, outerHeight] = [width + 2 * MARGIN, height + TITLE_HEIGHT + MARGIN];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${outerWidth}" height="${outerHeight}" viewBox="0 0 ${outerWidth} ${outerHeight}">`,
    `<title>${escapeXml(chart.title)}</title>`,
    `<desc>${escapeXml(chart.caption)}</desc>`,
    `<rect width="${outerWidth}" height="${outerHeight}" fill="${PALETTE.surface.light}"/>`,
    `<text x="${MARGIN}" y="28" font-size="16" font-weight="600" font-family="${FONT_FAMILY}" fill="${PALETTE.ink.light}">${escapeXml(chart.title)}</text>`,
    drawing,
    "</svg>",
    "",
  ].join("\n");
}

/**
 * A drawing without what only scripts of the library need: no style sheet, no style attributes (a page forbids them), no
 * identifiers that change with the number of charts drawn before. What shows data has the class `mark`.
 */
function cleaned(drawing: string, prefix: string): string {
  return drawing
    .replaceAll(WORD_JOINER, "")
    .replace(/<style\s*>.*?<\/style>\s*/gs, "")
    .replace(/<[a-zA-Z][^>]*>/g, (tag) => cleanedTag(tag, prefix));
}

/** Inside a tag: no text of the data stands in an attribute of the library, and `>` is escaped everywhere else. */
function cleanedTag(tag: string, prefix: string): string {
  return tag
    .replace(/ class="[^"]*"/g, "")
    .replace(' ecmeta_ssr_type="chart"', ' class="mark"')
    .replace(/ ecmeta_[a-z_]+="[^"]*"/g, "")
    .replace(/ pointer-events="[^"]*"/g, "")
    .replace(/ stroke="[^"]*" stroke-width="0"/g, "")
    .replace(/ style="([^"]*)"/g, (_all, declarations: string) => presentationAttributes(declarations))
    .replace(/(id="|url\(#)zr[0-9]+-/g, `$1${prefix}-`);
}

/** `font-size:10px;font-weight:bold;` as attributes, but for what the whole drawing has. */
function presentationAttributes(declarations: string): string {
  return declarations
    .split(";")
    .map((declaration) => declaration.split(":"))
    .map(([name = "", value = ""]) => {
      const size = Number.parseFloat(value);
      if (name === "font-size" && size !== FONT_SIZE && Number.isFinite(size)) return ` font-size="${size}"`;
      return name === "font-weight" ? ` font-weight="${value}"` : "";
    })
    .join("");
}

const VARIABLES: ReadonlyMap<string, string> = new Map(
  Object.entries(PALETTE).map(([name, { light }]) => [light, `var(${colourVariable(name)})`]),
);

function inPageColours(drawing: string): string {
  return drawing.replace(/ (fill|stroke)="(#[0-9a-f]{6})"/g, (all, attribute: string, colour: string) => {
    const variable = VARIABLES.get(colour);
    return variable === undefined ? all : ` ${attribute}="${variable}"`;
  });
}

export function escapeXml(text: string): string {
  return printableLines(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
