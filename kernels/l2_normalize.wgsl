// y[n, d] = x[n, d] / max(norm[n], eps), norm[n] = sqrt(sum_d x[n, d]^2)   x, y: [N, D], norm: [N]
struct Params {
  N: u32,
  D: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn l2_normalize(
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
    sum += x[base + d] * x[base + d];
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  let length = max(sqrt(sums[0]), params.eps);
  if (lane == 0u) {
    norm[n] = length;
  }
  for (var d = lane; d < params.D; d += 64u) {
    y[base + d] = x[base + d] / length;
  }
}
