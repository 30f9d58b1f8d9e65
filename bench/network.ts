/** A ResNet of basic blocks, written once for the other engines of this process. */

/** An engine's layers; every use of an array uses it up, unless `again` was asked for it. */
export interface Layers<T> {
  /** Without a bias; padding (size - 1) / 2. */
  conv(x: T, name: string, stride: number): T;
  /** Batch norm with the statistics of the batch, which moves the running ones. */
  norm(x: T, name: string): T;
  relu(x: T): T;
  /** 3 by 3 windows, stride 2, padding 1, of values from 0. */
  maxPool(x: T): T;
  add(a: T, b: T): T;
  again(x: T): T;
}

/** The map of ResNet-18 under torchvision's names. */
export function resnet18<T>(layers: Layers<T>, x: T): T {
  let y = layers.conv(x, "conv1", 2);
  y = layers.maxPool(layers.relu(layers.norm(y, "bn1")));
  for (let stage = 1; stage <= 4; stage++) {
    for (let block = 0; block < 2; block++) {
      const scope = `layer${stage}.${block}`;
      const reduces = stage > 1 && block === 0;
      const x = y;
      y = layers.conv(layers.again(x), `${scope}.conv1`, reduces ? 2 : 1);
      y = layers.relu(layers.norm(y, `${scope}.bn1`));
      y = layers.norm(layers.conv(y, `${scope}.conv2`, 1), `${scope}.bn2`);
      const shortcut = reduces
        ? layers.norm(layers.conv(x, `${scope}.downsample.0`, 2), `${scope}.downsample.1`)
        : x;
      y = layers.relu(layers.add(y, shortcut));
    }
  }
  return y;
}
