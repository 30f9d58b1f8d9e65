/** An ONNX model under construction (IR 8; field numbers from `onnx.proto`). */
import { sizeOf } from "@/lib/images/image_size.ts";
import type { OnnxSpec } from "./backbone_spec.ts";
import { Message } from "./protobuf.ts";
import type { WeightTensor } from "./pth.ts";

/** Whole numbers not below 0, or with `float` one number. */
type Attribute = number | number[] | { float: number };

const FLOAT = 1, INT64 = 7;

/** A graph under construction: every node's output is named by its number. */
export class OnnxGraph {
  private readonly message = new Message();
  private nodes = 0;
  private readonly written = new Set<string>();

  constructor(private readonly weights: Map<string, WeightTensor>) {}

  has(name: string): boolean {
    return this.weights.has(name);
  }

  /**
   * Adds an initializer once and gives its name.
   * @throws {Error} when a weight is missing
   */
  weight(name: string): string {
    const tensor = this.weights.get(name);
    if (!tensor) throw new Error(`Cannot write ONNX: weight "${name}" is missing`);
    return this.initializer(name, tensor.shape, FLOAT, tensor.data);
  }

  /** A tensor of whole numbers: a shape, an index. */
  whole(values: number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.initializer(`int_${values.join("_")}`, [values.length], INT64, data);
  }

  /** One whole number, without dimensions. */
  index(value: number): string {
    return this.initializer(`index_${value}`, [], INT64, BigInt64Array.of(BigInt(value)));
  }

  /** One number, without dimensions. */
  number(value: number): string {
    return this.initializer(`float_${value}`, [], FLOAT, Float32Array.of(value));
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
      else if (Array.isArray(value)) attribute.ints(8, value).int(20, 7);
      else attribute.float(2, value.float).int(20, 1);
      message.message(5, attribute);
    }
    this.message.message(1, message);
    return name;
  }

  /**
   * The linear layer named `head` over the features, if there are classes, and the whole model.
   * @param features name of `[N, F]`
   */
  finish(
    features: string,
    { spec, head, opset }: { spec: OnnxSpec; head: string; opset: number },
  ): Uint8Array<ArrayBuffer> {
    const count = spec.classes.length;
    const output = count > 0 ? "logits" : "features";
    if (count > 0) {
      const inputs = [features, this.weight(`${head}.weight`), this.weight(`${head}.bias`)];
      this.node("Gemm", inputs, { transB: 1 }, output);
    } else this.node("Identity", [features], {}, output);
    const { height, width } = sizeOf(spec.image_size);
    const { mean, std } = spec.normalization;
    const input =
      `Pixels in 0 to 1, minus the mean [${mean}], by the standard deviation [${std}], per channel.`;
    const result = count > 0
      ? `Logits of ${JSON.stringify(spec.classes)}; ${
        spec.multi_label
          ? "a sigmoid of each gives its probability, which do not add up to 1."
          : "a softmax gives the probabilities."
      }`
      : "Features, before any classifier.";
    this.message
      .text(2, spec.backbone)
      .message(11, valueInfo("x", ["N", spec.channels, height, width], input))
      .message(12, valueInfo(output, ["N", count > 0 ? count : "F"], result));
    const model = new Message()
      .int(1, 8)
      .text(2, "mcgip")
      .text(6, `${input} ${result}`)
      .message(7, this.message)
      .message(8, new Message().text(1, "").int(2, opset));
    const texts = {
      classes: JSON.stringify(spec.classes),
      ...(spec.multi_label && { multi_label: "true" }),
      ...spec.metadata,
    };
    for (const [key, value] of Object.entries(texts)) {
      model.message(14, new Message().text(1, key).text(2, value));
    }
    return model.finish();
  }

  private initializer(
    name: string,
    shape: number[],
    type: number,
    { buffer, byteOffset, byteLength }: ArrayBufferView,
  ): string {
    if (this.written.has(name)) return name;
    const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
    this.message.message(
      5,
      new Message().ints(1, shape).int(2, type).text(8, name).bytes(9, bytes),
    );
    this.written.add(name);
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
