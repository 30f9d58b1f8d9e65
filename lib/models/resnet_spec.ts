/** ResNet-18, 50 and 101 (He et al. 2016) under torchvision's names. */
import type { BackboneFamily, BackboneSpec } from "./backbone_spec.ts";
import { writeResnetOnnx } from "./resnet_onnx.ts";
import { architectureOf } from "./resnet_architecture.ts";
import { STAGES } from "./resnet_stages.ts";
import { onlyResnet } from "./resnet_weights.ts";

const family: BackboneFamily = {
  title: "ResNet",
  signature: "conv1.weight [width, channels, 7, 7]",
  detect(weights, prefix) {
    const found = onlyResnet(weights, prefix);
    return found && { ...found, architecture: architectureOf(found.network) };
  },
  stride: 32,
  timm: { first_conv: "conv1", name: (name) => name, pool: "avg" },
  exportOnnx: writeResnetOnnx,
};

interface Published {
  title: string;
  about: string;
  /** Of the feature vector to the width. */
  expansion: 1 | 4;
  /** Of one 224 px image through the published network, in 10^9. */
  multiplyAdds: number;
  /** Without the last layer, in 10^6. */
  parameters: number;
  /** Grill et al. 2020: 4096, for a ResNet-18 1024. */
  hidden: number;
  predictorHidden?: number;
}

function spec({ expansion, multiplyAdds, parameters, ...facts }: Published): BackboneSpec {
  return {
    ...facts,
    family,
    // Channels of the first stage.
    width: { published: 64, least: 4, most: 128, multipleOf: 4 },
    features: (width) => width * 8 * expansion,
    multiplyAdds: (width, size) =>
      multiplyAdds * (width / 64) ** 2 * (size.height * size.width) / 224 ** 2,
    parameters: (width) => parameters * 1e6 * (width / 64) ** 2,
    head: "fc",
    isNorm: (name) => /(^|\.)(bn\d|downsample\.1)\./.test(name),
    map: "mean",
  };
}

export const resnet: Record<keyof typeof STAGES, BackboneSpec> = {
  resnet18: spec({
    title: "ResNet-18",
    about: "Residual network of 18 layers; 11 million weights.",
    ...{ expansion: 1, multiplyAdds: 1.82, parameters: 11.2, hidden: 1024, predictorHidden: 4096 },
  }),
  resnet50: spec({
    title: "ResNet-50",
    about: "Residual network of 50 layers; 24 million weights.",
    ...{ expansion: 4, multiplyAdds: 4.1, parameters: 23.5, hidden: 4096 },
  }),
  resnet101: spec({
    title: "ResNet-101",
    about: "Residual network of 101 layers; 43 million weights.",
    ...{ expansion: 4, multiplyAdds: 7.8, parameters: 42.5, hidden: 4096 },
  }),
};
