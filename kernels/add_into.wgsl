// y[i] += x[i]   x, y: [n]
struct Params {
  n: u32,
}

// How x and y are stored: f32 or f16.
alias X = f32;
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<X>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(256)
fn add_into(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (group.x + group.y * groups.x) * 1024u + lane;
  let end = min(first + 1024u - lane, params.n);
  for (var i = first; i < end; i += 256u) {
    y[i] = X(f32(y[i]) + f32(x[i]));
  }
}
