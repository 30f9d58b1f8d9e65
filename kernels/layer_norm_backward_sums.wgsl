// partial[j, c] = sum_l dy[l, c], sum_l dy[l, c] xhat[l, c] over the rows l of chunk j, xhat = (x - mean) inverse
// x, dy: [L, C], statistics: [L] pairs (mean, inverse), partial: [J, C] pairs
struct Params {
  L: u32,
  C: u32,
  rows: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn layer_norm_backward_sums(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = group.x * 64u + lane;
  if (c >= params.C) {
    return;
  }
  var sums = vec2f(0.0);
  let end = min((group.y + 1u) * params.rows, params.L);
  for (var l = group.y * params.rows; l < end; l++) {
    let g = dy[l * params.C + c];
    sums += vec2f(g, g * (x[l * params.C + c] - statistics[l].x) * statistics[l].y);
  }
  partial[group.y * params.C + c] = sums;
}
