// r[i] = sum_j w(i, j) (c[i, j] - t(i, j))^2, w = on, t = goal for i = j; else w = off, t = 0
// c: [D, D], r: [D]
struct Params {
  D: u32,
  on: f32,
  off: f32,
  goal: f32,
}

@group(0) @binding(0) var<storage, read> c: array<f32>;
@group(0) @binding(1) var<storage, read_write> r: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn target_squares(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x;
  var sum = 0.0;
  for (var j = lane; j < params.D; j += 64u) {
    var gap = c[i * params.D + j];
    var weight = params.off;
    if (i == j) {
      gap -= params.goal;
      weight = params.on;
    }
    sum += weight * gap * gap;
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0u) {
    r[i] = sums[0];
  }
}
