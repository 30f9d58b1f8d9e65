// delta[n, h, i] = dy[n, i, h] . y[n, i, h]   y, dy: [N, T, H, D] in groups of four, delta: [N, H, T]
override D4: u32 = 16u; // D / 4

struct Params {
  T: u32,
  H: u32,
}

@group(0) @binding(0) var<storage, read> y: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn attention_delta(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x * 64u + lane;
  if (i >= params.T) {
    return;
  }
  let base = ((group.z * params.T + i) * params.H + group.y) * D4;
  var sum = vec4f(0.0);
  for (var d = 0u; d < D4; d++) {
    sum = fma(dy[base + d], y[base + d], sum);
  }
  delta[(group.z * params.H + group.y) * params.T + i] = sum.x + sum.y + sum.z + sum.w;
}
