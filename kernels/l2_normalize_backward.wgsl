// dx[n, d] = (dy[n, d] - y[n, d] sum_e y[n, e] dy[n, e]) / norm[n]   y, dy, dx: [N, D], norm: [N]
override ADD: bool = false;

struct Params {
  N: u32,
  D: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn l2_normalize_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = group.x + group.y * groups.x;
  if (n >= params.N) {
    return;
  }
  let base = n * params.D;
  var sum = 0.0;
  for (var d = lane; d < params.D; d += 64u) {
    sum += y[base + d] * dy[base + d];
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  // Below eps the length is the constant eps, and only the first term is left.
  let along = select(0.0, sums[0], norm[n] > params.eps);
  for (var d = lane; d < params.D; d += 64u) {
    var value = (dy[base + d] - y[base + d] * along) / norm[n];
    if (ADD) {
      value += dx[base + d];
    }
    dx[base + d] = value;
  }
}
