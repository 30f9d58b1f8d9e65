// w[n, j] = v[n, j] / 2 + sum_ih v[n, i] exp(scale q[n, i, h] . k[n, j, h] - lse[n, h, i]) / (2 H), scale = 1 / sqrt(D)
// qkv: [N, T, 3, H, D] in groups of four, lse: [N, H, T], v, w: [N, T]
override D4: u32 = 16u; // D / 4

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> lse: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> w: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn attention_rollout(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let j = group.x * 64u + lane;
  if (j >= params.T) {
    return;
  }
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.y * params.T * row;
  let given = group.y * params.T;
  var sum = 0.0;
  for (var h = 0u; h < params.H; h++) {
    let key = base + j * row + across + h * D4;
    for (var i = 0u; i < params.T; i++) {
      let query = base + i * row + h * D4;
      var dots = vec4f(0.0);
      for (var d = 0u; d < D4; d++) {
        dots = fma(qkv[query + d], qkv[key + d], dots);
      }
      let total = lse[(group.y * params.H + h) * params.T + i];
      sum += v[given + i] * exp((dots.x + dots.y + dots.z + dots.w) * params.scale - total);
    }
  }
  w[given + j] = 0.5 * v[given + j] + 0.5 * sum / f32(params.H);
}
