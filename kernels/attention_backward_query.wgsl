// dq[n, i, h] = scale sum_j p_ij (dy[n, i, h] . v[n, j, h] - delta[n, h, i]) k[n, j, h]
// p_ij = exp(scale q_i . k_j - lse_i), delta = dy . y; qkv, dqkv: [N, T, 3, H, D], y, dy: [N, T, H, D]
// lse, delta: [N, H, T]; vectors in groups of four
override D4: u32 = 16u; // D / 4, 16 at most
override ADD: bool = false;

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

const TILE = 16u;

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> delta: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> keys: array<vec4f, 256>;
var<workgroup> values: array<vec4f, 256>;

@compute @workgroup_size(64)
fn attention_backward_query(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x * 64u + lane;
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.z * params.T * row + group.y * D4;
  let stored = (group.z * params.H + group.y) * params.T + i;
  var q: array<vec4f, 16>;
  var g: array<vec4f, 16>;
  var dq: array<vec4f, 16>;
  var along = 0.0;
  var total = 0.0;
  if (i < params.T) {
    let out = (group.z * params.T + i) * across + group.y * D4;
    var dots = vec4f(0.0);
    for (var d = 0u; d < D4; d++) {
      q[d] = qkv[base + i * row + d] * params.scale;
      g[d] = dy[out + d];
      dots = fma(g[d], y[out + d], dots);
    }
    along = dots.x + dots.y + dots.z + dots.w;
    total = lse[stored];
    delta[stored] = along;
  }
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
    for (var j = 0u; j < count; j++) {
      var s = vec4f(0.0);
      var dp = vec4f(0.0);
      for (var d = 0u; d < D4; d++) {
        s = fma(q[d], keys[j * D4 + d], s);
        dp = fma(g[d], values[j * D4 + d], dp);
      }
      let p = exp(s.x + s.y + s.z + s.w - total);
      let ds = p * (dp.x + dp.y + dp.z + dp.w - along);
      for (var d = 0u; d < D4; d++) {
        dq[d] = fma(vec4f(ds), keys[j * D4 + d], dq[d]);
      }
    }
    workgroupBarrier();
  }
  if (i < params.T) {
    for (var d = 0u; d < D4; d++) {
      var value = dq[d] * params.scale;
      if (ADD) {
        value += dqkv[base + i * row + d];
      }
      dqkv[base + i * row + d] = value;
    }
  }
}
