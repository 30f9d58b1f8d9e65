/** Which ResNet a file of weights is, told by the names and shapes of its tensors (torchvision's). */
import { InvalidInput } from "@/lib/errors.ts";
import type { Architecture } from "./backbone_spec.ts";
import { refuseOthers, type Shapes } from "./expected_weights.ts";
import { STAGES } from "./resnet_stages.ts";

/** Told apart by blocks of the third stage, and by whether blocks have three convolutions. */
const backbones = [
  { stages: STAGES.resnet18, bottleneck: false, backbone: "resnet18" },
  { stages: STAGES.resnet50, bottleneck: true, backbone: "resnet50" },
  { stages: STAGES.resnet101, bottleneck: true, backbone: "resnet101" },
] as const;

/** @throws {InvalidInput} when it is none of those that can be run, or not whole */
export function architectureOf(weights: Shapes): Architecture {
  const stem = weights.get("conv1.weight")?.shape;
  if (stem?.length !== 4 || stem[2] !== 7 || stem[3] !== 7) {
    throw new InvalidInput(
      "Cannot use these weights: torchvision's ResNet names are needed, with conv1.weight [width, channels, 7, 7]",
    );
  }
  const [width, channels] = stem;
  if (channels !== 1 && channels !== 3) {
    throw new InvalidInput(`Cannot use these weights: 1 or 3 channels are needed, not ${channels}`);
  }
  if (width % 4 !== 0 || width === 0) {
    throw new InvalidInput(
      `Cannot use these weights: the first convolution has ${width} outputs, a multiple of 4 is needed`,
    );
  }
  const blocks = new Set<string>();
  let bottleneck = false;
  for (const name of weights.keys()) {
    const block = /^layer3\.(\d+)\./.exec(name)?.[1];
    if (block !== undefined) blocks.add(block);
    bottleneck ||= name === "layer1.0.conv3.weight";
  }
  const found = backbones.find((one) =>
    one.stages[2] === blocks.size && one.bottleneck === bottleneck
  );
  if (!found) {
    throw new InvalidInput(
      `Cannot use these weights: a third stage of ${blocks.size} ${
        bottleneck ? "bottlenecks" : "blocks of two convolutions"
      } is none of ${backbones.map(({ backbone }) => backbone).join(", ")}`,
    );
  }
  const outputs = weights.get("fc.weight")?.shape[0] ?? 0;
  const needed = shapesOf(found, { width, channels, outputs });
  refuseOthers(weights, needed, found.backbone);
  return { backbone: found.backbone, width, channels, outputs };
}

/** Every tensor of a network in PyTorch's shapes, by torchvision's names. */
function shapesOf(
  { stages, bottleneck }: typeof backbones[number],
  { width, channels, outputs }: Omit<Architecture, "backbone">,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const layer = (conv: string, norm: string, K: number, C: number, R: number) => {
    shapes.set(`${conv}.weight`, [K, C, R, R]);
    for (const part of ["weight", "bias", "running_mean", "running_var"]) {
      shapes.set(`${norm}.${part}`, [K]);
    }
  };
  layer("conv1", "bn1", width, channels, 7);
  const expansion = bottleneck ? 4 : 1;
  let C = width;
  stages.forEach((count, stage) => {
    const inner = width * 2 ** stage;
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`;
      const K = inner * expansion;
      const sizes = bottleneck
        ? [[inner, C, 1], [inner, inner, 3], [K, inner, 1]]
        : [[inner, C, 3], [inner, inner, 3]];
      sizes.forEach(([K, C, R], i) => layer(`${name}.conv${i + 1}`, `${name}.bn${i + 1}`, K, C, R));
      if (block === 0 && K !== C) layer(`${name}.downsample.0`, `${name}.downsample.1`, K, C, 1);
      C = K;
    }
  });
  if (outputs > 0) {
    shapes.set("fc.weight", [outputs, C]);
    shapes.set("fc.bias", [outputs]);
  }
  return shapes;
}
