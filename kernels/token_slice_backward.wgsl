// dx[n, t] = dy[n, t - first] where 0 <= t - first < S, else 0   dx: [N, T, C], dy: [N, S, C]
override ADD: bool = false;

struct Params {
  T: u32,
  S: u32,
  C: u32,
  first: u32,
  n: u32, // elements of dx
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn token_slice_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let row = i / params.C;
  let t = row % params.T;
  var value = 0.0;
  if (t >= params.first && t - params.first < params.S) {
    value = dy[(row / params.T * params.S + t - params.first) * params.C + i % params.C];
  }
  if (ADD) {
    value += dx[i];
  }
  dx[i] = value;
}
