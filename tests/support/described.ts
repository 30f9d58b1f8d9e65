/** Whether the description tells of every status that a server has answered with. */
import { resources } from "@/routes/mod.ts";
import { describe } from "@/routes/openapi.ts";

const paths = describe(resources).paths as Record<
  string,
  Record<string, { responses: Record<string, unknown> }>
>;

/** Answers that the description of their operation lacks; `figures` is what `/metrics` says. */
export function undescribed(figures: string): string[] {
  const wrong: string[] = [];
  for (const [, labels] of figures.matchAll(/^mcgip_requests_total\{(.*)\} \d+$/gm)) {
    const { method, route, status } = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
    );
    // Unknown paths have no description; a client that went gets no answer.
    if (route === "(unknown)" || status === "499") continue;
    const asked = method === "HEAD" ? "get" : method.toLowerCase();
    const operation = paths[route.replaceAll("*}", "}")]?.[asked];
    if (!operation || !(status in operation.responses)) wrong.push(`${method} ${route} ${status}`);
  }
  return wrong;
}
