/** Published networks by name. Weights are drawn; `loadWeights` puts real ones in their place. */
import type { Graph } from "../graph/graph.ts";
import { alexnet } from "./alexnet.ts";
import { inceptionV1 } from "./inception-v1.ts";
import { inceptionV3 } from "./inception-v3.ts";
import { mobilenetV1, mobilenetV2 } from "./mobilenet.ts";
import { resnet } from "./resnet.ts";
import { squeezenet } from "./squeezenet.ts";

export { loadWeights } from "./load-weights.ts";
export { type NetworkSize, networkSize } from "./network-size.ts";

export const NETWORK_NAMES = [
  "alexnet",
  "inception_v1",
  "inception_v3",
  "resnet50",
  "resnet152",
  "squeezenet",
  "squeezenet_v1_1",
  "mobilenet_v1",
  "mobilenet_v2",
] as const;

export type NetworkName = (typeof NETWORK_NAMES)[number];

/** Each network with weights drawn from a 32-bit seed. */
export const NETWORKS: Readonly<Record<NetworkName, (seed: number) => Graph>> = {
  alexnet,
  inception_v1: inceptionV1,
  inception_v3: inceptionV3,
  resnet50: (seed) => resnet("resnet50", seed),
  resnet152: (seed) => resnet("resnet152", seed),
  squeezenet: (seed) => squeezenet("squeezenet", seed),
  squeezenet_v1_1: (seed) => squeezenet("squeezenet_v1_1", seed),
  mobilenet_v1: mobilenetV1,
  mobilenet_v2: mobilenetV2,
};

export function isNetworkName(name: string): name is NetworkName {
  return Object.hasOwn(NETWORKS, name);
}
