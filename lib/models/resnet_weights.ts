/** A ResNet's weights in a file from elsewhere, under torchvision's names. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Weights } from "./backbone_spec.ts";
import { chosenPrefix, ownerOf } from "./weight_prefix.ts";

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

/** Counters of batches: no number of the network's. */
const COUNTER = /(^|\.)num_batches_tracked$/;

/** What training scripts put beside a backbone under the same prefix: heads of pre-training, and queues of keys. */
const BESIDE =
  /^(fc\.\d+\.|(\w*project(or|ion)\w*|\w*predict(or|ion)\w*|head|heads|\w*_head|mlp|prototypes)\.|queue)/i;

export interface FoundResnet {
  /** Under torchvision's names; what else stood under the prefix keeps its name. */
  network: Weights;
  prefix: string;
  leftOut: string[];
  heads: string[];
}

/**
 * The ResNet in a file, without what is around it: training scripts save it inside of wrappers
 * (`module.encoder_q.`, `backbone.`, `online_network.`), beside heads and a copy that follows it, or as
 * numbered children. `fc` is kept if it is one linear layer; undefined where no ResNet is in it.
 * @param prefix what stands in front of the wanted network's names; needed where there are several
 * @throws {InvalidInput} when there are several and none is named, or its first convolution is another one
 */
export function onlyResnet(weights: Weights, prefix?: string): FoundResnet | undefined {
  const found = stems(weights);
  if (found.length === 0) return refuseOtherStem(weights);
  const prefixes = found.map((one) => one.prefix);
  const named = chosenPrefix(prefixes, prefix);
  const chosen = found.find((one) => one.prefix === named)!;
  const network: Weights = new Map();
  const leftOut: string[] = [], heads: string[] = [];
  const copies = new Set<string>();
  for (const [name, weight] of weights) {
    const suffix = name.slice(chosen.prefix.length);
    const [first, ...rest] = suffix.split(".");
    const known = chosen.numbered && CHILDREN[first]
      ? [CHILDREN[first], ...rest].join(".")
      : suffix;
    const owner = ownerOf(prefixes, name);
    if (owner !== undefined && owner !== chosen.prefix) copies.add(`${owner}*`);
    else if (owner === undefined) leftOut.push(name);
    else if (BESIDE.test(known)) {
      leftOut.push(name);
      heads.push(name);
    } else if (!COUNTER.test(known)) network.set(known, weight);
  }
  return { network, prefix: chosen.prefix, leftOut: [...leftOut, ...copies], heads };
}

/** A network of ResNet's names that begins otherwise: ResNet-D, CIFAR's. */
function refuseOtherStem(weights: Weights): undefined {
  const names = [...weights.keys()];
  if (!names.some((name) => /(^|\.)layer1\.0\.conv1\.weight$/.test(name))) return undefined;
  const stem = names.find((name) =>
    /(^|\.)conv1(\.0)?\.weight$/.test(name) && !/layer\d\./.test(name)
  );
  if (stem === undefined) return undefined;
  throw new InvalidInput(
    `Cannot use these weights: they begin with "${stem}" of shape [${
      weights.get(stem)!.shape.join(", ")
    }], and a ResNet with conv1.weight [width, channels, 7, 7] is needed`,
  );
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
