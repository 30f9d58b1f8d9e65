// y[i] = max(x[i], 0)   x, y: [n]
struct Params {
  n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn relu(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.x + group.y * groups.x) * 1024u + lane;
  let end = min(first + 1024u - lane, params.n);
  for (var i = first; i < end; i += 256u) {
    // What is not finite stays so: max() may make 0 of NaN, and an overflow would be an answer.
    let finite = (bitcast<u32>(x[i]) & 0x7fffffffu) < 0x7f800000u;
    y[i] = select(x[i], max(x[i], 0.0), finite);
  }
}
