/** A training step of ResNet-18 in TensorFlow.js: its own gradients, batch norm and optimiser, channels last. */
import * as tf from "@tensorflow/tfjs-core";
import type { Weight } from "@/gpu/parameters.ts";
import {
  CLASSES,
  EPS,
  LEARNING_RATE,
  MOMENTUM,
  NEWEST,
  norm,
  type PreparedStep,
  type Start,
  WATCHED,
} from "./engine.ts";
import { type Layers, resnet18 } from "./network.ts";

type Named = Map<string, tf.Variable>;

/** Filters `[K, C, R, S]` become `[R, S, C, K]`, matrices `[out, in]` become `[in, out]`. */
function variableOf(name: string, { shape, data }: Weight): tf.Variable {
  const order = shape.length === 4 ? [2, 3, 1, 0] : [...shape.keys()].reverse();
  const trainable = !name.includes("running_");
  return tf.tidy(() =>
    tf.variable(tf.transpose(tf.tensor(data, shape), order), trainable, `bench/${name}`)
  );
}

function layersOf(variables: Named): Layers<tf.Tensor4D> {
  const named = <T extends tf.Tensor>(name: string) => variables.get(name) as unknown as T;
  return {
    conv(x, name, stride) {
      const w = named<tf.Tensor4D>(`${name}.weight`);
      return tf.conv2d(x, w, stride, (w.shape[0] - 1) / 2, "NHWC", 1, "floor");
    },
    norm(x, name) {
      const [N, H, W] = x.shape;
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      const move = (kind: string, newest: tf.Tensor) => {
        const running = variables.get(`${name}.${kind}`)!;
        running.assign(tf.add(tf.mul(running, 1 - NEWEST), tf.mul(newest, NEWEST)));
      };
      const count = N * H * W;
      move("running_mean", mean);
      move("running_var", tf.mul(variance, count / (count - 1)));
      const [weight, bias] = [named(`${name}.weight`), named(`${name}.bias`)];
      return tf.batchNorm(
        x,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        bias as tf.Tensor1D,
        weight as tf.Tensor1D,
        EPS,
      ) as tf.Tensor4D;
    },
    relu: (x) => tf.relu(x),
    maxPool: (x) => tf.maxPool(x, 3, 2, 1, "floor"),
    add: (a, b) => tf.add(a, b),
    again: (x) => x,
  };
}

// deno-lint-ignore require-await -- what cannot be prepared rejects, as with the other engines
export async function tfjsStep(start: Start, finish: () => Promise<void>): Promise<PreparedStep> {
  const { batch, pixels, network } = start.step;
  if (network !== "resnet18") throw new Error(`Cannot train ${network} in tfjs: not written`);
  const variables: Named = new Map(
    [...start.weights].map(([name, weight]) => [name, variableOf(name, weight)]),
  );
  const trained = [...variables.values()].filter(({ trainable }) => trainable);
  const x = tf.tensor4d(start.images, [batch, pixels, pixels, 3]);
  const targets = tf.tidy(() =>
    tf.oneHot(tf.tensor1d(Int32Array.from(start.labels), "int32"), CLASSES)
  );
  const layers = layersOf(variables);
  const optimizer = tf.train.momentum(LEARNING_RATE[network], MOMENTUM);
  const lossOf = () => {
    const features = tf.mean(resnet18(layers, x), [1, 2]) as tf.Tensor2D;
    const logits = tf.add(
      tf.matMul(features, variables.get("fc.weight") as unknown as tf.Tensor2D),
      variables.get("fc.bias")!,
    );
    return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
  };
  let loss: tf.Scalar = tf.scalar(0);
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        loss.dispose();
        const made = tf.variableGrads(lossOf, trained);
        optimizer.applyGradients(made.grads as Record<string, tf.Variable>);
        tf.dispose(made.grads);
        loss = made.value;
      }
      await finish();
    },
    wait: finish,
    async state() {
      const momentum = new Map((await optimizer.getWeights())
        .map(({ name, tensor }) => [name.replace(/^bench\/(.*)\/momentum$/, "$1"), tensor]));
      const norms: Record<string, number> = {};
      for (const name of WATCHED.momentum) norms[name] = norm(await momentum.get(name)!.data());
      for (const name of WATCHED.statistics) norms[name] = norm(await variables.get(name)!.data());
      return { loss: (await loss.data())[0], norms };
    },
    destroy() {
      optimizer.dispose();
      tf.dispose([x, targets, loss]);
      for (const variable of variables.values()) variable.dispose();
    },
  };
}
