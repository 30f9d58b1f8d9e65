// s[k, q] = 1 - median_path diff_k(u_i, v_j)   pairs: [Q, 2], vectors: [V, 8], spans: [U, 2], s: [6, Q], work: [slots, lanes]
// MultiMatch (Dewhurst et al. 2012) of scanpaths u, v: k = score, shape, direction, length, position, duration.
// A vector is dx, dy, x, y, rho, theta, duration, 0. The cheapest path through M[i, j] = |u_i - v_j| goes from
// (0, 0) to the end by steps right, down and diagonal, each costing M where it arrives. The grid is walked in
// strips of four columns whose costs stay in registers; a strip's right border, the steps (2 bits a cell)
// and the differences along the path lie in `work`.

struct Params {
  // Pairs of this launch: count of them, from `first` on; lanes is the stride of work, total that of s.
  first: u32,
  count: u32,
  total: u32,
  lanes: u32,
  // Slots of work where the steps and the differences begin.
  steps: u32,
  differences: u32,
  diagonal: f32,
  // Shape, direction, length, position; duration.
  weights: vec4f,
  durationWeight: f32,
}

@group(0) @binding(0) var<storage, read> pairs: array<vec2u>;
@group(0) @binding(1) var<storage, read> spans: array<vec2u>;
@group(0) @binding(2) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> work: array<u32>;
@group(0) @binding(4) var<storage, read_write> s: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const FAR = 3e38;
const PI = 3.14159265358979;

struct Cell {
  cost: f32,
  step: u32,
}

// The cheapest way into a cell: 0 diagonal, 1 from above, 2 from the left; the first of equals.
fn enter(diagonal: f32, above: f32, left: f32, m: f32) -> Cell {
  var best = diagonal;
  var step = 0u;
  if (above < best) { best = above; step = 1u; }
  if (left < best) { best = left; step = 2u; }
  return Cell(best + m, step);
}

fn fill(lane: u32, u: vec2u, v: vec2u) {
  let packed = (u.y + 3u) / 4u;
  for (var j = 0u; j < v.y; j += 4u) {
    let v0 = vectors[2u * (v.x + j)].xy;
    let v1 = vectors[2u * (v.x + min(j + 1u, v.y - 1u))].xy;
    let v2 = vectors[2u * (v.x + min(j + 2u, v.y - 1u))].xy;
    let v3 = vectors[2u * (v.x + min(j + 3u, v.y - 1u))].xy;
    var above = vec4f(FAR);
    var diagonal = select(FAR, 0.0, j == 0u);
    var word = 0u;
    let base = (params.steps + j / 4u * packed) * params.lanes + lane;
    for (var i = 0u; i < u.y; i++) {
      let border = i * params.lanes + lane;
      var left = FAR;
      if (j > 0u) { left = bitcast<f32>(work[border]); }
      let at = vectors[2u * (u.x + i)].xy;
      let c0 = enter(diagonal, above.x, left, distance(at, v0));
      let c1 = enter(above.x, above.y, c0.cost, distance(at, v1));
      let c2 = enter(above.y, above.z, c1.cost, distance(at, v2));
      let c3 = enter(above.z, above.w, c2.cost, distance(at, v3));
      work[border] = bitcast<u32>(c3.cost);
      diagonal = left;
      above = vec4f(c0.cost, c1.cost, c2.cost, c3.cost);
      let codes = c0.step | (c1.step << 2u) | (c2.step << 4u) | (c3.step << 6u);
      word |= codes << ((i & 3u) * 8u);
      if ((i & 3u) == 3u || i + 1u == u.y) {
        work[base + (i >> 2u) * params.lanes] = word;
        word = 0u;
      }
    }
  }
}

// Writes the five differences of every cell on the path, from its end, and returns the path's length.
fn walk(lane: u32, u: vec2u, v: vec2u) -> u32 {
  let packed = (u.y + 3u) / 4u;
  var i = u.y - 1u;
  var j = v.y - 1u;
  var length = 0u;
  loop {
    let a = vectors[2u * (u.x + i)];
    let b = vectors[2u * (v.x + j)];
    let c = vectors[2u * (u.x + i) + 1u];
    let d = vectors[2u * (v.x + j) + 1u];
    let turn = abs(c.y - d.y);
    let longer = max(c.z, d.z);
    let at = (params.differences + length * 5u) * params.lanes + lane;
    work[at] = bitcast<u32>(distance(a.xy, b.xy));
    work[at + params.lanes] = bitcast<u32>(min(turn, 2.0 * PI - turn));
    work[at + 2u * params.lanes] = bitcast<u32>(abs(c.x - d.x));
    work[at + 3u * params.lanes] = bitcast<u32>(distance(a.zw, b.zw));
    work[at + 4u * params.lanes] = bitcast<u32>(select(0.0, abs(c.z - d.z) / longer, longer > 0.0));
    length++;
    if (i == 0u && j == 0u) {
      break;
    }
    let word = work[(params.steps + (j >> 2u) * packed + (i >> 2u)) * params.lanes + lane];
    let step = (word >> ((i & 3u) * 8u + (j & 3u) * 2u)) & 3u;
    i -= select(0u, 1u, step != 2u);
    j -= select(0u, 1u, step != 1u);
  }
  return length;
}

// The median of one difference: eight candidates at a time are ranked among all.
fn median(lane: u32, k: u32, length: u32) -> f32 {
  let low = f32((length - 1u) / 2u);
  let high = f32(length / 2u);
  let start = (params.differences + k) * params.lanes + lane;
  let stride = 5u * params.lanes;
  let last = length - 1u;
  var lower = -1.0;
  var upper = -1.0;
  for (var t = 0u; t < length; t += 8u) {
    let x = vec4f(
      bitcast<f32>(work[start + t * stride]),
      bitcast<f32>(work[start + min(t + 1u, last) * stride]),
      bitcast<f32>(work[start + min(t + 2u, last) * stride]),
      bitcast<f32>(work[start + min(t + 3u, last) * stride]),
    );
    let y = vec4f(
      bitcast<f32>(work[start + min(t + 4u, last) * stride]),
      bitcast<f32>(work[start + min(t + 5u, last) * stride]),
      bitcast<f32>(work[start + min(t + 6u, last) * stride]),
      bitcast<f32>(work[start + min(t + 7u, last) * stride]),
    );
    var lessX = vec4f(0.0);
    var lessY = vec4f(0.0);
    var upToX = vec4f(0.0);
    var upToY = vec4f(0.0);
    for (var o = 0u; o < length; o++) {
      let other = vec4f(bitcast<f32>(work[start + o * stride]));
      lessX += select(vec4f(0.0), vec4f(1.0), other < x);
      lessY += select(vec4f(0.0), vec4f(1.0), other < y);
      upToX += select(vec4f(0.0), vec4f(1.0), other <= x);
      upToY += select(vec4f(0.0), vec4f(1.0), other <= y);
    }
    // A value holds the ranks from `less` to just under `upTo`; values are >= 0, so max collects the hit.
    let none = vec4f(-1.0);
    let l = max(
      select(none, x, (lessX <= vec4f(low)) & (vec4f(low) < upToX)),
      select(none, y, (lessY <= vec4f(low)) & (vec4f(low) < upToY)),
    );
    let h = max(
      select(none, x, (lessX <= vec4f(high)) & (vec4f(high) < upToX)),
      select(none, y, (lessY <= vec4f(high)) & (vec4f(high) < upToY)),
    );
    lower = max(lower, max(max(l.x, l.y), max(l.z, l.w)));
    upper = max(upper, max(max(h.x, h.y), max(h.z, h.w)));
    if (lower >= 0.0 && upper >= 0.0) {
      break;
    }
  }
  return 0.5 * (lower + upper);
}

@compute @workgroup_size(64)
fn multimatch_pairs(@builtin(global_invocation_id) id: vec3u) {
  let lane = id.x;
  if (lane >= params.count) {
    return;
  }
  let q = params.first + lane;
  let u = spans[pairs[q].x];
  let v = spans[pairs[q].y];
  fill(lane, u, v);
  let length = walk(lane, u, v);
  // The weights have sum 1: one difference from 1 rounds less than a sum of five.
  let shape = median(lane, 0u, length) / (2.0 * params.diagonal);
  let direction = median(lane, 1u, length) / PI;
  let size = median(lane, 2u, length) / params.diagonal;
  let position = median(lane, 3u, length) / params.diagonal;
  let duration = median(lane, 4u, length);
  s[q] = 1.0 - (dot(params.weights, vec4f(shape, direction, size, position))
    + params.durationWeight * duration);
  s[params.total + q] = 1.0 - shape;
  s[2u * params.total + q] = 1.0 - direction;
  s[3u * params.total + q] = 1.0 - size;
  s[4u * params.total + q] = 1.0 - position;
  s[5u * params.total + q] = 1.0 - duration;
}
