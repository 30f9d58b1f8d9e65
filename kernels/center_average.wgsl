// center[k] = momentum center[k] + (1 - momentum) sum_i x[i, k] / N, unless that is not finite
// x: [N, K], center: [K]
struct Params {
  N: u32,
  K: u32,
  momentum: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> center: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn center_average(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let k = (group.x + group.y * groups.x) * 64u + lane;
  if (k >= params.K) {
    return;
  }
  var sum = 0.0;
  for (var i = 0u; i < params.N; i++) {
    sum += x[i * params.K + k];
  }
  let next = mix(sum / f32(params.N), center[k], params.momentum);
  if ((bitcast<u32>(next) & 0x7f800000u) != 0x7f800000u) {
    center[k] = next;
  }
}
