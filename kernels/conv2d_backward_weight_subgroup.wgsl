// dw[z, r, s, c, k] (+)= sum_npq x[n, p*U+r-top, q*U+s-left, c] dy[n, p, q, k] over the z-th share of the images n   x: [N, H, W, C]  dy: [N, P, Q, K]
// For subgroups of 8 lanes, without shared memory: a workgroup is one subgroup and computes 8 GROUPS
// neighbours in (s, c) by 8 COLUMNS channels k. Per pixel the lanes load the neighbours of x and hand them round,
// and neighbours in k of dy. Pixels whose tap lies out of the image are left out of the loops.
struct Params {
  N: i32,
  share: i32, // images of a share
  H: i32,
  W: i32,
  C: i32,
  R: i32,
  SC: i32, // S C
  P: i32,
  Q: i32,
  K: i32,
  stride: i32, // U
  top: i32,
  left: i32,
  images: u32, // 1: the innermost loop is along the images; 0: along a row of pixels
  add: u32, // 1: add to what dw holds
}

// How x and dy are stored: f32 or f16.
alias X = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dy: array<Y>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

/// Neighbours in (s, c) of a workgroup in eights: 1, 2 or 4.
override GROUPS = 4u;
/// Channels of a workgroup in eights: 1, 2 or 4.
override COLUMNS = 4u;
/// 1: the neighbours may belong to several taps, since C is no multiple of 8 GROUPS.
override MIXED = 0u;
// Sums of the neighbours of a group, the first four (c) and the last four (d): a column each for k, k + 8,
// k + 16, k + 24.
var<private> c0: mat4x4f; var<private> d0: mat4x4f;
var<private> c1: mat4x4f; var<private> d1: mat4x4f;
var<private> c2: mat4x4f; var<private> d2: mat4x4f;
var<private> c3: mat4x4f; var<private> d3: mat4x4f;

fn low(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 0u), subgroupShuffle(a, 1u), subgroupShuffle(a, 2u), subgroupShuffle(a, 3u));
}

fn high(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 4u), subgroupShuffle(a, 5u), subgroupShuffle(a, 6u), subgroupShuffle(a, 7u));
}

/// sum + a b^T, in the columns that are used.
fn outer(sum: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  let first = fma(a, vec4f(b.x), sum[0]);
  if (COLUMNS == 1u) { return mat4x4f(first, sum[1], sum[2], sum[3]); }
  let second = fma(a, vec4f(b.y), sum[1]);
  if (COLUMNS == 2u) { return mat4x4f(first, second, sum[2], sum[3]); }
  return mat4x4f(first, second, fma(a, vec4f(b.z), sum[2]), fma(a, vec4f(b.w), sum[3]));
}

/// Adds the products of each group's neighbours, one a lane, with dy from element `at`.
fn step(a0: f32, a1: f32, a2: f32, a3: f32, at: i32) {
  var b = vec4f(f32(dy[at]), 0.0, 0.0, 0.0);
  if (COLUMNS > 1u) { b.y = f32(dy[at + 8]); }
  if (COLUMNS > 2u) { b.z = f32(dy[at + 16]); b.w = f32(dy[at + 24]); }
  c0 = outer(c0, low(a0), b); d0 = outer(d0, high(a0), b);
  if (GROUPS > 1u) { c1 = outer(c1, low(a1), b); d1 = outer(d1, high(a1), b); }
  if (GROUPS > 2u) {
    c2 = outer(c2, low(a2), b); d2 = outer(d2, high(a2), b);
    c3 = outer(c3, low(a3), b); d3 = outer(d3, high(a3), b);
  }
}

/// a / b rounded down, exact for a up to 2^20; integer division is slow.
fn quotient(a: i32, b: i32) -> i32 {
  return i32((f32(a) + 0.5) / f32(b));
}

/// First p with p*U + tap - pad >= 0, and end of those with p*U + tap - pad < size.
fn range(tap: i32, pad: i32, size: i32, count: i32) -> vec2i {
  let U = params.stride;
  let start = quotient(max(0, pad - tap) + U - 1, U);
  return vec2i(start, min(count, quotient(max(0, size + pad - tap) + U - 1, U)));
}

fn store(k: i32, j: i32, base: i32, c: vec4f, d: vec4f) {
  store_one(k, j, base, c.x);
  store_one(k, j + 1, base, c.y);
  store_one(k, j + 2, base, c.z);
  store_one(k, j + 3, base, c.w);
  store_one(k, j + 4, base, d.x);
  store_one(k, j + 5, base, d.y);
  store_one(k, j + 6, base, d.z);
  store_one(k, j + 7, base, d.w);
}

fn store_one(k: i32, j: i32, base: i32, value: f32) {
  if (MIXED == 0u || j < params.SC) {
    let at = (base + j) * params.K + k;
    if (params.add == 1u) { dw[at] += value; } else { dw[at] = value; }
  }
}

/// Stores the sums in c0 and d0, column by column.
fn store_group(k: i32, end: i32, j: i32, base: i32) {
  for (var i = k; i < end; i += 8) {
    store(i, j, base, c0[0], d0[0]);
    c0 = mat4x4f(c0[1], c0[2], c0[3], c0[3]);
    d0 = mat4x4f(d0[1], d0[2], d0[3], d0[3]);
  }
}

@compute @workgroup_size(8)
fn conv2d_backward_weight_subgroup(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = i32(group.x * COLUMNS * 8u + lane);
  let j = i32(group.y * GROUPS) * 8;
  let z = quotient(i32(group.z), params.R);
  let r = i32(group.z) - z * params.R;
  let WC = params.W * params.C;
  let image = params.H * WC;
  let column = params.stride * params.C;
  let offset = j + i32(lane) - params.left * params.C; // of the lane's value in its row, for q = 0
  let rows = range(r, params.top, params.H, params.P);
  var columns = vec2i(0, params.Q);
  if (MIXED == 0u) { columns = range(quotient(j, params.C), params.left, params.W, params.Q); }
  let images = vec2i(z * params.share, min(params.N, (z + 1) * params.share));
  let outer = select(images, columns, params.images == 1u);
  let inner = select(columns, images, params.images == 1u);
  for (var p = rows.x; p < rows.y; p++) {
    for (var o = outer.x; o < outer.y; o++) {
      for (var i = inner.x; i < inner.y; i++) {
        let n = select(o, i, params.images == 1u);
        let q = select(i, o, params.images == 1u);
        let e = q * column + offset;
        let at = n * image + (p * params.stride + r - params.top) * WC + e;
        let a0 = value(at, e, WC);
        var a1 = 0.0;
        var a2 = 0.0;
        var a3 = 0.0;
        if (GROUPS > 1u) { a1 = value(at + 8, e + 8, WC); }
        if (GROUPS > 2u) { a2 = value(at + 16, e + 16, WC); a3 = value(at + 24, e + 24, WC); }
        step(a0, a1, a2, a3, ((n * params.P + p) * params.Q + q) * params.K + k);
      }
    }
  }
  let base = (z * params.R + r) * params.SC;
  let end = min(i32((group.x + 1u) * COLUMNS * 8u), params.K);
  for (var i = j; i < min(j + i32(GROUPS) * 8, params.SC); i += 8) {
    store_group(k, end, i, base);
    c0 = c1; d0 = d1;
    c1 = c2; d1 = d2;
    c2 = c3; d2 = d3;
  }
}

/// x at element `at`, or 0 out of the row, of which that is element `e`.
fn value(at: i32, e: i32, WC: i32) -> f32 {
  if (MIXED == 0u) { return f32(x[at]); }
  let inside = u32(e) < u32(WC);
  return select(0.0, f32(x[select(0, at, inside)]), inside);
}
