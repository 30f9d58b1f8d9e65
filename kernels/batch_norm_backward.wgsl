// dx[g, l, c] = weight[c] / std (d[g, l, c] - (sums[g, c].x + xhat[g, l, c] sums[g, c].y) / L)
// std = sqrt(variance + eps), xhat = (x - mean) / std; inverse_L is 0 when the statistics are constants.
// d is dy, with RELU only where xhat weight + bias is above 0.
// x, dy, dx: [G, L, C], mean, variance: [G, C], sums: [G, C] pairs, weight, bias: [C]
override TX: u32 = 32u;
override TY: u32 = 8u;
override AFFINE: bool = true;
override RELU: bool = false;
override ADD: bool = false;

struct Params {
  L: u32,
  C: u32,
  rows: u32,
  eps: f32,
  inverse_L: f32,
}

// How x, dy and dx are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dy: array<X>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> sums: array<vec2f>;
@group(0) @binding(5) var<storage, read> weight: array<f32>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<X>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(TX, TY)
fn batch_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let c = group.x * TX + local.x;
  if (c >= params.C) {
    return;
  }
  let at = group.z * params.C + c;
  let centre = mean[at];
  let inverse = 1.0 / sqrt(variance[at] + params.eps);
  var scale = inverse;
  var shift = 0.0;
  if (AFFINE) {
    scale *= weight[c];
    shift = bias[c];
  }
  let mean_dy = sums[at].x * params.inverse_L;
  let slope = sums[at].y * params.inverse_L * inverse;
  let base = group.z * params.L * params.C + c;
  let end = min((group.y + 1u) * params.rows, params.L);
  for (var l = group.y * params.rows + local.y; l < end; l += TY) {
    let i = base + l * params.C;
    let distance = f32(x[i]) - centre;
    var d = f32(dy[i]);
    if (RELU) {
      d = select(0.0, d, fma(distance, scale, shift) > 0.0);
    }
    var value = scale * (d - mean_dy - slope * distance);
    if (ADD) {
      value += f32(dx[i]);
    }
    dx[i] = X(value);
  }
}
