/**
 * Registers the gradients of TensorFlow.js, which its bundle for servers leaves out. They lie in the package
 * as modules that import each other without an extension, which only bundlers resolve.
 */
import * as nodeModule from "node:module";

type Next = (specifier: string, context: unknown) => unknown;
interface Hooks {
  resolve(specifier: string, context: { parentURL?: string }, next: Next): unknown;
}

/** Not in the runtime's types yet. */
const { registerHooks } = nodeModule as unknown as {
  registerHooks(hooks: Hooks): { deregister(): void };
};

export async function registerGradients(): Promise<void> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const bare = specifier.startsWith(".") && !specifier.endsWith(".js") &&
        context.parentURL?.includes("/tfjs-core/");
      return next(bare ? `${specifier}.js` : specifier, context);
    },
  });
  await import("@tensorflow/tfjs-core/gradients");
  hooks.deregister();
}
