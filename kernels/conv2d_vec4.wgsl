// y[n, p, q, k] (+)= b[k] + sum_rsc x[n, p*U+r-top, q*U+s-left, c] w[r, s, c, k]   x: [N, H, W, C]  w: [R, S, C, K]  y: [N, P, Q, K], its pixels at any distance
// With RESIDUAL and RELU, y = relu(that + residual), of the shape and the distances of y.
// With STATISTICS, partial[j, k] = mean of y over the workgroup's pixels, sum of (y - mean)^2   partial: [J, K] pairs
// Implicit matrix product through shared memory in vectors of four, so C and K are multiples of 4: a workgroup
// computes 8 TY pixels of 8 TX channels k, 16 neighbours in (s, c) at a time; an invocation 8 pixels, TY apart,
// of 4 channels and of 4 more 4 TX further on.
struct Params {
  pixels: u32, // N P Q
  P: u32,
  Q: u32,
  H: i32,
  WC: i32, // W C
  R: i32,
  SC: i32, // S C
  K: u32,
  stride: i32, // U
  column: i32, // U C
  image: i32, // H W C
  top: i32,
  left: i32, // times C
  weights: u32, // first element of w
  y_first: u32, // elements of y: first pixel, distance of images, rows, columns
  y_image: u32,
  y_row: u32,
  y_column: u32,
}

// How x, residual and y are stored: f32 or f16.
alias X = f32;
alias Z = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>; // [K]
@group(0) @binding(3) var<storage, read> residual: array<vec4<Z>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Y>>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(6) var<uniform> params: Params;

/// Invocations along k and along the pixels.
override TX = 8u;
override TY = 8u;
/// 1: with b; 0: b is not read.
override BIAS = 0u;
/// 1: add to what y holds.
override ADD = 0u;
override RESIDUAL = 0u;
override RELU = 0u;
override STATISTICS = 0u;

const DEPTH = 16u;
/// Vectors of a pixel in the tile, one more than it has: rows then begin in different banks.
const ROW = 5u;

var<workgroup> a_tile: array<vec4f, 8u * TY * ROW>; // [pixels, DEPTH / 4 + 1]
var<workgroup> b_tile: array<vec4f, DEPTH * TX * 2u>; // [DEPTH, k / 4]
var<workgroup> pixel: array<vec4i, 8u * TY>; // row of the first tap, its element in the row, in x, in y

// Sums of pixel i with the first four channels (u) and the last four (v).
var<private> u0: vec4f; var<private> v0: vec4f; var<private> u4: vec4f; var<private> v4: vec4f;
var<private> u1: vec4f; var<private> v1: vec4f; var<private> u5: vec4f; var<private> v5: vec4f;
var<private> u2: vec4f; var<private> v2: vec4f; var<private> u6: vec4f; var<private> v6: vec4f;
var<private> u3: vec4f; var<private> v3: vec4f; var<private> u7: vec4f; var<private> v7: vec4f;

fn place(m: u32) -> vec4i {
  if (m >= params.pixels) { return vec4i(-0x1000000, -0x1000000, 0, -1); }
  let np = m / params.Q;
  let q = m - np * params.Q;
  let n = np / params.P;
  let p = np - n * params.P;
  let h = i32(p) * params.stride - params.top;
  let j = i32(q) * params.column - params.left;
  let out = params.y_first + n * params.y_image + p * params.y_row + q * params.y_column;
  return vec4i(h, j, i32(n) * params.image + h * params.WC + j, i32(out));
}

fn load(r: i32, chunk: i32, k: u32, thread: u32) {
  let i = thread & 3u;
  let j = chunk + i32(i * 4u);
  for (var row = thread >> 2u; row < 8u * TY; row += TX * TY / 4u) {
    let o = pixel[row];
    let inside = u32(o.x + r) < u32(params.H) && u32(o.y + j) < u32(params.WC) && j < params.SC;
    let at = select(0, o.z + r * params.WC + j, inside) >> 2u;
    a_tile[row * ROW + i] = select(vec4f(0.0), vec4f(x[at]), inside);
  }
  let columns = TX * 2u;
  for (var e = thread; e < DEPTH * columns; e += TX * TY) {
    let d = e / columns;
    let at = k + (e - d * columns) * 4u;
    let inside = at < params.K && chunk + i32(d) < params.SC;
    let element = params.weights + u32(r * params.SC + chunk + i32(d)) * params.K + at;
    b_tile[e] = select(vec4f(0.0), w[select(0u, element, inside) >> 2u], inside);
  }
}

/// Adds one neighbour's products: a holds its value at pixels 0 to 3, c at pixels 4 to 7.
fn outer(a: vec4f, c: vec4f, at: u32) {
  let bu = b_tile[at];
  let bv = b_tile[at + TX];
  u0 = fma(vec4f(a.x), bu, u0); v0 = fma(vec4f(a.x), bv, v0);
  u1 = fma(vec4f(a.y), bu, u1); v1 = fma(vec4f(a.y), bv, v1);
  u2 = fma(vec4f(a.z), bu, u2); v2 = fma(vec4f(a.z), bv, v2);
  u3 = fma(vec4f(a.w), bu, u3); v3 = fma(vec4f(a.w), bv, v3);
  u4 = fma(vec4f(c.x), bu, u4); v4 = fma(vec4f(c.x), bv, v4);
  u5 = fma(vec4f(c.y), bu, u5); v5 = fma(vec4f(c.y), bv, v5);
  u6 = fma(vec4f(c.z), bu, u6); v6 = fma(vec4f(c.z), bv, v6);
  u7 = fma(vec4f(c.w), bu, u7); v7 = fma(vec4f(c.w), bv, v7);
}

fn multiply(tx: u32, ty: u32) {
  for (var i = 0u; i < DEPTH / 4u; i++) {
    let first = ty * ROW + i;
    let next = TY * ROW;
    let a0 = a_tile[first];
    let a1 = a_tile[first + next];
    let a2 = a_tile[first + 2u * next];
    let a3 = a_tile[first + 3u * next];
    let a4 = a_tile[first + 4u * next];
    let a5 = a_tile[first + 5u * next];
    let a6 = a_tile[first + 6u * next];
    let a7 = a_tile[first + 7u * next];
    let at = i * 8u * TX + tx;
    outer(vec4f(a0.x, a1.x, a2.x, a3.x), vec4f(a4.x, a5.x, a6.x, a7.x), at);
    outer(vec4f(a0.y, a1.y, a2.y, a3.y), vec4f(a4.y, a5.y, a6.y, a7.y), at + 2u * TX);
    outer(vec4f(a0.z, a1.z, a2.z, a3.z), vec4f(a4.z, a5.z, a6.z, a7.z), at + 4u * TX);
    outer(vec4f(a0.w, a1.w, a2.w, a3.w), vec4f(a4.w, a5.w, a6.w, a7.w), at + 6u * TX);
  }
}

fn store(row: u32, k: u32, value: vec4f) {
  let to = pixel[row].w;
  if (to == -1 || k >= params.K) { return; }
  let at = (u32(to) + k) >> 2u;
  var sum = value;
  if (BIAS == 1u) { sum += b[k >> 2u]; }
  if (ADD == 1u) { sum += vec4f(y[at]); }
  if (RESIDUAL == 1u) { sum += vec4f(residual[at]); }
  // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
  if (RELU == 1u) {
    let finite = (bitcast<vec4u>(sum) & vec4u(0x7fffffffu)) < vec4u(0x7f800000u);
    sum = select(sum, max(sum, vec4f(0.0)), finite);
  }
  y[at] = vec4<Y>(sum);
}

/// Of a workgroup's pixels, those of the invocations in row `ty`.
fn present(first: u32, ty: u32) -> u32 {
  let left = clamp(params.pixels, first, first + 8u * TY) - first;
  return (left + TY - 1u - min(ty, left + TY - 1u)) / TY;
}

fn square(value: vec4f, mean: vec4f, counts: bool) -> vec4f {
  let distance = select(vec4f(0.0), value - mean, counts);
  return distance * distance;
}

/// Merges what the invocations of one column left in the tiles, in their order, by Chan's formula.
fn merge_rows(first: u32, k: u32, x: u32) {
  var count = f32(present(first, 0u));
  var mean = a_tile[x];
  var squares = b_tile[x];
  for (var ty = 1u; ty < TY; ty++) {
    let n = f32(present(first, ty));
    let total = max(1.0, count + n);
    let distance = a_tile[ty * TX + x] - mean;
    mean += distance * (n / total);
    squares += b_tile[ty * TX + x] + distance * distance * (count * n / total);
    count += n;
  }
  if (k < params.K) {
    let to = first / (8u * TY) * params.K + k;
    partial[to] = vec2f(mean.x, squares.x);
    partial[to + 1u] = vec2f(mean.y, squares.y);
    partial[to + 2u] = vec2f(mean.z, squares.z);
    partial[to + 3u] = vec2f(mean.w, squares.w);
  }
}

/// Statistics of four channels from `k` over the workgroup's pixels: first those of each invocation, a to h.
fn store_statistics(
  first: u32, k: u32, id: vec3u,
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f,
) {
  let count = present(first, id.y);
  let none = vec4f(0.0);
  let sums = select(none, a, count > 0u) + select(none, b, count > 1u) + select(none, c, count > 2u) +
    select(none, d, count > 3u) + select(none, e, count > 4u) + select(none, f, count > 5u) +
    select(none, g, count > 6u) + select(none, h, count > 7u);
  let mean = sums / f32(max(1u, count));
  let squares = square(a, mean, count > 0u) + square(b, mean, count > 1u) + square(c, mean, count > 2u) +
    square(d, mean, count > 3u) + square(e, mean, count > 4u) + square(f, mean, count > 5u) +
    square(g, mean, count > 6u) + square(h, mean, count > 7u);
  workgroupBarrier();
  a_tile[id.y * TX + id.x] = mean;
  b_tile[id.y * TX + id.x] = squares;
  workgroupBarrier();
  if (id.y == 0u) { merge_rows(first, k, id.x); }
}

@compute @workgroup_size(TX, TY)
fn conv2d_vec4(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let thread = id.y * TX + id.x;
  let first = (group.y + group.z * 32768u) * TY * 8u;
  for (var row = thread; row < TY * 8u; row += TX * TY) {
    pixel[row] = place(first + row);
  }
  let k = group.x * TX * 8u;
  for (var r = 0; r < params.R; r++) {
    for (var chunk = 0; chunk < params.SC; chunk += i32(DEPTH)) {
      workgroupBarrier();
      load(r, chunk, k, thread);
      workgroupBarrier();
      multiply(id.x, id.y);
    }
  }
  workgroupBarrier();
  let low = k + id.x * 4u;
  let high = low + TX * 4u;
  store(id.y, low, u0); store(id.y, high, v0);
  store(id.y + TY, low, u1); store(id.y + TY, high, v1);
  store(id.y + 2u * TY, low, u2); store(id.y + 2u * TY, high, v2);
  store(id.y + 3u * TY, low, u3); store(id.y + 3u * TY, high, v3);
  store(id.y + 4u * TY, low, u4); store(id.y + 4u * TY, high, v4);
  store(id.y + 5u * TY, low, u5); store(id.y + 5u * TY, high, v5);
  store(id.y + 6u * TY, low, u6); store(id.y + 6u * TY, high, v6);
  store(id.y + 7u * TY, low, u7); store(id.y + 7u * TY, high, v7);
  if (STATISTICS == 1u) {
    store_statistics(first, low, id, u0, u1, u2, u3, u4, u5, u6, u7);
    store_statistics(first, high, id, v0, v1, v2, v3, v4, v5, v6, v7);
  }
}
