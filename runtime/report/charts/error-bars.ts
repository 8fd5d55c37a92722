import type { ChartSeries } from "./echarts.ts";

/** Half the width of the caps, in pixels. */
const CAP = 4;

/** Vertical intervals with caps: [x, low, high] in the units of the axes. */
export function errorBars(
  intervals: readonly (readonly [x: number, low: number, high: number])[],
  colour: string,
): ChartSeries {
  return {
    type: "custom",
    silent: true,
    data: intervals.map((interval) => [...interval]),
    encode: { x: 0, y: [1, 2] },
    z: 3,
    renderItem: (_parameters, api) => {
      const [x = 0, bottom = 0] = api.coord([api.value(0), api.value(1)]);
      const [, top = 0] = api.coord([api.value(0), api.value(2)]);
      const style = { stroke: colour, lineWidth: 1.5, fill: "none" };
      return {
        type: "path",
        shape: {
          pathData: `M${x - CAP} ${top}H${x + CAP}M${x} ${top}V${bottom}M${x - CAP} ${bottom}H${x + CAP}`,
        },
        style,
      };
    },
  };
}
