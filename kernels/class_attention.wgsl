// s[n, h, j] = scale q[n, 0, h] . k[n, j, h] - lse[n, h, 0], the logarithm of a softmax over j; scale = 1 / sqrt(D)
// qkv: [N, T, 3, H, D] in groups of four, lse, s: [N, H, T]
override D4: u32 = 16u; // D / 4

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> lse: array<f32>;
@group(0) @binding(2) var<storage, read_write> s: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn class_attention(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let j = group.x * 64u + lane;
  if (j >= params.T) {
    return;
  }
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.z * params.T * row + group.y * D4;
  let stored = (group.z * params.H + group.y) * params.T;
  var dots = vec4f(0.0);
  for (var d = 0u; d < D4; d++) {
    dots = fma(qkv[base + d] * params.scale, qkv[base + j * row + across + d], dots);
  }
  s[stored + j] = dots.x + dots.y + dots.z + dots.w - lse[stored];
}
