/** Steps of preload, requantize and pool instructions, which use C lanes: ⌈channels / C⌉ for each of `items`. Closed form of isa/README.md, "Lanes". */
export function laneSteps(items: number, channels: number, lanes: number): number {
  return items * Math.ceil(channels / lanes);
}
