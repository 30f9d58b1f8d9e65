/** A training step of ResNet-18 in jax-js: value, gradient and update in one `jit`, channels first. */
import * as jax from "@jax-js/jax";
import {
  channelsFirst,
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

type Value = jax.Array;
/** Arrays by name. */
type Named = Record<string, Value>;

const np = jax.numpy;

/** Layers over parameters and statistics; what the statistics become is collected in `moved`. */
function layersOf(parameters: Named, statistics: Named, moved: Named): Layers<Value> {
  const perChannel = (value: Value) => value.reshape([1, -1, 1, 1]);
  return {
    conv(x, name, stride) {
      const w = parameters[`${name}.weight`];
      const padding = (w.shape[2] - 1) / 2;
      return jax.lax.convGeneralDilated(x, w, [stride, stride], [
        [padding, padding],
        [padding, padding],
      ]);
    },
    norm(x, name) {
      const [N, C, H, W] = x.shape;
      const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
      const centred = x.sub(mean.ref);
      const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
      const inverse = np.reciprocal(np.sqrt(variance.ref.add(EPS)));
      const move = (kind: string, newest: Value) => {
        const key = `${name}.${kind}`;
        moved[key] = statistics[key].mul(1 - NEWEST).add(newest.reshape([C]).mul(NEWEST));
      };
      const count = N * H * W;
      move("running_mean", jax.lax.stopGradient(mean));
      move("running_var", jax.lax.stopGradient(variance).mul(count / (count - 1)));
      return centred.mul(inverse).mul(perChannel(parameters[`${name}.weight`]))
        .add(perChannel(parameters[`${name}.bias`]));
    },
    relu: (x) => jax.nn.relu(x),
    maxPool: (x) =>
      jax.lax.reduceWindow(
        np.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1]]),
        (window) => np.max(window),
        [3, 3],
        [2, 2],
      ),
    add: (a, b) => a.add(b),
    again: (x) => x.ref,
  };
}

function lossOf(parameters: Named, statistics: Named, x: Value, targets: Value): [Value, Named] {
  const moved: Named = {};
  const N = x.shape[0];
  const map = resnet18(layersOf(parameters, statistics, moved), x);
  const features = np.mean(map, [2, 3]);
  const logits = np.matmul(features, np.transpose(parameters["fc.weight"]))
    .add(parameters["fc.bias"]);
  const loss = np.sum(jax.nn.logSoftmax(logits, 1).mul(targets)).mul(-1 / N);
  return [loss, moved];
}

/** Everything that a step changes. */
type State = [loss: Value, parameters: Named, momentum: Named, statistics: Named];

function step(
  parameters: Named,
  momentum: Named,
  statistics: Named,
  x: Value,
  targets: Value,
): State {
  // deno-lint-ignore no-explicit-any
  const valueAndGrad = jax.valueAndGrad(lossOf as any, { hasAux: true }) as any;
  const [[loss, moved], gradients] = valueAndGrad(jax.tree.ref(parameters), statistics, x, targets);
  const [values, velocities]: Named[] = [{}, {}];
  for (const name of Object.keys(parameters)) {
    const velocity = momentum[name].mul(MOMENTUM).add(gradients[name]);
    values[name] = parameters[name].sub(velocity.ref.mul(LEARNING_RATE.resnet18));
    velocities[name] = velocity;
  }
  return [loss, values, velocities, moved];
}

export async function jaxJsStep(start: Start, finish: () => Promise<void>): Promise<PreparedStep> {
  const { batch, pixels, network } = start.step;
  if (network !== "resnet18") throw new Error(`Cannot train ${network} in jax-js: not written`);
  const [parameters, velocities, statistics]: Named[] = [{}, {}, {}];
  for (const [name, { shape, data }] of start.weights) {
    const value = np.array(data).reshape(shape);
    if (name.includes("running_")) statistics[name] = value;
    else {
      parameters[name] = value;
      velocities[name] = np.zeros(shape);
    }
  }
  const x = np.array(channelsFirst(start.images, [batch, pixels ** 2, 3]))
    .reshape([batch, 3, pixels, pixels]);
  const targets = jax.nn.oneHot(np.array(Int32Array.from(start.labels)), CLASSES);
  // deno-lint-ignore no-explicit-any
  const compiled = jax.jit(step as any) as any;
  let state: State = [np.zeros([]), parameters, velocities, statistics];
  await jax.blockUntilReady([state, x, targets]);
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        const [loss, ...rest] = state;
        loss.dispose();
        state = compiled(...rest, x.ref, targets.ref);
        // Sends the step's launches off, without waiting.
        for (const leaf of jax.tree.leaves(state) as Value[]) leaf.ref.gpuBufferSync();
      }
      await finish();
    },
    wait: finish,
    async state() {
      const [loss, , momentum, statistics] = state;
      const norms: Record<string, number> = {};
      const watch = async (from: Named, names: string[]) => {
        for (const name of names) norms[name] = norm(await from[name].ref.data());
      };
      await watch(momentum, WATCHED.momentum);
      await watch(statistics, WATCHED.statistics);
      return { loss: (await loss.ref.data())[0], norms };
    },
    destroy() {
      jax.tree.dispose([state, x, targets]);
      compiled.dispose();
    },
  };
}
