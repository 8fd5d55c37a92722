/** What of a network itself decides how many bits it wants: how far its values reach, how small its weights are. */

import { layerFacts } from "../../compiler/quantization/layer-facts.ts";
import type { Calibration } from "../../compiler/quantization/resolve-assignment.ts";
import type { PreparedModel } from "../../runtime/session/compile-model.ts";
import { REAL_NETWORKS, type RealNetworkName } from "./real-networks.ts";

/** Fraction lengths for which lost weights are counted. */
export const FACT_FRACTIONS: readonly number[] = [2, 4, 6, 8, 10, 12];

export interface NetworkFacts {
  readonly network: RealNetworkName;
  /** The layers whose values reach farthest on the images that calibrate, farthest first. */
  readonly farthest: readonly { readonly layer: string; readonly magnitude: number }[];
  /** Share of weights other than 0 that round to 0, for each of `FACT_FRACTIONS`. */
  readonly lostWeights: readonly number[];
}

/** Layers that are calibrated while the others have one format are left out. */
export function networkFacts(network: RealNetworkName, { lowerable, calibration }: PreparedModel): NetworkFacts {
  const ranges: Calibration = calibration.ranges ?? {};
  const own = REAL_NETWORKS[network].calibratedLayers.map((pattern) => pattern.replace("*", ""));
  const layers = layerFacts(lowerable).filter(({ name }) => !own.some((prefix) => name.startsWith(prefix)));
  const farthest = layers
    .map(({ name: layer }) => {
      const { min, max } = ranges[layer] ?? { min: 0, max: 0 };
      return { layer, magnitude: Math.max(Math.abs(min), Math.abs(max)) };
    })
    .toSorted((a, b) => b.magnitude - a.magnitude)
    .slice(0, 3);
  const lostWeights = FACT_FRACTIONS.map((fraction) => {
    // A half rounds away from zero.
    const least = 2 ** -(fraction + 1);
    let [all, lost] = [0, 0];
    for (const { weights } of layers) {
      for (const weight of weights ?? []) {
        if (weight === 0) continue;
        all++;
        if (Math.abs(weight) < least) lost++;
      }
    }
    return Number((lost / all).toFixed(6));
  });
  return { network, farthest, lostWeights };
}
