// y[n, d] = x[n, d] - sum_m x[m, d] / N   x, y: [N, D]
struct Params {
  N: u32,
  D: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn column_center(@builtin(global_invocation_id) id: vec3u) {
  let d = id.x;
  if (d >= params.D) {
    return;
  }
  // About the first row's value, which lies nearer to the mean than 0 may.
  let first = x[d];
  var sum = 0.0;
  for (var n = 1u; n < params.N; n++) {
    sum += x[n * params.D + d] - first;
  }
  let mean = first + sum / f32(params.N);
  for (var n = 0u; n < params.N; n++) {
    y[n * params.D + d] = x[n * params.D + d] - mean;
  }
}
