// y = sum_d sqrt(mean_n x[n, d]^2 - (mean_n x[n, d])^2) / D   x: [N, D], y: [1]
struct Params {
  N: u32,
  D: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn std_of_l2_normalized(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var d = lane; d < params.D; d += 256u) {
    let shift = x[d];
    var sum = 0.0;
    var squares = 0.0;
    for (var n = 0u; n < params.N; n++) {
      let value = x[n * params.D + d] - shift;
      sum += value;
      squares += value * value;
    }
    let mean = sum / f32(params.N);
    total += sqrt(max(squares / f32(params.N) - mean * mean, 0.0));
  }
  sums[lane] = total;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  if (lane == 0u) {
    y[0] = sums[0] / f32(params.D);
  }
}
