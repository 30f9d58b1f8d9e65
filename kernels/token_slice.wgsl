// y[n, s] = x[n, first + s]   x: [N, T, C], y: [N, S, C]
struct Params {
  T: u32,
  S: u32,
  C: u32,
  first: u32,
  n: u32, // elements of y
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
// How y is stored: f32 or f16.
alias Y = f32;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn token_slice(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let row = i / params.C;
  let origin = row / params.S * params.T + params.first + row % params.S;
  y[i] = Y(x[origin * params.C + i % params.C]);
}
