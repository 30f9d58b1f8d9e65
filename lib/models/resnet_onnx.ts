/** Writes a ResNet as an ONNX model, opset 13. */
import type { OnnxSpec } from "./backbone_spec.ts";
import { OnnxGraph } from "./onnx_graph.ts";
import type { WeightTensor } from "./pth.ts";
import { type ResnetName, STAGES } from "./resnet_stages.ts";

/**
 * Input `x` [N, C, H, W], normalised as the file's documentation and metadata say; output `logits` [N, classes], or
 * `features` [N, F] without classes.
 * @param weights torchvision's names in PyTorch's layout, running statistics and `fc` included
 * @throws {Error} when a weight is missing
 */
export function writeResnetOnnx(
  spec: OnnxSpec,
  weights: Map<string, WeightTensor>,
): Uint8Array<ArrayBuffer> {
  const net = new ResnetGraph(weights);
  const { graph } = net;
  let x = net.relu(net.norm("bn1", net.conv("conv1", "x", 2, 3)));
  x = graph.node("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  STAGES[spec.backbone as ResnetName].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = net.block(`layer${stage + 1}.${block}`, x, stride, spec.backbone !== "resnet18");
    }
  });
  const features = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])]);
  return graph.finish(features, { spec, head: "fc", opset: 13 });
}

class ResnetGraph {
  readonly graph: OnnxGraph;

  constructor(weights: Map<string, WeightTensor>) {
    this.graph = new OnnxGraph(weights);
  }

  block(name: string, x: string, stride: number, bottleneck: boolean): string {
    let y: string;
    if (bottleneck) {
      y = this.relu(this.norm(`${name}.bn1`, this.conv(`${name}.conv1`, x, 1, 0)));
      y = this.relu(this.norm(`${name}.bn2`, this.conv(`${name}.conv2`, y, stride, 1)));
      y = this.norm(`${name}.bn3`, this.conv(`${name}.conv3`, y, 1, 0));
    } else {
      y = this.relu(this.norm(`${name}.bn1`, this.conv(`${name}.conv1`, x, stride, 1)));
      y = this.norm(`${name}.bn2`, this.conv(`${name}.conv2`, y, 1, 1));
    }
    if (this.graph.has(`${name}.downsample.0.weight`)) {
      x = this.norm(`${name}.downsample.1`, this.conv(`${name}.downsample.0`, x, stride, 0));
    }
    return this.relu(this.graph.node("Add", [y, x]));
  }

  conv(name: string, x: string, stride: number, padding: number): string {
    return this.graph.node("Conv", [x, this.graph.weight(`${name}.weight`)], {
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    });
  }

  norm(name: string, x: string): string {
    const parts = ["weight", "bias", "running_mean", "running_var"];
    return this.graph.node("BatchNormalization", [
      x,
      ...parts.map((part) => this.graph.weight(`${name}.${part}`)),
    ]);
  }

  relu(x: string): string {
    return this.graph.node("Relu", [x]);
  }
}
