// merged[g, i, c] = partial[g, i*each to (i+1)*each, c] as one pair (mean, squares about it)
// partial: [G, J, C] pairs, each of `rows` rows of the L, merged: [G, I, C]; in order, by Chan's formula.
struct Params {
  L: u32,
  C: u32,
  J: u32,
  I: u32,
  rows: u32,
  each: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec2f>;
@group(0) @binding(1) var<storage, read_write> merged: array<vec2f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn batch_norm_merge(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.C) {
    return;
  }
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  let end = min((id.y + 1u) * params.each, params.J);
  for (var j = id.y * params.each; j < end; j++) {
    let n = f32(min(params.rows, params.L - j * params.rows));
    let pair = partial[(id.z * params.J + j) * params.C + c];
    let total = count + n;
    let d = pair.x - mean;
    mean += d * n / total;
    squares += pair.y + d * d * count * n / total;
    count = total;
  }
  merged[(id.z * params.I + id.y) * params.C + c] = vec2f(mean, squares);
}
