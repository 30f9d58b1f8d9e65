/** All routes. */
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
import type { Route } from "./route.ts";
import { similarities } from "./similarities.ts";
import { studies } from "./studies.ts";
import { system } from "./system.ts";

/** Where two patterns fit a path, the first counts. */
export const routes: Route[] = [
  ...system,
  ...datasets,
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
