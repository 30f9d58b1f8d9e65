// y[n, i, h] = sum_j softmax_j(scale q[n, i, h] . k[n, j, h]) v[n, j, h], scale = 1 / sqrt(D)
// qkv: [N, T, 3, H, D], y: [N, T, H, D], lse: [N, H, T] (logarithms of the sums), all in groups of four.
// An invocation is a query; keys and values pass by in tiles, so no [T, T] is kept (Milakov and Gimelshein
// 2018, arXiv 1805.02867; Dao et al. 2022, arXiv 2205.14135).
override D4: u32 = 16u; // D / 4, 16 at most

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

const TILE = 16u;

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> keys: array<vec4f, 256>;
var<workgroup> values: array<vec4f, 256>;

@compute @workgroup_size(64)
fn attention(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x * 64u + lane;
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.z * params.T * row + group.y * D4;
  var q: array<vec4f, 16>;
  var sum: array<vec4f, 16>;
  if (i < params.T) {
    for (var d = 0u; d < D4; d++) {
      q[d] = qkv[base + i * row + d] * params.scale;
    }
  }
  var most = -3.4e38;
  var whole = 0.0;
  for (var first = 0u; first < params.T; first += TILE) {
    for (var e = lane; e < TILE * D4; e += 64u) {
      let j = first + e / D4;
      if (j < params.T) {
        let at = base + j * row + across + e % D4;
        keys[e] = qkv[at];
        values[e] = qkv[at + across];
      }
    }
    workgroupBarrier();
    let count = min(TILE, params.T - first);
    var s: array<f32, 16>;
    var next = most;
    for (var j = 0u; j < count; j++) {
      var dots = vec4f(0.0);
      for (var d = 0u; d < D4; d++) {
        dots = fma(q[d], keys[j * D4 + d], dots);
      }
      s[j] = dots.x + dots.y + dots.z + dots.w;
      next = max(next, s[j]);
    }
    let shrink = exp(most - next);
    whole *= shrink;
    for (var d = 0u; d < D4; d++) {
      sum[d] *= shrink;
    }
    for (var j = 0u; j < count; j++) {
      let p = exp(s[j] - next);
      whole += p;
      for (var d = 0u; d < D4; d++) {
        sum[d] = fma(vec4f(p), values[j * D4 + d], sum[d]);
      }
    }
    most = next;
    workgroupBarrier();
  }
  if (i < params.T) {
    for (var d = 0u; d < D4; d++) {
      y[(group.z * params.T + i) * across + group.y * D4 + d] = sum[d] / whole;
    }
    lse[(group.z * params.H + group.y) * params.T + i] = most + log(whole);
  }
}
