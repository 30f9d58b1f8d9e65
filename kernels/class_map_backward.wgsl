// dx[n, l, f] = dm[n, l] w[f, label[n]], or with MEAN dm[n, l] / F; 0 where label[n] is no class
// dx: [N, L, F], w: [F, K], label: [N], dm: [N, L]
override MEAN: bool = false;
override ADD: bool = false;

struct Params {
  L: u32,
  F: u32,
  K: u32,
  n: u32, // elements of dx
}

@group(0) @binding(0) var<storage, read> dm: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> label: array<u32>;
// How dx is stored: f32 or f16.
alias X = f32;
@group(0) @binding(3) var<storage, read_write> dx: array<X>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn class_map_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let f = i % params.F;
  let row = i / params.F;
  let k = label[row / params.L];
  var weight = 1.0 / f32(params.F);
  if (!MEAN) {
    weight = select(0.0, w[f * params.K + min(k, params.K - 1u)], k < params.K);
  }
  var value = dm[row] * weight;
  if (ADD) {
    value += f32(dx[i]);
  }
  dx[i] = X(value);
}
