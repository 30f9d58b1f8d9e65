/** Writes a vision transformer as an ONNX model, opset 17: the first with layer normalisation. */
import { sizeOf } from "@/lib/images/image_size.ts";
import type { OnnxSpec } from "./backbone_spec.ts";
import { OnnxGraph } from "./onnx_graph.ts";
import type { WeightTensor } from "./pth.ts";
import { DEPTH, PATCH, type VitName, VITS } from "./vit_sizes.ts";

/**
 * Input `x` [N, C, H, W], normalised as the file's documentation and metadata say; output `logits` [N, classes], or
 * `features` [N, F] without classes.
 * @param weights timm's names in PyTorch's layout, `head` included
 * @throws {Error} when a weight is missing
 */
export function writeVitOnnx(
  spec: OnnxSpec,
  weights: Map<string, WeightTensor>,
): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph(weights);
  const { heads } = VITS[spec.backbone as VitName];
  const width = weights.get("cls_token")!.shape[2];
  const { height, width: columns } = sizeOf(spec.image_size);
  const L = height / PATCH * columns / PATCH;
  const sizes = { width, heads, T: 1 + L };
  const patches = graph.node(
    "Conv",
    ["x", graph.weight("patch_embed.proj.weight"), graph.weight("patch_embed.proj.bias")],
    { strides: [PATCH, PATCH] },
  );
  const rows = graph.node("Reshape", [patches, graph.whole([0, width, L])]);
  const tokens = graph.node("Transpose", [rows], { perm: [0, 2, 1] });
  const images = graph.node("Shape", [tokens], { start: 0, end: 1 });
  const shape = graph.node("Concat", [images, graph.whole([1, width])], { axis: 0 });
  const start = graph.node("Expand", [graph.weight("cls_token"), shape]);
  let x = graph.node("Concat", [start, tokens], { axis: 1 });
  x = graph.node("Add", [x, graph.weight("pos_embed")]);
  for (let block = 0; block < DEPTH; block++) x = appendBlock(graph, `blocks.${block}`, x, sizes);
  const features = graph.node("Gather", [norm(graph, "norm", x), graph.index(0)], { axis: 1 });
  return graph.finish(features, { spec, head: "head", opset: 17 });
}

interface Sizes {
  width: number;
  heads: number;
  T: number;
}

function norm(graph: OnnxGraph, name: string, x: string): string {
  const inputs = [x, graph.weight(`${name}.weight`), graph.weight(`${name}.bias`)];
  return graph.node("LayerNormalization", inputs, { axis: 2, epsilon: { float: 1e-6 } });
}

/** `[N, T, C] -> [N, T, K]` */
function linear(graph: OnnxGraph, name: string, x: string): string {
  const w = graph.node("Transpose", [graph.weight(`${name}.weight`)], { perm: [1, 0] });
  return graph.node("Add", [graph.node("MatMul", [x, w]), graph.weight(`${name}.bias`)]);
}

function appendBlock(graph: OnnxGraph, name: string, x: string, sizes: Sizes): string {
  const attended = attention(graph, `${name}.attn`, norm(graph, `${name}.norm1`, x), sizes);
  const y = graph.node("Add", [x, attended]);
  const hidden = linear(graph, `${name}.mlp.fc1`, norm(graph, `${name}.norm2`, y));
  return graph.node("Add", [y, linear(graph, `${name}.mlp.fc2`, gelu(graph, hidden))]);
}

function gelu(graph: OnnxGraph, x: string): string {
  const erf = graph.node("Erf", [graph.node("Mul", [x, graph.number(Math.SQRT1_2)])]);
  const twice = graph.node("Mul", [x, graph.node("Add", [erf, graph.number(1)])]);
  return graph.node("Mul", [twice, graph.number(0.5)]);
}

function attention(graph: OnnxGraph, name: string, x: string, { width, heads, T }: Sizes): string {
  const D = width / heads;
  const split = graph.whole([0, T, 3, heads, D]);
  const qkv = graph.node(
    "Transpose",
    [graph.node("Reshape", [linear(graph, `${name}.qkv`, x), split])],
    { perm: [2, 0, 3, 1, 4] },
  );
  const [q, k, v] = [0, 1, 2].map((part) =>
    graph.node("Gather", [qkv, graph.index(part)], { axis: 0 })
  );
  const transposed = graph.node("Transpose", [k], { perm: [0, 1, 3, 2] });
  const scores = graph.node("Mul", [
    graph.node("MatMul", [q, transposed]),
    graph.number(1 / Math.sqrt(D)),
  ]);
  const p = graph.node("Softmax", [scores], { axis: 3 });
  const y = graph.node("Transpose", [graph.node("MatMul", [p, v])], { perm: [0, 2, 1, 3] });
  return linear(graph, `${name}.proj`, graph.node("Reshape", [y, graph.whole([0, T, width])]));
}
