// m[n, l] = log(sum_h exp(s[n, h, 1 + l]) / H)   s: [N, H, T], m: [N, T - 1]
struct Params {
  T: u32,
  H: u32,
}

@group(0) @binding(0) var<storage, read> s: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn class_attention_mean(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let l = group.x * 64u + lane;
  if (l + 1u >= params.T) {
    return;
  }
  let base = group.y * params.H * params.T + 1u + l;
  var most = -3.4e38;
  for (var h = 0u; h < params.H; h++) {
    most = max(most, s[base + h * params.T]);
  }
  var sum = 0.0;
  for (var h = 0u; h < params.H; h++) {
    sum += exp(s[base + h * params.T] - most);
  }
  m[group.y * (params.T - 1u) + l] = most + log(sum / f32(params.H));
}
