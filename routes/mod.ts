/** All resources with their routes. */
import { augmented } from "./augmentation_preview.ts";
import { dashboard } from "./dashboard.ts";
import { datasets } from "./datasets.ts";
import { description } from "./description.ts";
import { dicomweb } from "./dicomweb.ts";
import { embeddings } from "./embeddings.ts";
import { evaluations } from "./evaluations.ts";
import { gazeRoutes } from "./gaze.ts";
import { gazePictures } from "./gaze_pictures.ts";
import { images } from "./images.ts";
import { jobEvents } from "./job_events.ts";
import { jobs } from "./jobs.ts";
import { keys } from "./keys.ts";
import { maps } from "./maps.ts";
import { modelWeights } from "./model_weights.ts";
import { models } from "./models.ts";
import { openInference } from "./open_inference.ts";
import { overview } from "./overview.ts";
import { picturePreview } from "./picture_preview.ts";
import { predictions } from "./predictions.ts";
import { readings } from "./readings.ts";
import { reports } from "./reports.ts";
import type { Resource, Route } from "./route.ts";
import { similarities } from "./similarities.ts";
import { studies } from "./studies.ts";
import { system } from "./system.ts";
import { synthetic } from "./synthetic.ts";
import { uploads } from "./uploads.ts";
import { work } from "./work.ts";

/** Where two patterns fit a path, the first counts. */
export const resources: Resource[] = [
  {
    tag: "Server",
    description: "Whether the server works, on which device, and how much.",
    routes: [
      ...system,
    ],
  },
  {
    tag: "Datasets",
    description: "Sets of images with their labels and gaze, uploaded as ZIP.",
    routes: [...datasets, ...overview, ...reports, ...synthetic],
  },
  {
    tag: "Uploads",
    description: "Large archives that are sent in pieces, by tus 1.0.0, and imported afterwards.",
    routes: uploads,
  },
  {
    tag: "Readings",
    description: "What readers decided, and what that says of them, of others and of a model.",
    routes: readings,
  },
  {
    // Before images, whose names may hold slashes.
    tag: "Gaze",
    description: "Where readers looked: fixations, measures, pictures, files of eye trackers.",
    routes: [...gazeRoutes, ...gazePictures],
  },
  {
    tag: "Images",
    description: "Single images of a data set, and what training makes of them.",
    routes: [...augmented, ...dicomweb, ...images],
  },
  {
    tag: "Jobs",
    description: "What takes long: similarities, trainings, evaluations and studies, queued.",
    routes: [...jobs, ...jobEvents],
  },
  {
    tag: "Similarities",
    description: "How similar the gaze on the images of a data set is, and what that is worth.",
    routes: similarities,
  },
  {
    tag: "Models",
    description: "Networks that were trained here or uploaded, with lineage and weights.",
    routes: [...models, ...modelWeights],
  },
  {
    tag: "Inference",
    description: "What a model says of pictures: classes, features, neighbours, maps.",
    routes: [...maps, ...embeddings, ...predictions, ...picturePreview],
  },
  {
    tag: "Evaluations",
    description: "Metrics of classifiers with their intervals, and the scores behind them.",
    routes: evaluations,
  },
  {
    tag: "Studies",
    description: "Tables of methods, arms and backbones over several runs.",
    routes: studies,
  },
  {
    tag: "Open Inference Protocol",
    description: "The same classifiers for clients of the Open Inference Protocol, version 2.",
    routes: openInference,
  },
  {
    tag: "Workers",
    description:
      "What runs jobs. One on another machine (`deno task worker` with MCGIP_API) links itself by a WebSocket at " +
      "`/v1/workers/NAME/link` and a key with the scope `work`; the paths below that are for its files.",
    routes: work,
  },
  {
    tag: "Keys",
    description: "Who may ask, and for what.",
    routes: keys,
  },
  {
    tag: "Pages",
    description: "The dashboard and this description.",
    routes: [...description(() => resources), ...dashboard],
  },
];

export const routes: Route[] = resources.flatMap(({ routes }) => routes);
