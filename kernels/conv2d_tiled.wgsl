// y[n, p, q, k] (+)= b[k] + sum_rsc x[n, p*U+r-top, q*U+s-left, c] w[r, s, c, k]   x: [N, H, W, C]  w: [R, S, C, K]  y: [N, P, Q, K], its pixels at any distance
// With RESIDUAL and RELU, y = relu(that + residual), of the shape and the distances of y.
// With STATISTICS, partial[j, k] = mean of y over the workgroup's pixels, sum of (y - mean)^2   partial: [J, K] pairs
// Implicit matrix product through shared memory: a workgroup computes ROWS TY pixels of COLS TX channels k,
// 16 neighbours in (s, c) at a time; an invocation ROWS pixels of COLS channels.
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
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>; // [K]
@group(0) @binding(3) var<storage, read> residual: array<Z>;
@group(0) @binding(4) var<storage, read_write> y: array<Y>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(6) var<uniform> params: Params;

/// Invocations along k and along the pixels.
override TX = 8u;
override TY = 8u;
/// Pixels and channels of an invocation: 4 or 8.
override ROWS = 8u;
override COLS = 8u;
/// 1: with b; 0: b is not read.
override BIAS = 0u;
/// 1: add to what y holds.
override ADD = 0u;
override RESIDUAL = 0u;
override RELU = 0u;
override STATISTICS = 0u;

const DEPTH = 16u;

var<workgroup> a_tile: array<vec4f, DEPTH * (TY * ROWS / 4u + 1u)>; // [DEPTH, pixels + 4]: rows begin in different banks
var<workgroup> b_tile: array<vec4f, DEPTH * TX * COLS / 4u>; // [DEPTH, k]
var<workgroup> pixel: array<vec4i, TY * ROWS>; // row of the first tap, its element in the row, in x, in y

// Sums of pixels i and i + 4 TY with the first four channels (u) and the last four (v).
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
  let pixels = TY * ROWS;
  let stride = pixels + 4u;
  let i = thread % DEPTH;
  let j = chunk + i32(i);
  for (var row = thread / DEPTH; row < pixels; row += TX * TY / DEPTH) {
    let o = pixel[row];
    let inside = u32(o.x + r) < u32(params.H) && u32(o.y + j) < u32(params.WC) && j < params.SC;
    let element = select(0, o.z + r * params.WC + j, inside);
    let to = i * stride + row;
    let lane = to & 3u;
    a_tile[to / 4u][lane] = select(0.0, f32(x[element]), inside);
  }
  let columns = TX * COLS;
  for (var e = thread; e < DEPTH * columns; e += TX * TY) {
    let d = e / columns;
    let at = k + e % columns;
    let inside = at < params.K && chunk + i32(d) < params.SC;
    let element = params.weights + u32(r * params.SC + chunk + i32(d)) * params.K + at;
    let lane = e & 3u;
    b_tile[e / 4u][lane] = select(0.0, w[select(0u, element, inside)], inside);
  }
}

fn multiply(tx: u32, ty: u32) {
  for (var d = 0u; d < DEPTH; d++) {
    let a = a_tile[d * (TY * ROWS / 4u + 1u) + ty];
    let bu = b_tile[d * TX * COLS / 4u + tx];
    u0 = fma(vec4f(a.x), bu, u0); u1 = fma(vec4f(a.y), bu, u1);
    u2 = fma(vec4f(a.z), bu, u2); u3 = fma(vec4f(a.w), bu, u3);
    if (COLS == 8u) {
      let bv = b_tile[d * TX * COLS / 4u + TX + tx];
      v0 = fma(vec4f(a.x), bv, v0); v1 = fma(vec4f(a.y), bv, v1);
      v2 = fma(vec4f(a.z), bv, v2); v3 = fma(vec4f(a.w), bv, v3);
    }
    if (ROWS == 8u) {
      let c = a_tile[d * (TY * ROWS / 4u + 1u) + TY + ty];
      u4 = fma(vec4f(c.x), bu, u4); u5 = fma(vec4f(c.y), bu, u5);
      u6 = fma(vec4f(c.z), bu, u6); u7 = fma(vec4f(c.w), bu, u7);
      if (COLS == 8u) {
        let bv = b_tile[d * TX * COLS / 4u + TX + tx];
        v4 = fma(vec4f(c.x), bv, v4); v5 = fma(vec4f(c.y), bv, v5);
        v6 = fma(vec4f(c.z), bv, v6); v7 = fma(vec4f(c.w), bv, v7);
      }
    }
  }
}

fn store_one(at: u32, k: u32, value: f32) {
  if (k < params.K) {
    var sum = value;
    if (BIAS == 1u) { sum += b[k]; }
    if (ADD == 1u) { sum += f32(y[at + k]); }
    if (RESIDUAL == 1u) { sum += f32(residual[at + k]); }
    // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
    if (RELU == 1u && (bitcast<u32>(sum) & 0x7fffffffu) < 0x7f800000u) { sum = max(sum, 0.0); }
    y[at + k] = Y(sum);
  }
}

fn store(row: u32, k: u32, value: vec4f) {
  let to = pixel[row].w;
  if (to != -1) {
    store_one(u32(to), k, value.x);
    store_one(u32(to), k + 1u, value.y);
    store_one(u32(to), k + 2u, value.z);
    store_one(u32(to), k + 3u, value.w);
  }
}

/// How many of the four pixels from `row` of the workgroup on there are.
fn present(first: u32, row: u32) -> u32 {
  return clamp(params.pixels, first + row, first + row + 4u) - first - row;
}

/// value, if its row is one of `count`.
fn among(row: u32, count: u32, value: vec4f) -> vec4f {
  return select(vec4f(0.0), value, row < count);
}

fn square(row: u32, count: u32, value: vec4f, mean: vec4f) -> vec4f {
  let distance = among(row, count, value - mean);
  return distance * distance;
}

/// Merges what the invocations of one column left in the tiles; `own` pixels are those of the first.
fn merge_rows(first: u32, k: u32, x: u32, own: f32) {
  var count = own;
  var mean = a_tile[x];
  var squares = b_tile[x];
  for (var y = 1u; y < TY; y++) {
    var more = present(first, y * 4u);
    if (ROWS == 8u) { more += present(first, y * 4u + TY * 4u); }
    let n = f32(more);
    let total = max(1.0, count + n);
    let distance = a_tile[y * TX + x] - mean;
    mean += distance * (n / total);
    squares += b_tile[y * TX + x] + distance * distance * (count * n / total);
    count += n;
  }
  let to = first / (TY * ROWS) * params.K + k;
  if (k < params.K) { partial[to] = vec2f(mean.x, squares.x); }
  if (k + 1u < params.K) { partial[to + 1u] = vec2f(mean.y, squares.y); }
  if (k + 2u < params.K) { partial[to + 2u] = vec2f(mean.z, squares.z); }
  if (k + 3u < params.K) { partial[to + 3u] = vec2f(mean.w, squares.w); }
}

/// Statistics of four channels from `k` over the workgroup's pixels: of each invocation's own pixels, a to d
/// and e to h, then merged in the order of rows by Chan's formula.
fn store_statistics(
  first: u32, k: u32, id: vec3u,
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f,
) {
  let low = present(first, id.y * 4u);
  var high = 0u;
  if (ROWS == 8u) { high = present(first, id.y * 4u + TY * 4u); }
  let sums = among(0u, low, a) + among(1u, low, b) + among(2u, low, c) + among(3u, low, d) +
    among(0u, high, e) + among(1u, high, f) + among(2u, high, g) + among(3u, high, h);
  let mean = sums / f32(max(1u, low + high));
  let squares = square(0u, low, a, mean) + square(1u, low, b, mean) + square(2u, low, c, mean) +
    square(3u, low, d, mean) + square(0u, high, e, mean) + square(1u, high, f, mean) +
    square(2u, high, g, mean) + square(3u, high, h, mean);
  workgroupBarrier();
  a_tile[id.y * TX + id.x] = mean;
  b_tile[id.y * TX + id.x] = squares;
  workgroupBarrier();
  if (id.y == 0u) { merge_rows(first, k, id.x, f32(low + high)); }
}

@compute @workgroup_size(TX, TY)
fn conv2d_tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let thread = id.y * TX + id.x;
  let first = (group.y + group.z * 32768u) * TY * ROWS;
  for (var row = thread; row < TY * ROWS; row += TX * TY) {
    pixel[row] = place(first + row);
  }
  let k = group.x * TX * COLS;
  for (var r = 0; r < params.R; r++) {
    for (var chunk = 0; chunk < params.SC; chunk += i32(DEPTH)) {
      workgroupBarrier();
      load(r, chunk, k, thread);
      workgroupBarrier();
      multiply(id.x, id.y);
    }
  }
  workgroupBarrier();
  let row = id.y * 4u;
  let low = k + id.x * 4u;
  store(row, low, u0); store(row + 1u, low, u1); store(row + 2u, low, u2); store(row + 3u, low, u3);
  let high = low + TX * 4u;
  if (COLS == 8u) {
    store(row, high, v0); store(row + 1u, high, v1); store(row + 2u, high, v2); store(row + 3u, high, v3);
  }
  if (ROWS == 8u) {
    let next = row + TY * 4u;
    store(next, low, u4); store(next + 1u, low, u5); store(next + 2u, low, u6); store(next + 3u, low, u7);
    if (COLS == 8u) {
      store(next, high, v4); store(next + 1u, high, v5);
      store(next + 2u, high, v6); store(next + 3u, high, v7);
    }
  }
  if (STATISTICS == 1u) {
    store_statistics(first, low, id, u0, u1, u2, u3, u4, u5, u6, u7);
    if (COLS == 8u) {
      store_statistics(first, high, id, v0, v1, v2, v3, v4, v5, v6, v7);
    }
  }
}
