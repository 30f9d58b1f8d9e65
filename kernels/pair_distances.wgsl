// r[i] = sum_j w[i, j] |a[i] - b[j]|^2   a: [N, D], b: [M, D], w: [N, M], r: [N]; weights up to 0 are left out
struct Params {
  M: u32,
  D: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> r: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn pair_distances(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x;
  var sum = 0.0;
  for (var j = 0u; j < params.M; j++) {
    let weight = w[i * params.M + j];
    if (weight > 0.0) {
      for (var d = lane; d < params.D; d += 64u) {
        let gap = a[i * params.D + d] - b[j * params.D + d];
        sum += weight * gap * gap;
      }
    }
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
