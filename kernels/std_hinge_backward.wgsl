// dx[n, d] = - scale dy x[n, d] / ((N - 1) deviation[d]) where deviation[d] < margin, else 0
// x, dx: [N, D], deviation: [D], dy: [1]
override ADD: bool = false;

struct Params {
  N: u32,
  D: u32,
  n: u32, // N D
  margin: f32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> deviation: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn std_hinge_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.n) {
    return;
  }
  let spread = deviation[i % params.D];
  var value = 0.0;
  if (spread < params.margin) {
    value = -params.scale * dy[0] * x[i] / ((f32(params.N) - 1.0) * spread);
  }
  if (ADD) {
    value += dx[i];
  }
  dx[i] = value;
}
