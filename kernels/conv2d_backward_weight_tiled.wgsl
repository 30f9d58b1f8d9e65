// dw[z, r, s, c, k] (+)= sum_npq x[n, p*U+r-top, q*U+s-left, c] dy[n, p, q, k] over the z-th share of the pixels (n, p, q)   x: [N, H, W, C]  dy: [N, P, Q, K]
// Matrix product through shared memory: a workgroup computes ROWS TY neighbours in (s, c) by COLS TX
// channels k, 16 pixels at a time; an invocation ROWS by COLS.
struct Params {
  pixels: u32, // N P Q
  share: u32, // pixels of a share, a multiple of 64
  P: u32,
  Q: u32,
  H: i32,
  WC: i32, // W C
  R: u32,
  SC: i32, // S C
  K: u32,
  stride: i32, // U
  column: i32, // U C
  image: i32, // H W C
  top: i32,
  left: i32, // times C
}

// How x and dy are stored: f32 or f16.
alias X = f32;
alias Y = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> dy: array<Y>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

/// Invocations along k and along (s, c).
override TX = 8u;
override TY = 8u;
/// Neighbours in (s, c) and channels of an invocation: 4 or 8.
override ROWS = 8u;
override COLS = 8u;
/// 1: add to what dw holds.
override ADD = 0u;

const DEPTH = 16u;
const BLOCK = 64u;

var<workgroup> a_tile: array<vec4f, DEPTH * TY * ROWS / 4u>; // [pixels, (s, c)]
var<workgroup> b_tile: array<vec4f, DEPTH * TX * COLS / 4u>; // [pixels, k]
var<workgroup> pixel: array<vec3i, BLOCK>; // element of the first tap in its row, in x; whether it counts

// Sums of neighbours i and i + 4 TY with the first four channels (u) and the last four (v).
var<private> u0: vec4f; var<private> v0: vec4f; var<private> u4: vec4f; var<private> v4: vec4f;
var<private> u1: vec4f; var<private> v1: vec4f; var<private> u5: vec4f; var<private> v5: vec4f;
var<private> u2: vec4f; var<private> v2: vec4f; var<private> u6: vec4f; var<private> v6: vec4f;
var<private> u3: vec4f; var<private> v3: vec4f; var<private> u7: vec4f; var<private> v7: vec4f;

fn place(m: u32, r: i32, valid: bool) -> vec3i {
  let np = m / params.Q;
  let q = m - np * params.Q;
  let n = np / params.P;
  let p = np - n * params.P;
  let h = i32(p) * params.stride + r - params.top;
  let j = i32(q) * params.column - params.left;
  let inside = valid && h >= 0 && h < params.H;
  return vec3i(j, i32(n) * params.image + h * params.WC + j, select(0, 1, inside));
}

fn load(m: u32, part: u32, j: i32, k: u32, end: u32, thread: u32) {
  let rows = TY * ROWS;
  for (var e = thread; e < DEPTH * rows; e += TX * TY) {
    let o = pixel[part + e / rows];
    let at = j + i32(e % rows);
    let inside = o.z == 1 && at < params.SC && u32(o.x + at) < u32(params.WC);
    let element = select(0, o.y + at, inside);
    let lane = e & 3u;
    a_tile[e / 4u][lane] = select(0.0, f32(x[element]), inside);
  }
  let columns = TX * COLS;
  for (var e = thread; e < DEPTH * columns; e += TX * TY) {
    let row = m + part + e / columns;
    let at = k + e % columns;
    let inside = row < end && at < params.K;
    let element = select(0u, row * params.K + at, inside);
    let lane = e & 3u;
    b_tile[e / 4u][lane] = select(0.0, f32(dy[element]), inside);
  }
}

fn multiply(tx: u32, ty: u32) {
  for (var d = 0u; d < DEPTH; d++) {
    let a = a_tile[d * TY * ROWS / 4u + ty];
    let bu = b_tile[d * TX * COLS / 4u + tx];
    u0 = fma(vec4f(a.x), bu, u0); u1 = fma(vec4f(a.y), bu, u1);
    u2 = fma(vec4f(a.z), bu, u2); u3 = fma(vec4f(a.w), bu, u3);
    if (COLS == 8u) {
      let bv = b_tile[d * TX * COLS / 4u + TX + tx];
      v0 = fma(vec4f(a.x), bv, v0); v1 = fma(vec4f(a.y), bv, v1);
      v2 = fma(vec4f(a.z), bv, v2); v3 = fma(vec4f(a.w), bv, v3);
    }
    if (ROWS == 8u) {
      let c = a_tile[d * TY * ROWS / 4u + TY + ty];
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

fn store_one(row: u32, k: u32, value: f32) {
  if (k < params.K) {
    let at = row * params.K + k;
    dw[at] = value + select(0.0, dw[at], ADD == 1u);
  }
}

fn store(j: u32, base: u32, k: u32, value: vec4f) {
  if (i32(j) < params.SC) {
    store_one(base + j, k, value.x);
    store_one(base + j, k + 1u, value.y);
    store_one(base + j, k + 2u, value.z);
    store_one(base + j, k + 3u, value.w);
  }
}

@compute @workgroup_size(TX, TY)
fn conv2d_backward_weight_tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let thread = id.y * TX + id.x;
  let k = group.x * TX * COLS;
  let j = group.y * TY * ROWS;
  let z = group.z / params.R;
  let r = group.z - z * params.R;
  let end = min(params.pixels, (z + 1u) * params.share);
  for (var m = z * params.share; m < end; m += BLOCK) {
    workgroupBarrier();
    for (var i = thread; i < BLOCK; i += TX * TY) {
      pixel[i] = place(m + i, i32(r), m + i < end);
    }
    for (var part = 0u; part < BLOCK; part += DEPTH) {
      workgroupBarrier();
      load(m, part, i32(j), k, end, thread);
      workgroupBarrier();
      multiply(id.x, id.y);
    }
  }
  let base = (z * params.R + r) * u32(params.SC);
  let row = j + id.y * 4u;
  let low = k + id.x * 4u;
  let high = low + TX * 4u;
  store(row, base, low, u0); store(row + 1u, base, low, u1);
  store(row + 2u, base, low, u2); store(row + 3u, base, low, u3);
  if (COLS == 8u) {
    store(row, base, high, v0); store(row + 1u, base, high, v1);
    store(row + 2u, base, high, v2); store(row + 3u, base, high, v3);
  }
  if (ROWS == 8u) {
    let next = row + TY * 4u;
    store(next, base, low, u4); store(next + 1u, base, low, u5);
    store(next + 2u, base, low, u6); store(next + 3u, base, low, u7);
    if (COLS == 8u) {
      store(next, base, high, v4); store(next + 1u, base, high, v5);
      store(next + 2u, base, high, v6); store(next + 3u, base, high, v7);
    }
  }
}
