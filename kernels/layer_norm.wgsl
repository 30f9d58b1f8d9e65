// y[l, c] = (x[l, c] - mean[l]) / sqrt(variance[l] + eps) weight[c] + bias[c]
// x, y: [L, C], weight, bias: [C], statistics: [L] pairs (mean, 1 / sqrt(variance + eps)), the variance biased
struct Params {
  L: u32,
  C: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<vec2f>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

fn total(value: f32, lane: u32) -> f32 {
  sums[lane] = value;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  let result = sums[0];
  workgroupBarrier();
  return result;
}

@compute @workgroup_size(64)
fn layer_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let l = group.x + group.y * groups.x;
  if (l >= params.L) {
    return;
  }
  let base = l * params.C;
  var sum = 0.0;
  for (var c = lane; c < params.C; c += 64u) {
    sum += x[base + c];
  }
  let mean = total(sum, lane) / f32(params.C);
  var squares = 0.0;
  for (var c = lane; c < params.C; c += 64u) {
    let d = x[base + c] - mean;
    squares += d * d;
  }
  let inverse = 1.0 / sqrt(total(squares, lane) / f32(params.C) + params.eps);
  for (var c = lane; c < params.C; c += 64u) {
    y[base + c] = (x[base + c] - mean) * inverse * weight[c] + bias[c];
  }
  if (lane == 0u) {
    statistics[l] = vec2f(mean, inverse);
  }
}
