// dq_i = scale sum_j ds_ij k_j, dk_j = scale sum_i ds_ij q_i or dv_j = sum_i p_ij dy_i, by PART 0, 1, 2; head by head
// p_ij = exp(scale q_i . k_j - lse_i), ds_ij = p_ij (dy_i . v_j - delta_i); qkv, dqkv: [N, T, 3, H, D], dy: [N, T, H, D]
// lse, delta: [N, H, T]; vectors in groups of four. As `attention_subgroup.wgsl`, for subgroups of 8 lanes: a workgroup
// takes 32 rows (queries, or of PART 1 and 2 keys) past tiles of 32 columns (keys, or queries).
override D4: u32 = 16u; // D / 4, 16 at most
override PART: u32 = 0u;
override ADD: bool = false;

struct Params {
  T: u32,
  H: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

// The tile: rows 8 g to 8 g + 3 (s) and 8 g + 4 to 8 g + 7 (t).
var<private> s0: mat4x4f; var<private> s1: mat4x4f; var<private> s2: mat4x4f; var<private> s3: mat4x4f;
var<private> t0: mat4x4f; var<private> t1: mat4x4f; var<private> t2: mat4x4f; var<private> t3: mat4x4f;
// Sums of the same rows, a column each: numbers 4 lane to 4 lane + 3 (a, b), and 32 more (c, d).
var<private> a0: mat4x4f; var<private> a1: mat4x4f; var<private> a2: mat4x4f; var<private> a3: mat4x4f;
var<private> b0: mat4x4f; var<private> b1: mat4x4f; var<private> b2: mat4x4f; var<private> b3: mat4x4f;
var<private> c0: mat4x4f; var<private> c1: mat4x4f; var<private> c2: mat4x4f; var<private> c3: mat4x4f;
var<private> d0: mat4x4f; var<private> d1: mat4x4f; var<private> d2: mat4x4f; var<private> d3: mat4x4f;

fn low(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 0u), subgroupShuffle(a, 1u), subgroupShuffle(a, 2u), subgroupShuffle(a, 3u));
}

fn high(a: f32) -> vec4f {
  return vec4f(subgroupShuffle(a, 4u), subgroupShuffle(a, 5u), subgroupShuffle(a, 6u), subgroupShuffle(a, 7u));
}

/// sum + a b^T
fn outer(sum: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(a, vec4f(b.x), sum[0]),
    fma(a, vec4f(b.y), sum[1]),
    fma(a, vec4f(b.z), sum[2]),
    fma(a, vec4f(b.w), sum[3]),
  );
}

/// Adds the products of one number of every row and column; a has a row of each eight.
fn step(a: vec4f, b: vec4f) {
  s0 = outer(s0, low(a.x), b); t0 = outer(t0, high(a.x), b);
  s1 = outer(s1, low(a.y), b); t1 = outer(t1, high(a.y), b);
  s2 = outer(s2, low(a.z), b); t2 = outer(t2, high(a.z), b);
  s3 = outer(s3, low(a.w), b); t3 = outer(t3, high(a.w), b);
}
// exp of the first tile.
var<private> p0: mat4x4f; var<private> p1: mat4x4f; var<private> p2: mat4x4f; var<private> p3: mat4x4f;
var<private> r0: mat4x4f; var<private> r1: mat4x4f; var<private> r2: mat4x4f; var<private> r3: mat4x4f;

/// One matrix of p: its rows' or its columns' lse is told by PART.
fn powers(s: mat4x4f, rows: vec4f, columns: vec4f, inside: vec4<bool>) -> mat4x4f {
  let less = mat4x4f(vec4f(columns.x), vec4f(columns.y), vec4f(columns.z), vec4f(columns.w));
  let by_row = PART == 0u;
  let zero = vec4f(0.0);
  return mat4x4f(
    select(zero, exp(s[0] * params.scale - select(less[0], rows, by_row)), inside.x),
    select(zero, exp(s[1] * params.scale - select(less[1], rows, by_row)), inside.y),
    select(zero, exp(s[2] * params.scale - select(less[2], rows, by_row)), inside.z),
    select(zero, exp(s[3] * params.scale - select(less[3], rows, by_row)), inside.w),
  );
}

/// One matrix of ds.
fn slopes(p: mat4x4f, s: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
  let by_row = PART == 0u;
  return mat4x4f(
    p[0] * (s[0] - select(vec4f(columns.x), rows, by_row)),
    p[1] * (s[1] - select(vec4f(columns.y), rows, by_row)),
    p[2] * (s[2] - select(vec4f(columns.z), rows, by_row)),
    p[3] * (s[3] - select(vec4f(columns.w), rows, by_row)),
  );
}

fn first_columns(m: mat4x4f) -> mat4x4f {
  return mat4x4f(m[1], m[2], m[3], m[3]);
}

fn store_one(i: u32, at: u32, value: vec4f) {
  if (i < params.T) {
    var sum = value * select(params.scale, 1.0, PART == 2u);
    if (ADD) {
      sum += dqkv[at];
    }
    dqkv[at] = sum;
  }
}

/// Stores four rows from i on.
fn store(i: u32, at: u32, m: mat4x4f) {
  let step = 3u * params.H * D4;
  store_one(i, at, m[0]);
  store_one(i + 1u, at + step, m[1]);
  store_one(i + 2u, at + 2u * step, m[2]);
  store_one(i + 3u, at + 3u * step, m[3]);
}

@compute @workgroup_size(8)
fn attention_backward_subgroup(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.H * D4;
  let row = 3u * width;
  let base = group.z * params.T * row + group.y * D4;
  let plain = group.z * params.T * width + group.y * D4; // of dy
  let stored = (group.z * params.H + group.y) * params.T;
  let first = group.x * 32u;
  let last = vec4u(params.T - 1u);
  let eights = vec4u(lane) + vec4u(0u, 8u, 16u, 24u);
  let own = min(vec4u(first) + eights, last);
  let own_lse = vec4f(lse[stored + own.x], lse[stored + own.y], lse[stored + own.z], lse[stored + own.w]);
  let own_delta = vec4f(delta[stored + own.x], delta[stored + own.y], delta[stored + own.z], delta[stored + own.w]);
  for (var tile = 0u; tile < params.T; tile += 32u) {
    let column = vec4u(tile) + eights;
    let other = min(column, last);
    let lse_of = vec4f(lse[stored + other.x], lse[stored + other.y], lse[stored + other.z], lse[stored + other.w]);
    for (var product = 0u; product < select(2u, 1u, PART == 2u); product++) {
      s0 = mat4x4f(); s1 = s0; s2 = s0; s3 = s0;
      t0 = s0; t1 = s0; t2 = s0; t3 = s0;
      // q k first; then dy v.
      let second = product == 1u;
      let rows_in_dy = second && PART == 0u;
      let columns_in_dy = second && PART == 1u;
      let own_part = select(select(width, 0u, PART == 0u), 2u * width, second);
      let other_part = select(select(0u, width, PART == 0u), 2u * width, second);
      let a = select(vec4u(base + own_part) + own * row, vec4u(plain) + own * width, rows_in_dy);
      let b = select(vec4u(base + other_part) + other * row, vec4u(plain) + other * width, columns_in_dy);
      for (var d = 0u; d < D4; d++) {
        var x: mat4x4f;
        var z: mat4x4f;
        if (rows_in_dy) {
          x = mat4x4f(dy[a.x + d], dy[a.y + d], dy[a.z + d], dy[a.w + d]);
        } else {
          x = mat4x4f(qkv[a.x + d], qkv[a.y + d], qkv[a.z + d], qkv[a.w + d]);
        }
        if (columns_in_dy) {
          z = mat4x4f(dy[b.x + d], dy[b.y + d], dy[b.z + d], dy[b.w + d]);
        } else {
          z = mat4x4f(qkv[b.x + d], qkv[b.y + d], qkv[b.z + d], qkv[b.w + d]);
        }
        x = transpose(x);
        z = transpose(z);
        step(x[0], z[0]);
        step(x[1], z[1]);
        step(x[2], z[2]);
        step(x[3], z[3]);
      }
      if (!second) {
        let inside = column < vec4u(params.T);
        p0 = powers(s0, low(own_lse.x), lse_of, inside); r0 = powers(t0, high(own_lse.x), lse_of, inside);
        p1 = powers(s1, low(own_lse.y), lse_of, inside); r1 = powers(t1, high(own_lse.y), lse_of, inside);
        p2 = powers(s2, low(own_lse.z), lse_of, inside); r2 = powers(t2, high(own_lse.z), lse_of, inside);
        p3 = powers(s3, low(own_lse.w), lse_of, inside); r3 = powers(t3, high(own_lse.w), lse_of, inside);
      } else {
        let delta_of = vec4f(delta[stored + other.x], delta[stored + other.y], delta[stored + other.z], delta[stored + other.w]);
        p0 = slopes(p0, s0, low(own_delta.x), delta_of); r0 = slopes(r0, t0, high(own_delta.x), delta_of);
        p1 = slopes(p1, s1, low(own_delta.y), delta_of); r1 = slopes(r1, t1, high(own_delta.y), delta_of);
        p2 = slopes(p2, s2, low(own_delta.z), delta_of); r2 = slopes(r2, t2, high(own_delta.z), delta_of);
        p3 = slopes(p3, s3, low(own_delta.w), delta_of); r3 = slopes(r3, t3, high(own_delta.w), delta_of);
      }
    }
    let end = min(tile + 32u, params.T);
    for (var j = tile; j < end; j++) {
      let l = j % 8u;
      var at = base + select(0u, width, PART == 0u) + j * row;
      if (PART == 2u) {
        at = plain + j * width;
      }
      var v: vec4f;
      if (PART == 2u) {
        v = dy[at + min(lane, D4 - 1u)];
      } else {
        v = qkv[at + min(lane, D4 - 1u)];
      }
      let w0 = subgroupShuffle(p0[0], l); let w1 = subgroupShuffle(p1[0], l);
      let w2 = subgroupShuffle(p2[0], l); let w3 = subgroupShuffle(p3[0], l);
      let u0 = subgroupShuffle(r0[0], l); let u1 = subgroupShuffle(r1[0], l);
      let u2 = subgroupShuffle(r2[0], l); let u3 = subgroupShuffle(r3[0], l);
      a0 = outer(a0, v, w0); a1 = outer(a1, v, w1); a2 = outer(a2, v, w2); a3 = outer(a3, v, w3);
      b0 = outer(b0, v, u0); b1 = outer(b1, v, u1); b2 = outer(b2, v, u2); b3 = outer(b3, v, u3);
      if (D4 > 8u) {
        var z: vec4f;
        if (PART == 2u) {
          z = dy[at + min(8u + lane, D4 - 1u)];
        } else {
          z = qkv[at + min(8u + lane, D4 - 1u)];
        }
        c0 = outer(c0, z, w0); c1 = outer(c1, z, w1); c2 = outer(c2, z, w2); c3 = outer(c3, z, w3);
        d0 = outer(d0, z, u0); d1 = outer(d1, z, u1); d2 = outer(d2, z, u2); d3 = outer(d3, z, u3);
      }
      if (l == 7u) {
        p0 = first_columns(p0); p1 = first_columns(p1); p2 = first_columns(p2); p3 = first_columns(p3);
        r0 = first_columns(r0); r1 = first_columns(r1); r2 = first_columns(r2); r3 = first_columns(r3);
      }
    }
  }
  let to = base + first * row + PART * width + lane;
  if (lane < D4) {
    store(first, to, a0); store(first + 4u, to + 4u * row, b0);
    store(first + 8u, to + 8u * row, a1); store(first + 12u, to + 12u * row, b1);
    store(first + 16u, to + 16u * row, a2); store(first + 20u, to + 20u * row, b2);
    store(first + 24u, to + 24u * row, a3); store(first + 28u, to + 28u * row, b3);
  }
  if (8u + lane < D4) {
    store(first, to + 8u, c0); store(first + 4u, to + 8u + 4u * row, d0);
    store(first + 8u, to + 8u + 8u * row, c1); store(first + 12u, to + 8u + 12u * row, d1);
    store(first + 16u, to + 8u + 16u * row, c2); store(first + 20u, to + 8u + 20u * row, d2);
    store(first + 24u, to + 8u + 24u * row, c3); store(first + 28u, to + 8u + 28u * row, d3);
  }
}
