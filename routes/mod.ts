/** All routes, and the application that they make. */
import { answer } from "./pipeline.ts";
import { augmented } from "./augmentation_preview.ts";
import { dashboard } from "./dashboard.ts";
import { datasets } from "./datasets.ts";
import { embeddings } from "./embeddings.ts";
import { evaluations } from "./evaluations.ts";
import { gazeRoutes } from "./gaze.ts";
import { gazePictures } from "./gaze_pictures.ts";
import { images } from "./images.ts";
import { jobEvents } from "./job_events.ts";
import { jobs } from "./jobs.ts";
import { keys } from "./keys.ts";
import { maps } from "./maps.ts";
import { models } from "./models.ts";
import { openapi } from "./openapi.ts";
import { openInference } from "./open_inference.ts";
import { predictions } from "./predictions.ts";
import { reports } from "./reports.ts";
import type { Route, Services } from "./route.ts";
import { similarities } from "./similarities.ts";
import { studies } from "./studies.ts";
import { system } from "./system.ts";
import { uploads } from "./uploads.ts";
import { RouteTable } from "./router.ts";

/** Where two patterns fit a path, the first counts. */
export const routes: Route[] = [
  ...system,
  ...datasets,
  ...reports,
  ...uploads,
  // Before those of images, whose names may hold slashes.
  ...gazeRoutes,
  ...gazePictures,
  ...augmented,
  ...images,
  ...jobs,
  ...jobEvents,
  ...similarities,
  ...models,
  ...maps,
  ...embeddings,
  ...evaluations,
  ...studies,
  ...predictions,
  ...openInference,
  ...keys,
  ...openapi(() => routes),
  ...dashboard,
];

/** The application: a request in, its answer out. */
export function createApp(services: Services): (request: Request) => Promise<Response> {
  const table = new RouteTable(routes);
  return (request) => {
    const { pathname } = new URL(request.url);
    return answer(table.find(request.method, pathname), services, request);
  };
}
