// dx[l, c] = inverse (g[l, c] - mean_c g - xhat[l, c] mean_c (g xhat)), g = dy weight, xhat = (x - mean) inverse
// x, dy, dx: [L, C], weight: [C], statistics: [L] pairs (mean, inverse)
override ADD: bool = false;

struct Params {
  L: u32,
  C: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<vec2f, 64>;

@compute @workgroup_size(64)
fn layer_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let l = group.x + group.y * groups.x;
  if (l >= params.L) {
    return;
  }
  let base = l * params.C;
  let mean = statistics[l].x;
  let inverse = statistics[l].y;
  var sum = vec2f(0.0);
  for (var c = lane; c < params.C; c += 64u) {
    let g = dy[base + c] * weight[c];
    sum += vec2f(g, g * (x[base + c] - mean) * inverse);
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  let means = sums[0] / f32(params.C);
  for (var c = lane; c < params.C; c += 64u) {
    let xhat = (x[base + c] - mean) * inverse;
    var value = inverse * (dy[base + c] * weight[c] - means.x - xhat * means.y);
    if (ADD) {
      value += dx[base + c];
    }
    dx[base + c] = value;
  }
}
