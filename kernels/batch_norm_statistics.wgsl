// mean[g, c], variance[g, c] = merged partial[g, :, c] / L;   running_mean += momentum (mean - running_mean)
// running_var likewise with the unbiased variance, group after group; a value that is not finite leaves
// it alone. partial: [G, J, C] pairs (mean, squares), mean, variance: [G, C], running_mean, running_var: [C]
struct Params {
  L: u32,
  C: u32,
  G: u32,
  J: u32,
  rows: u32,
  momentum: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const LANES = 16u;
var<workgroup> merged: array<vec2f, 256>;

fn finite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(16, 16)
fn batch_norm_statistics(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let c = group.x * 16u + local.x;
  let n = f32(params.L);
  for (var g = 0u; g < params.G; g++) {
    // Sums about the mean of the first chunk, which lies near that of all.
    var centre = 0.0;
    var all = vec2f(0.0);
    if (c < params.C) {
      centre = partial[g * params.J * params.C + c].x;
      for (var j = local.y; j < params.J; j += LANES) {
        let count = f32(min(params.rows, params.L - j * params.rows));
        let pair = partial[(g * params.J + j) * params.C + c];
        let d = pair.x - centre;
        all += vec2f(count * d, pair.y + count * d * d);
      }
    }
    merged[local.y * 16u + local.x] = all;
    workgroupBarrier();
    if (local.y == 0u && c < params.C) {
      for (var t = 1u; t < LANES; t++) {
        all += merged[t * 16u + local.x];
      }
      let middle = centre + all.x / n;
      let squares = max(all.y - all.x * all.x / n, 0.0);
      mean[g * params.C + c] = middle;
      variance[g * params.C + c] = squares / n;
      let next_mean = mix(running_mean[c], middle, params.momentum);
      let next_var = mix(running_var[c], squares / max(n - 1.0, 1.0), params.momentum);
      if (finite(next_mean) && finite(next_var)) {
        running_mean[c] = next_mean;
        running_var[c] = next_var;
      }
    }
    workgroupBarrier();
  }
}
