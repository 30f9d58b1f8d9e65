// partial[g, j, c] = mean_l x[g, l, c], sum_l (x[g, l, c] - mean)^2 over the rows l of chunk j
// x: [G, L, C], partial: [G, J, C] pairs; chunk j holds rows j*rows to (j+1)*rows.
// Each invocation sums about its first row's value, and pairs are merged by Chan's formula in fixed order.
override TX: u32 = 32u;
override TY: u32 = 8u;

struct Params {
  L: u32,
  C: u32,
  rows: u32,
}

// How x is stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec2f>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> merged: array<vec3f, 256>;

@compute @workgroup_size(TX, TY)
fn batch_norm_sums(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let c = group.x * TX + local.x;
  let begin = group.y * params.rows;
  let end = min(begin + params.rows, params.L);
  let first = begin + local.y;
  var count = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  if (c < params.C && first < end) {
    let base = group.z * params.L * params.C + c;
    let shift = f32(x[base + first * params.C]);
    var sum = 0.0;
    for (var l = first; l < end; l += TY) {
      let d = f32(x[base + l * params.C]) - shift;
      sum += d;
      squares += d * d;
      count += 1.0;
    }
    mean = shift + sum / count;
    squares = max(squares - sum * sum / count, 0.0);
  }
  merged[local.y * TX + local.x] = vec3f(count, mean, squares);
  workgroupBarrier();
  if (local.y == 0u && c < params.C) {
    for (var t = 1u; t < TY; t++) {
      let other = merged[t * TX + local.x];
      if (other.x > 0.0) {
        let total = count + other.x;
        let d = other.y - mean;
        mean += d * other.x / total;
        squares += other.z + d * d * count * other.x / total;
        count = total;
      }
    }
    partial[(group.z * groups.y + group.y) * params.C + c] = vec2f(mean, squares);
  }
}
