// y[n, 2 i + a, 2 j + b, k] (+)= (A^T m[:, t, k] A)[a, b] + bias[k]   m: [16, T, K], y: [N, P, Q, K], t = (n TP + i) TQ + j
// With RESIDUAL and RELU, y = relu(that + residual). A^T = [1, 1, 1, 0; 0, 1, -1, -1]
struct Params {
  P: u32,
  Q: u32,
  K: u32,
  T: u32, // N TP TQ
  TP: u32,
  TQ: u32,
}

// How residual and y are stored: f32 or f16.
alias Z = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>; // [K]
@group(0) @binding(2) var<storage, read> residual: array<Z>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
@group(0) @binding(4) var<uniform> params: Params;

/// 1: with bias; 0: it is not read.
override BIAS = 0u;
/// 1: add to what y holds.
override ADD = 0u;
override RESIDUAL = 0u;
override RELU = 0u;

/// A row of the 4 x 4 products.
fn row(r: u32, i: u32) -> vec4f {
  let plane = params.T * params.K;
  let at = r * 4u * plane + i;
  return vec4f(m[at], m[at + plane], m[at + 2u * plane], m[at + 3u * plane]);
}

fn store(n: u32, p: u32, q: u32, k: u32, value: f32) {
  if (p >= params.P || q >= params.Q) { return; }
  let at = ((n * params.P + p) * params.Q + q) * params.K + k;
  var sum = value;
  if (BIAS == 1u) { sum += bias[k]; }
  if (ADD == 1u) { sum += f32(y[at]); }
  if (RESIDUAL == 1u) { sum += f32(residual[at]); }
  // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
  if (RELU == 1u && (bitcast<u32>(sum) & 0x7fffffffu) < 0x7f800000u) { sum = max(sum, 0.0); }
  y[at] = Y(sum);
}

@compute @workgroup_size(64)
fn winograd_output(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * groups.x) * 64u + lane;
  if (index >= params.T * params.K) { return; }
  let t = index / params.K;
  let k = index - t * params.K;
  let ni = t / params.TQ;
  let j = t - ni * params.TQ;
  let n = ni / params.TP;
  let i = ni - n * params.TP;
  let m1 = row(1u, index);
  let m2 = row(2u, index);
  let upper = row(0u, index) + m1 + m2;
  let lower = m1 - m2 - row(3u, index);
  store(n, 2u * i, 2u * j, k, upper.x + upper.y + upper.z);
  store(n, 2u * i, 2u * j + 1u, k, upper.y - upper.z - upper.w);
  store(n, 2u * i + 1u, 2u * j, k, lower.x + lower.y + lower.z);
  store(n, 2u * i + 1u, 2u * j + 1u, k, lower.y - lower.z - lower.w);
}
