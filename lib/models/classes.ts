/** Names of a classifier's outputs, and the outputs that they name. */
import { InvalidInput } from "@/lib/errors.ts";
import type { Detected, Weights } from "./backbone_spec.ts";
import { backboneSpec } from "./specs.ts";

/** @throws {InvalidInput} for names that are empty or stand there twice */
export function checkClasses(classes: string[]): void {
  const seen = new Set<string>();
  for (const name of classes) {
    if (name === "") throw new InvalidInput("Cannot name a class by an empty text");
    if (seen.has(name)) {
      throw new InvalidInput(`Cannot name two classes "${name}": names of classes are unique`);
    }
    seen.add(name);
  }
}

/**
 * Fits a network's classifier to the names of its classes; without names it is taken off.
 *
 * One output of two classes is a sigmoid's logit z: with a second output that is always 0 the softmax gives the
 * same, since e^z / (e^0 + e^z) is the sigmoid of z. The first name is then that of the negative class.
 * @returns what was done, in words, where the classifier is not as it stood in the file
 * @throws {InvalidInput} when names and outputs do not fit
 */
export function fitClassifier(
  { network, architecture, heads }: Pick<Detected, "network" | "architecture" | "heads">,
  classes: string[],
  { multi_label = false }: { multi_label?: boolean } = {},
): string | undefined {
  const { head } = backboneSpec(architecture.backbone);
  const { outputs } = architecture;
  if (classes.length === 0) {
    if (outputs === 0) return undefined;
    network.delete(`${head}.weight`);
    network.delete(`${head}.bias`);
    return `The classifier "${head}" of ${outputs} outputs was left out: its classes were not named`;
  }
  if (heads.length > 0) {
    throw new InvalidInput(
      `Cannot name the classes: besides a linear classifier "${head}" the file holds "${heads[0]}"${
        heads.length > 1 ? ` and ${heads.length - 1} more of this kind` : ""
      }, through which its answers might go; without classes the network is taken without its classifier`,
    );
  }
  if (outputs === 1 && !multi_label) {
    if (classes.length === 2) {
      addZeroOutput(network, head);
      return `The one output was taken for a sigmoid's logit of "${classes[1]}"; that of "${
        classes[0]
      }" is 0`;
    }
    throw new InvalidInput(
      `Cannot name the classes: the classifier has 1 output, a sigmoid's logit, for which two names are needed, ` +
        `the negative class first; ${classes.length} came`,
    );
  }
  if (classes.length !== outputs) {
    const has = outputs === 0
      ? `there is no linear classifier "${head}"`
      : `the classifier has ${outputs} outputs`;
    throw new InvalidInput(`Cannot name the classes: ${has}, ${classes.length} names came`);
  }
}

function addZeroOutput(network: Weights, head: string): void {
  for (const part of ["weight", "bias"]) {
    const { shape: [, ...rest], data } = network.get(`${head}.${part}`)!;
    const wider = new Float32Array(2 * data.length);
    wider.set(data, data.length);
    network.set(`${head}.${part}`, { shape: [2, ...rest], data: wider });
  }
}
