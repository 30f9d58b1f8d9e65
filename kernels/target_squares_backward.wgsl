// dc[i, j] = 2 scale dy w(i, j) (c[i, j] - t(i, j)), w = on, t = goal for i = j; else w = off, t = 0
// c, dc: [D, D], dy: [1]
override ADD: bool = false;

struct Params {
  D: u32,
  n: u32, // D D
  on: f32,
  off: f32,
  goal: f32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> c: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dc: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn target_squares_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let k = (group.x + group.y * groups.x) * 64u + lane;
  if (k >= params.n) {
    return;
  }
  var gap = c[k];
  var weight = params.off;
  if (k / params.D == k % params.D) {
    gap -= params.goal;
    weight = params.on;
  }
  var value = 2.0 * params.scale * dy[0] * weight * gap;
  if (ADD) {
    value += dc[k];
  }
  dc[k] = value;
}
