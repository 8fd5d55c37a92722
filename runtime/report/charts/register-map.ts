import {
  AXIS,
  type Chart,
  type Drawing,
  FONT_SIZE,
  isNarrow,
  legendAbove,
  nameRoom,
  PAGE_WIDTHS,
  rowAxis,
  shortened,
} from "./chart.ts";
import type { ChartSeries } from "./echarts.ts";
import { PALETTE } from "./palette.ts";

/** One register of one layer. */
export interface MapCell {
  readonly row: number;
  readonly column: number;
  readonly text: string;
  /** Index into the levels. */
  readonly level: number;
  /** Framed, to be seen first. */
  readonly framed: boolean;
}

/** What a colour means. */
export interface MapLevel {
  readonly name: string;
  readonly fill: string;
  readonly text: string;
}

export interface RegisterMap {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** Layers from the first to the last. */
  readonly rows: readonly string[];
  /** Registers. */
  readonly columns: readonly string[];
  readonly levels: readonly MapLevel[];
  readonly cells: readonly MapCell[];
}

/** Layers that are drawn. */
const ROWS = 400;

const ROW_HEIGHT = 22;
const NARROW_TEXT = 11;

/** Room for the names of the registers, level and turned. */
const HEAD = 24;
const TURNED_HEAD = 66;

/** A table of colours: layers downwards, registers across, in every cell a short text. */
export function registerMap(data: RegisterMap): Chart {
  const { id, title, rows } = data;
  const cut = rows.length > ROWS;
  const caption = cut ? `${data.caption} The first ${ROWS} of ${rows.length} layers; the tables go on.` : data.caption;
  const shown = cut ? { ...data, rows: rows.slice(0, ROWS), cells: data.cells.filter(({ row }) => row < ROWS) } : data;
  return { id, title, caption, widths: PAGE_WIDTHS, draw: (width) => drawing(shown, width) };
}

function drawing({ rows, columns, levels, cells }: RegisterMap, width: number): Drawing {
  const narrow = isNarrow(width);
  const used = levels.map((level, index) => ({ ...level, cells: cells.filter((cell) => cell.level === index) }));
  const series = used.filter(({ cells }) => cells.length > 0);
  const { height, legend } = legendAbove(
    series.map(({ name }) => name),
    width,
  );
  const head = narrow ? TURNED_HEAD : HEAD;
  const option: Drawing["option"] = {
    legend: { ...legend, itemWidth: 14, itemHeight: 14 },
    grid: {
      left: nameRoom(rows, width),
      right: narrow ? 24 : 2,
      top: height + head,
      height: rows.length * ROW_HEIGHT,
      outerBoundsMode: "none",
    },
    xAxis: {
      type: "category",
      position: "top",
      data: columns.map((name) => shortened(name, 14)),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: {
        ...AXIS.axisLabel,
        interval: 0,
        fontSize: narrow ? NARROW_TEXT : FONT_SIZE,
        margin: 6,
        rotate: narrow ? 45 : 0,
      },
    },
    yAxis: rowAxis(rows, width, narrow ? NARROW_TEXT : FONT_SIZE),
    series: series.map((level): ChartSeries => cellSeries(level, level.cells, narrow)),
  };
  return { height: height + head + rows.length * ROW_HEIGHT + 6, option };
}

function cellSeries(level: MapLevel, cells: readonly MapCell[], narrow: boolean): ChartSeries {
  return {
    type: "custom",
    name: level.name,
    silent: true,
    itemStyle: { color: level.fill },
    data: cells.map(({ column, row }) => [column, row]),
    renderItem: (parameters, api) => {
      const cell = cells[parameters.dataIndex];
      const [x = 0, y = 0] = api.coord([api.value(0), api.value(1)]);
      const size = api.size?.([1, 1]);
      const [width = 0, height = 0] = Array.isArray(size) ? size : [];
      const inset = cell?.framed === true ? 2.5 : 1;
      const frame = cell?.framed === true ? { stroke: PALETTE.series2.light, lineWidth: 3 } : {};
      return {
        type: "rect",
        shape: {
          x: x - width / 2 + inset,
          y: y - height / 2 + inset,
          width: width - 2 * inset,
          height: height - 2 * inset,
          r: 2,
        },
        style: { fill: level.fill, ...frame },
        textContent: {
          type: "text",
          style: { text: cell?.text ?? "", fill: level.text, fontSize: narrow ? NARROW_TEXT - 1 : FONT_SIZE },
        },
        textConfig: { position: "inside" },
      };
    },
  };
}
