// dq[n, 0, h] += scale sum_j ds[n, h, j] k[n, j, h]   qkv, dqkv: [N, T, 3, H, D] in groups of four, ds: [N, H, T]
override D4: u32 = 16u; // D / 4

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> ds: array<f32>;
@group(0) @binding(2) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn class_attention_backward_query(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let across = params.H * D4;
  let e = group.x * 64u + lane;
  if (e >= across) {
    return;
  }
  let base = group.y * params.T * 3u * across + e;
  let stored = (group.y * params.H + e / D4) * params.T;
  var sum = vec4f(0.0);
  for (var j = 0u; j < params.T; j++) {
    sum = fma(vec4f(ds[stored + j]), qkv[base + (3u * j + 1u) * across], sum);
  }
  dqkv[base] += sum * params.scale;
}
