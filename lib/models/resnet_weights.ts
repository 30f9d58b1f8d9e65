/** A ResNet's weights in a file from elsewhere, under torchvision's names. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Weights } from "./backbone_spec.ts";

/** Places of torchvision's parts in `nn.Sequential(*list(resnet.children()))`. */
const CHILDREN: Record<string, string> = {
  0: "conv1",
  1: "bn1",
  4: "layer1",
  5: "layer2",
  6: "layer3",
  7: "layer4",
  9: "fc",
};

/** What a network consists of; counters of batches are left out. */
const PART =
  /^((conv1|bn1|layer[1-4]\.\d+\..+)\.(weight|bias|running_mean|running_var)|fc\.(weight|bias))$/;

/** Networks that follow another one: of two in a file, they are not the one that is wanted. */
const FOLLOWERS = /(^|[._])(target|teacher|momentum|ema|key|encoder_k|k)(?=$|[._])/i;

/**
 * The ResNet in a file, without what is around it: training scripts save it inside of wrappers
 * (`module.encoder_q.`, `backbone.`, `online_network.`), beside heads and a copy that follows it, or as
 * numbered children. `fc` is kept if it is one linear layer; undefined where no ResNet is in it.
 * @param prefix what stands in front of the wanted network's names; needed where there are several
 * @throws {InvalidInput} when there are several and none is named
 */
export function onlyResnet(
  weights: Weights,
  prefix?: string,
): Weights | undefined {
  const found = stems(weights);
  if (found.length === 0) return undefined;
  const chosen = prefix === undefined ? theOne(found) : found.find((one) => one.prefix === prefix);
  if (!chosen) {
    const seen = found.map((one) => `"${one.prefix}"`).join(", ");
    throw new InvalidInput(`Cannot tell which network to use: give one of the prefixes ${seen}`);
  }
  const network: Weights = new Map();
  for (const [name, weight] of weights) {
    if (!name.startsWith(chosen.prefix)) continue;
    const suffix = name.slice(chosen.prefix.length);
    const [first, ...rest] = suffix.split(".");
    const known = chosen.numbered ? [CHILDREN[first], ...rest].join(".") : suffix;
    if (PART.test(known)) network.set(known, weight);
  }
  // A projector of several layers in the classifier's place has numbers in its names.
  if (!network.has("fc.weight") || !network.has("fc.bias")) {
    network.delete("fc.weight");
    network.delete("fc.bias");
  }
  return network;
}

interface Stem {
  prefix: string;
  numbered: boolean;
}

/** Every first convolution of a ResNet. */
function stems(weights: Weights): Stem[] {
  return [...weights].flatMap(([name, { shape }]) => {
    const match = /^(.*?)(conv1|0)\.weight$/.exec(name);
    if (!match || shape.length !== 4 || shape[2] !== 7 || shape[3] !== 7) return [];
    const [, prefix, first] = match;
    return [{ prefix, numbered: first === "0" }];
  });
}

/** The only one, or the only one that follows no other. */
function theOne(found: Stem[]): Stem | undefined {
  if (found.length <= 1) return found[0];
  const leading = found.filter(({ prefix }) => !FOLLOWERS.test(prefix));
  return leading.length === 1 ? leading[0] : undefined;
}
