// loss = sum_i factors[i] y[i], dy[i] = factors[i]   y: [n]
struct Params {
  n: u32,
}

alias Y = f32;
@group(0) @binding(0) var<storage, read> y: array<Y>;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<Y>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(1)
fn weighted_sum() {
  var sum = 0.0;
  for (var i = 0u; i < params.n; i++) {
    sum += factors[i] * f32(y[i]);
    dy[i] = Y(factors[i]);
  }
  loss[0] = sum;
}
