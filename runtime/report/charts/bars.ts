import {
  AXIS,
  type Chart,
  type Drawing,
  isNarrow,
  legendAbove,
  nameRoom,
  PAGE_WIDTHS,
  rowAxis,
  shortNumber,
} from "./chart.ts";
import type { ChartSeries } from "./echarts.ts";
import { PALETTE } from "./palette.ts";

/** One colour of bars. */
export interface BarGroup {
  readonly name: string;
  readonly colour: string;
  /** One per row. */
  readonly values: readonly number[];
}

export interface HorizontalBars {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly rows: readonly string[];
  readonly groups: readonly BarGroup[];
  /** Groups behind one another instead of below one another. */
  readonly stacked: boolean;
  /** Text at the end of each bar; null writes none. */
  readonly label: ((value: number) => string) | null;
  /** Values are shares of one, shown in percent. */
  readonly share: boolean;
}

const BAR_HEIGHT = 13;

/** Bars to the right, one row per name. */
export function horizontalBars(data: HorizontalBars): Chart {
  const { id, title, caption } = data;
  return { id, title, caption, widths: PAGE_WIDTHS, draw: (width) => drawing(data, width) };
}

function drawing({ rows, groups, stacked, label, share }: HorizontalBars, width: number): Drawing {
  const narrow = isNarrow(width);
  const scale = share ? 100 : 1;
  const rowHeight = stacked ? 40 : groups.length * BAR_HEIGHT + 10;
  const { height, legend } = legendAbove(
    groups.map(({ name }) => name),
    width,
  );
  const top = groups.length > 1 ? height : 4;
  const body = rows.length * rowHeight;
  const option: Drawing["option"] = {
    ...(groups.length > 1 ? { legend: { ...legend, itemWidth: 14, itemHeight: 14 } } : {}),
    grid: {
      left: nameRoom(rows, width),
      right: label === null ? 24 : narrow ? 56 : 76,
      top,
      height: body,
      outerBoundsMode: "none",
    },
    xAxis: {
      ...AXIS,
      type: "value",
      min: 0,
      ...(share && stacked ? { max: 100 } : {}),
      splitNumber: narrow ? 3 : 5,
      axisLabel: {
        ...AXIS.axisLabel,
        formatter: (value: number) => (share ? `${shortNumber(value)} %` : shortNumber(value)),
      },
    },
    yAxis: rowAxis(rows, width),
    series: groups.map(
      ({ name, colour, values }): ChartSeries => ({
        type: "bar",
        name,
        silent: true,
        ...(stacked ? { stack: "all", barWidth: 24 } : { barWidth: BAR_HEIGHT - 2, barGap: "15%" }),
        itemStyle: { color: colour },
        data: values.map((value) => scale * value),
        ...(label === null
          ? {}
          : {
              label: {
                show: true,
                position: "right",
                color: PALETTE.ink.light,
                textBorderWidth: 0,
                fontSize: 11,
                formatter: ({ dataIndex }: { dataIndex: number }) => label(values[dataIndex] ?? 0),
              },
            }),
      }),
    ),
  };
  return { height: top + body + 30, option };
}
