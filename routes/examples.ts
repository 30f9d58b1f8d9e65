/** One example of every JSON body, by operation. */
export const examples: Record<string, { body?: Record<string, unknown>; answer?: unknown }> = {};
