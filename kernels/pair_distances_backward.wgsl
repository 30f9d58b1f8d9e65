// da[i, d] = 2 scale dy sum_j s w(i, j) (a[i, d] - b[j, d]), w(i, j) = w[i row + j column], where above 0
// s is share[i], with SHARE_OF_B share[j]   a, da: [N, D], b: [M, D], share: [N] or [M], dy: [1]
override SHARE_OF_B: bool = false;
override ADD: bool = false;

struct Params {
  M: u32,
  D: u32,
  n: u32, // N D
  row: u32,
  column: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> share: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> da: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn pair_distances_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let k = (group.x + group.y * groups.x) * 64u + lane;
  if (k >= params.n) {
    return;
  }
  let i = k / params.D;
  let d = k % params.D;
  var sum = 0.0;
  for (var j = 0u; j < params.M; j++) {
    let weight = w[i * params.row + j * params.column];
    if (weight > 0.0) {
      let gap = a[k] - b[j * params.D + d];
      sum += select(share[i], share[j], SHARE_OF_B) * weight * gap;
    }
  }
  var value = 2.0 * params.scale * dy[0] * sum;
  if (ADD) {
    value += da[k];
  }
  da[k] = value;
}
