// y[i, k] = softmax_k((x[i, k] - center[k]) / temperature)   x, y: [N, K], center: [K]
struct Params {
  K: u32,
  inverse: f32, // 1 / temperature
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> center: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> lanes: array<f32, 256>;

@compute @workgroup_size(256)
fn centred_softmax(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let base = group.x * params.K;
  var most = -3.4e38;
  for (var k = lane; k < params.K; k += 256u) {
    most = max(most, (x[base + k] - center[k]) * params.inverse);
  }
  lanes[lane] = most;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      lanes[lane] = max(lanes[lane], lanes[lane + half]);
    }
  }
  workgroupBarrier();
  let largest = lanes[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var k = lane; k < params.K; k += 256u) {
    sum += exp((x[base + k] - center[k]) * params.inverse - largest);
  }
  lanes[lane] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      lanes[lane] += lanes[lane + half];
    }
  }
  workgroupBarrier();
  let whole = lanes[0];
  for (var k = lane; k < params.K; k += 256u) {
    y[base + k] = exp((x[base + k] - center[k]) * params.inverse - largest) / whole;
  }
}
