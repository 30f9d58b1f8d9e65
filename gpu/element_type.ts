/**
 * How tensors are stored, and kernels that take more than one storage. Such a kernel loads with `f32(x[i])`,
 * stores with `X(value)`, and names the type once per binding or group of bindings:
 * ```wgsl
 * alias X = f32;
 * @group(0) @binding(0) var<storage, read> x: array<X>;
 * ```
 * The file is valid as it stands, for f32. Arithmetic is f32 in any case.
 */
import { reflect } from "./kernel.ts";
import { elementCount, type ElementType, type Tensor } from "./tensor.ts";

/** Bytes of a tensor's elements, without any padding. */
export function storedBytes({ shape, type }: Pick<Tensor, "shape" | "type">): number {
  return elementCount(shape) * (type === "f16" ? 2 : 4);
}

/**
 * The text of a kernel for the tensors that are bound; without f16 among them it is `code` itself.
 * @throws {Error} when the kernel takes f32 only, or one type where tensors of two are bound
 */
export function codeFor(code: string, bind: Record<string, Pick<Tensor, "type">>): string {
  const half = Object.keys(bind).filter((name) => bind[name].type === "f16");
  if (half.length === 0) return code;
  const aliases = aliasesOf(code);
  const refuse = (name: string, why: string) =>
    new Error(`Cannot launch ${reflect(code).name}: "${name}" is ${bind[name].type}, ${why}`);
  const chosen = new Set<string>();
  for (const name of half) {
    const alias = aliases.get(name);
    if (alias === undefined) throw refuse(name, "the kernel takes f32");
    chosen.add(alias);
  }
  for (const [name, alias] of aliases) {
    if (chosen.has(alias) && !half.includes(name)) throw refuse(name, "what is stored like it f16");
  }
  let text = code;
  for (const alias of chosen) text = text.replace(line(alias, "f32"), line(alias, "f16"));
  return `enable f16;\n${text}`;
}

/** The alias of each binding whose type is one. */
export function aliasesOf(code: string): Map<string, string> {
  const bindings = code.matchAll(/var<storage[^>]*>\s*(\w+)\s*:\s*array<(?:vec4<)?(\w+)>/g);
  return new Map(
    [...bindings].map(([, name, type]) => [name, type] as const)
      .filter(([, type]) => code.includes(line(type, "f32"))),
  );
}

function line(alias: string, type: ElementType): string {
  return `alias ${alias} = ${type};`;
}
