/** Writes a ResNet as an ONNX model (IR 8, opset 13; field numbers from `onnx.proto`). */
import { sizeOf } from "@/lib/images/image_size.ts";
import type { OnnxSpec } from "./backbone_spec.ts";
import { Message } from "./protobuf.ts";
import type { WeightTensor } from "./pth.ts";
import { type ResnetName, STAGES } from "./resnet_stages.ts";

/**
 * Input `x` [N, C, H, W], normalised as the file's documentation and metadata say; output `logits` [N, classes], or
 * `features` [N, F] without classes.
 * @param weights torchvision's names in PyTorch's layout, running statistics and `fc` included
 * @throws {Error} when a weight is missing
 */
export function writeOnnx(
  spec: OnnxSpec,
  weights: Map<string, WeightTensor>,
): Uint8Array<ArrayBuffer> {
  const graph = new Graph(weights);
  let x = graph.relu(graph.norm("bn1", graph.conv("conv1", "x", 2, 3)));
  x = graph.node("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  STAGES[spec.backbone as ResnetName].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = graph.block(`layer${stage + 1}.${block}`, x, stride, spec.backbone !== "resnet18");
    }
  });
  const pooled = graph.node("GlobalAveragePool", [x]);
  const count = spec.classes.length;
  const output = count > 0 ? "logits" : "features";
  const features = graph.node("Flatten", [pooled], {}, count > 0 ? undefined : output);
  if (count > 0) {
    const head = [features, graph.weight("fc.weight"), graph.weight("fc.bias")];
    graph.node("Gemm", head, { transB: 1 }, output);
  }
  const { height, width } = sizeOf(spec.image_size);
  const { mean, std } = spec.normalization;
  const input =
    `Pixels in 0 to 1, minus the mean [${mean}], by the standard deviation [${std}], per channel.`;
  const result = count > 0
    ? `Logits of ${JSON.stringify(spec.classes)}; a softmax gives the probabilities.`
    : "Features, before any classifier.";
  graph.message
    .text(2, spec.backbone)
    .message(11, valueInfo("x", ["N", spec.channels, height, width], input))
    .message(12, valueInfo(output, ["N", count > 0 ? count : "F"], result));
  const model = new Message()
    .int(1, 8)
    .text(2, "mcgip")
    .text(6, `${input} ${result}`)
    .message(7, graph.message)
    .message(8, new Message().text(1, "").int(2, 13));
  const texts = { classes: JSON.stringify(spec.classes), ...spec.metadata };
  for (const [key, value] of Object.entries(texts)) {
    model.message(14, new Message().text(1, key).text(2, value));
  }
  return model.finish();
}

type Attribute = number | number[];

/** A graph under construction: every node's output is named by its number. */
class Graph {
  readonly message = new Message();
  private nodes = 0;
  private readonly written = new Set<string>();

  constructor(private readonly weights: Map<string, WeightTensor>) {}

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
    if (this.weights.has(`${name}.downsample.0.weight`)) {
      x = this.norm(`${name}.downsample.1`, this.conv(`${name}.downsample.0`, x, stride, 0));
    }
    return this.relu(this.node("Add", [y, x]));
  }

  conv(name: string, x: string, stride: number, padding: number): string {
    return this.node("Conv", [x, this.weight(`${name}.weight`)], {
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    });
  }

  norm(name: string, x: string): string {
    const parts = ["weight", "bias", "running_mean", "running_var"];
    return this.node("BatchNormalization", [
      x,
      ...parts.map((part) => this.weight(`${name}.${part}`)),
    ]);
  }

  relu(x: string): string {
    return this.node("Relu", [x]);
  }

  /** Adds an initializer once and gives its name. */
  weight(name: string): string {
    if (this.written.has(name)) return name;
    const tensor = this.weights.get(name);
    if (!tensor) throw new Error(`Cannot write ONNX: weight "${name}" is missing`);
    const { buffer, byteOffset, byteLength } = tensor.data;
    this.message.message(
      5,
      new Message()
        .ints(1, tensor.shape)
        .int(2, 1)
        .text(8, name)
        .bytes(9, new Uint8Array(buffer, byteOffset, byteLength)),
    );
    this.written.add(name);
    return name;
  }

  node(op: string, inputs: string[], attributes: Record<string, Attribute> = {}, output?: string) {
    const name = output ?? `${op.toLowerCase()}_${this.nodes}`;
    this.nodes++;
    const message = new Message();
    for (const input of inputs) message.text(1, input);
    message.text(2, name).text(3, name).text(4, op);
    for (const [key, value] of Object.entries(attributes)) {
      const attribute = new Message().text(1, key);
      if (typeof value === "number") attribute.int(3, value).int(20, 2);
      else attribute.ints(8, value).int(20, 7);
      message.message(5, attribute);
    }
    this.message.message(1, message);
    return name;
  }
}

function valueInfo(name: string, shape: (string | number)[], about: string): Message {
  const dims = new Message();
  for (const size of shape) {
    dims.message(
      1,
      typeof size === "number" ? new Message().int(1, size) : new Message().text(2, size),
    );
  }
  const tensor = new Message().int(1, 1).message(2, dims);
  return new Message().text(1, name).message(2, new Message().message(1, tensor)).text(3, about);
}
