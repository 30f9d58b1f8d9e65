// y[n, p, q, k] (+)= b[k] + sum_rsc x[n, p*U+r-top, q*U+s-left, c] w[r, s, c, k]   x: [N, H, W, C]  w: [R, S, C, K]  y: [N, P, Q, K], its pixels at any distance
// With RESIDUAL and RELU, y = relu(that + residual), of the shape and the distances of y.
// With STATISTICS, partial[g, j, k] = mean of y over the workgroup's pixels, sum of (y - mean)^2   partial: [G, J, K] pairs
// For subgroups of 8 lanes, without shared memory: a workgroup is one subgroup and computes 8 GROUPS pixels
// of 8 COLUMNS channels k. For each of the (r, s, c) the lanes load x of 8 pixels, which they hand round, and w of
// 8 neighbours in k. Loops are not unrolled: short code is faster there than saved steps.
// If n counts fastest among the pixels, those of a workgroup reach out of the image together, and the taps
// there are left out; if q does, their values lie near each other.
struct Params {
  pixels: u32, // N P Q
  N: u32,
  P: u32,
  Q: u32,
  H: i32,
  WC: i32, // elements of a row of x
  R: i32,
  SC: i32, // S C
  K: u32,
  stride: i32, // U
  column: i32, // elements of x from q to q + 1
  image: i32, // elements of an image of x
  top: i32,
  left: i32, // in elements of x
  weights: u32, // first element of w
  y_first: u32, // elements of y: first pixel, distance of images, rows, columns
  y_image: u32,
  y_row: u32,
  y_column: u32,
  images: u32, // 1: n counts fastest among the pixels, 0: q does
  bias: u32, // 1: with b; 0: b is not read
  add: u32, // 1: add to what y holds
  span: u32, // of partial: workgroups along the images of one g, if n counts fastest and G > 1; else 0
  G: u32,
}

// How x, residual and y are stored: f32 or f16.
alias X = f32;
alias Z = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>; // [K]
@group(0) @binding(3) var<storage, read> residual: array<Z>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(6) var<uniform> params: Params;

/// Pixels of a workgroup in eights: 1, 2 or 4.
override GROUPS = 4u;
/// Channels of a workgroup in eights: 1, 2 or 4.
override COLUMNS = 4u;
/// 1: some tap reaches out of the image.
override CHECK = 1u;
override RESIDUAL = 0u;
override RELU = 0u;
override STATISTICS = 0u;
const NONE = 0xffffffffu;

// Sums of the pixels of a group, the first four (c) and the last four (d): a column each for k, k + 8,
// k + 16, k + 24.
var<private> c0: mat4x4f; var<private> d0: mat4x4f;
var<private> c1: mat4x4f; var<private> d1: mat4x4f;
var<private> c2: mat4x4f; var<private> d2: mat4x4f;
var<private> c3: mat4x4f; var<private> d3: mat4x4f;

/// a / b, rounded down; integer division is slow.
fn quotient(a: u32, b: u32) -> u32 {
  let c = u32(f32(a) / f32(b));
  let d = c - select(0u, 1u, c * b > a);
  return d + select(0u, 1u, a - d * b >= b);
}

/// Of the m-th pixel: row of its first tap, that tap's element in its row of x and in x, its element of y.
fn place(m: u32) -> vec4i {
  let inner = select(params.Q, params.N, params.images == 1u);
  let middle = select(params.P, params.Q, params.images == 1u);
  let rest = quotient(m, inner);
  let i = m - rest * inner;
  let outer = quotient(rest, middle);
  let j = rest - outer * middle;
  let n = select(outer, i, params.images == 1u);
  let p = select(j, outer, params.images == 1u);
  let q = select(i, j, params.images == 1u);
  let h = i32(p) * params.stride - params.top;
  let e = i32(q) * params.column - params.left;
  let start = i32(n) * params.image + h * params.WC + e;
  let out = params.y_first + n * params.y_image + p * params.y_row + q * params.y_column;
  let none = vec4i(-0x1000000, -0x1000000, 0, i32(NONE));
  return select(none, vec4i(h, e, start, i32(out)), m < params.pixels);
}

/// Row r of the filter at a pixel: its first element in its row of x and in x, and how many that row has.
fn tap(o: vec4i, r: i32) -> vec3i {
  let inside = u32(o.x + r) < u32(params.H);
  return vec3i(o.y, o.z + r * params.WC, select(0, params.WC, inside));
}

fn load(t: vec3i, j: i32) -> f32 {
  if (CHECK == 0u) { return f32(x[t.y + j]); }
  let inside = u32(t.x + j) < u32(t.z);
  return select(0.0, f32(x[select(0, t.y + j, inside)]), inside);
}

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

/// Adds the products of each group's pixels, one a lane, with w from element `at`.
fn step(a0: f32, a1: f32, a2: f32, a3: f32, at: u32) {
  var b = vec4f(w[at], 0.0, 0.0, 0.0);
  if (COLUMNS > 1u) { b.y = w[at + 8u]; }
  if (COLUMNS > 2u) { b.z = w[at + 16u]; b.w = w[at + 24u]; }
  c0 = outer(c0, low(a0), b); d0 = outer(d0, high(a0), b);
  if (GROUPS > 1u) { c1 = outer(c1, low(a1), b); d1 = outer(d1, high(a1), b); }
  if (GROUPS > 2u) {
    c2 = outer(c2, low(a2), b); d2 = outer(d2, high(a2), b);
    c3 = outer(c3, low(a3), b); d3 = outer(d3, high(a3), b);
  }
}

fn store_one(to: u32, k: u32, value: f32) {
  if (to != NONE && k < params.K) {
    var sum = value;
    if (RESIDUAL == 1u) { sum += f32(residual[to + k]); }
    // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
    if (RELU == 1u && (bitcast<u32>(sum) & 0x7fffffffu) < 0x7f800000u) { sum = max(sum, 0.0); }
    if (params.add == 1u) { sum += f32(y[to + k]); }
    y[to + k] = Y(sum);
  }
}

fn store(o: vec4i, k: u32, c: vec4f, d: vec4f) {
  var bias = 0.0;
  if (params.bias == 1u) { bias = b[min(k, params.K - 1u)]; }
  let to = u32(o.w);
  store_one(subgroupShuffle(to, 0u), k, c.x + bias);
  store_one(subgroupShuffle(to, 1u), k, c.y + bias);
  store_one(subgroupShuffle(to, 2u), k, c.z + bias);
  store_one(subgroupShuffle(to, 3u), k, c.w + bias);
  store_one(subgroupShuffle(to, 4u), k, d.x + bias);
  store_one(subgroupShuffle(to, 5u), k, d.y + bias);
  store_one(subgroupShuffle(to, 6u), k, d.z + bias);
  store_one(subgroupShuffle(to, 7u), k, d.w + bias);
}

/// Stores the sums in c0 and d0, column by column.
fn store_group(o: vec4i, first: u32, end: u32, lane: u32) {
  for (var k = first; k < end; k += 8u) {
    store(o, k + lane, c0[0], d0[0]);
    c0 = mat4x4f(c0[1], c0[2], c0[3], c0[3]);
    d0 = mat4x4f(d0[1], d0[2], d0[3], d0[3]);
  }
}

/// Which of four pixels of a workgroup, from `pixel` on, there are.
fn mask(pixel: u32, count: u32) -> vec4f {
  return select(vec4f(0.0), vec4f(1.0), vec4u(pixel, pixel + 1u, pixel + 2u, pixel + 3u) < vec4u(count));
}

fn square(among: vec4f, distance: vec4f) -> f32 {
  return dot(among * distance, distance);
}

/// Mean of one channel over `count` pixels, and the squares about it.
fn spread(count: u32, c: mat4x4f, d: mat4x4f) -> vec2f {
  let n = f32(count);
  let a = mat4x4f(mask(0u, count), mask(8u, count), mask(16u, count), mask(24u, count));
  let b = mat4x4f(mask(4u, count), mask(12u, count), mask(20u, count), mask(28u, count));
  let sums = a[0] * c[0] + b[0] * d[0] + a[1] * c[1] + b[1] * d[1] + a[2] * c[2] + b[2] * d[2] + a[3] * c[3] + b[3] * d[3];
  let mean = dot(sums, vec4f(1.0)) / n;
  let squares = square(a[0], c[0] - mean) + square(b[0], d[0] - mean) +
    square(a[1], c[1] - mean) + square(b[1], d[1] - mean) +
    square(a[2], c[2] - mean) + square(b[2], d[2] - mean) +
    square(a[3], c[3] - mean) + square(b[3], d[3] - mean);
  return vec2f(mean, squares);
}

fn store_spread(tile: u32, k: u32, count: u32, c: mat4x4f, d: mat4x4f) {
  if (k < params.K) { partial[tile * params.K + k] = spread(count, c, d); }
}

/// Place of a workgroup's statistics in [G, J].
fn place_of(tile: u32) -> u32 {
  if (params.span == 0u) { return tile; }
  let a = quotient(tile, params.span);
  let outer = quotient(a, params.G);
  let J = params.P * params.Q * params.span;
  return (a - outer * params.G) * J + outer * params.span + tile - a * params.span;
}

/// The statistics of each column's channel, before the sums are stored.
fn store_statistics(first: u32, k: u32) {
  let count = min(GROUPS * 8u, params.pixels - first);
  let tile = place_of(first / (GROUPS * 8u));
  store_spread(tile, k, count, mat4x4f(c0[0], c1[0], c2[0], c3[0]), mat4x4f(d0[0], d1[0], d2[0], d3[0]));
  if (COLUMNS > 1u) {
    store_spread(tile, k + 8u, count, mat4x4f(c0[1], c1[1], c2[1], c3[1]), mat4x4f(d0[1], d1[1], d2[1], d3[1]));
  }
  if (COLUMNS > 2u) {
    store_spread(tile, k + 16u, count, mat4x4f(c0[2], c1[2], c2[2], c3[2]), mat4x4f(d0[2], d1[2], d2[2], d3[2]));
    store_spread(tile, k + 24u, count, mat4x4f(c0[3], c1[3], c2[3], c3[3]), mat4x4f(d0[3], d1[3], d2[3], d3[3]));
  }
}

@compute @workgroup_size(8)
fn conv2d_subgroup(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.x * COLUMNS * 8u + lane;
  let first = (group.y + group.z * 32768u) * GROUPS * 8u;
  if (first >= params.pixels) { return; }
  var o0 = place(first + lane);
  var o1 = place(first + 8u + lane);
  var o2 = place(first + 16u + lane);
  let o3 = place(first + 24u + lane);
  var rows = vec2i(0, params.R);
  var columns = vec2i(0, params.SC);
  if (params.images == 1u) {
    let one = place(first);
    let other = place(min(first + GROUPS * 8u, params.pixels) - 1u);
    rows = vec2i(max(0, -other.x), min(params.R, params.H - one.x));
    if (one.x == other.x) {
      columns = vec2i(max(0, -other.y), min(params.SC, params.WC - one.y));
    }
  }
  for (var r = rows.x; r < rows.y; r++) {
    var at = params.weights + u32(r * params.SC + columns.x) * params.K + k;
    let t0 = tap(o0, r);
    let t1 = tap(o1, r);
    let t2 = tap(o2, r);
    let t3 = tap(o3, r);
    for (var j = columns.x; j < columns.y; j++) {
      let a0 = load(t0, j);
      var a1 = 0.0;
      var a2 = 0.0;
      var a3 = 0.0;
      if (GROUPS > 1u) { a1 = load(t1, j); }
      if (GROUPS > 2u) { a2 = load(t2, j); a3 = load(t3, j); }
      step(a0, a1, a2, a3, at);
      at += params.K;
    }
  }
  if (STATISTICS == 1u) { store_statistics(first, k); }
  let end = min((group.x + 1u) * COLUMNS * 8u, params.K);
  for (var m = first; m < min(first + GROUPS * 8u, params.pixels); m += 8u) {
    store_group(o0, group.x * COLUMNS * 8u, end, lane);
    o0 = o1; c0 = c1; d0 = d1;
    o1 = o2; c1 = c2; d1 = d2;
    o2 = o3; c2 = c3; d2 = d3;
  }
}
