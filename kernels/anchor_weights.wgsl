// share[i] = 1 / sum_k total[k], or with ANCHOR 1 / (total[i] count of total > 0); 0 where nothing is
// total, share: [N]: what a row's sum is multiplied by to get its part of the loss
override ANCHOR: bool = false;

struct Params {
  N: u32,
}

@group(0) @binding(0) var<storage, read> total: array<f32>;
@group(0) @binding(1) var<storage, read_write> share: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn anchor_weights(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var k = lane; k < params.N; k += 256u) {
    if (ANCHOR) {
      sum += select(0.0, 1.0, total[k] > 0.0);
    } else {
      sum += total[k];
    }
  }
  sums[lane] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      sums[lane] += sums[lane + half];
    }
  }
  workgroupBarrier();
  for (var k = lane; k < params.N; k += 256u) {
    let whole = sums[0] * select(1.0, total[k], ANCHOR);
    share[k] = select(0.0, 1.0 / whole, whole > 0.0);
  }
}
