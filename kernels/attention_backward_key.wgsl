// dk[n, j, h] = scale sum_i p_ij (dy_i . v_j - delta_i) q[n, i, h], or with VALUES dv[n, j, h] = sum_i p_ij dy_i
// p_ij = exp(scale q_i . k_j - lse_i); qkv, dqkv: [N, T, 3, H, D], dy: [N, T, H, D], lse, delta: [N, H, T]
// An invocation is a key; vectors in groups of four. Two launches, since one would need twice the registers.
override D4: u32 = 16u; // D / 4, 16 at most
override VALUES: bool = false;
override ADD: bool = false;

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

const TILE = 16u;

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> queries: array<vec4f, 256>;
var<workgroup> gradients: array<vec4f, 256>;
var<workgroup> totals: array<f32, 16>;
var<workgroup> deltas: array<f32, 16>;

@compute @workgroup_size(64)
fn attention_backward_key(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let j = group.x * 64u + lane;
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.z * params.T * row + group.y * D4;
  let stored = (group.z * params.H + group.y) * params.T;
  var k: array<vec4f, 16>;
  var v: array<vec4f, 16>;
  var sum: array<vec4f, 16>;
  if (j < params.T) {
    for (var d = 0u; d < D4; d++) {
      k[d] = qkv[base + j * row + across + d] * params.scale;
      if (!VALUES) {
        v[d] = qkv[base + j * row + 2u * across + d];
      }
    }
  }
  for (var first = 0u; first < params.T; first += TILE) {
    for (var e = lane; e < TILE * D4; e += 64u) {
      let i = first + e / D4;
      if (i < params.T) {
        queries[e] = qkv[base + i * row + e % D4];
        gradients[e] = dy[(group.z * params.T + i) * across + group.y * D4 + e % D4];
      }
    }
    if (lane < TILE && first + lane < params.T) {
      totals[lane] = lse[stored + first + lane];
      deltas[lane] = delta[stored + first + lane];
    }
    workgroupBarrier();
    let count = min(TILE, params.T - first);
    for (var i = 0u; i < count; i++) {
      var s = vec4f(0.0);
      for (var d = 0u; d < D4; d++) {
        s = fma(k[d], queries[i * D4 + d], s);
      }
      let p = exp(s.x + s.y + s.z + s.w - totals[i]);
      if (VALUES) {
        for (var d = 0u; d < D4; d++) {
          sum[d] = fma(vec4f(p), gradients[i * D4 + d], sum[d]);
        }
      } else {
        var dp = vec4f(0.0);
        for (var d = 0u; d < D4; d++) {
          dp = fma(v[d], gradients[i * D4 + d], dp);
        }
        let ds = p * (dp.x + dp.y + dp.z + dp.w - deltas[i]);
        for (var d = 0u; d < D4; d++) {
          sum[d] = fma(vec4f(ds), queries[i * D4 + d], sum[d]);
        }
      }
    }
    workgroupBarrier();
  }
  if (j < params.T) {
    let to = base + j * row + select(1u, 2u, VALUES) * across;
    for (var d = 0u; d < D4; d++) {
      var value = sum[d] * select(params.scale, 1.0, VALUES);
      if (ADD) {
        value += dqkv[to + d];
      }
      dqkv[to + d] = value;
    }
  }
}
