// dk[n, j, h] = scale ds[n, h, j] q[n, 0, h]
// ds_hj = r_hj dm_j - exp(s_hj) sum_l r_hl dm_l, r_hj = exp(s_hj - m_j) / H, which is at most 1; dm of the class is 0
// qkv, dqkv: [N, T, 3, H, D] in groups of four, s, ds: [N, H, T], m, dm: [N, T - 1]
// Without ADD all else of dqkv becomes 0. A workgroup is a head of an image.
override D4: u32 = 16u; // D / 4
override ADD: bool = false;

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> m: array<f32>;
@group(0) @binding(3) var<storage, read> dm: array<f32>;
@group(0) @binding(4) var<storage, read_write> ds: array<f32>;
@group(0) @binding(5) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn class_attention_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let across = params.H * D4;
  let row = 3u * across;
  let base = group.y * params.T * row + group.x * D4;
  let stored = (group.y * params.H + group.x) * params.T;
  let mean = group.y * (params.T - 1u);
  var sum = 0.0;
  for (var j = 1u + lane; j < params.T; j += 64u) {
    let l = mean + j - 1u;
    let value = exp(s[stored + j] - m[l]) / f32(params.H) * dm[l];
    ds[stored + j] = value;
    sum += value;
  }
  if (lane == 0u) {
    ds[stored] = 0.0;
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  let whole = sums[0];
  storageBarrier();
  for (var j = lane; j < params.T; j += 64u) {
    ds[stored + j] -= exp(s[stored + j]) * whole;
  }
  storageBarrier();
  for (var e = lane; e < params.T * D4; e += 64u) {
    let j = e / D4;
    let d = e % D4;
    let at = base + j * row + d;
    let value = qkv[base + d] * (params.scale * ds[stored + j]);
    if (ADD) {
      dqkv[at + across] += value;
    } else {
      dqkv[at] = vec4f(0.0);
      dqkv[at + across] = value;
      dqkv[at + 2u * across] = vec4f(0.0);
    }
  }
}
