/** The versions of the schema. Each brings the one before to its own: from 0, nothing, to 1 and so on. */
import attempts from "./attempts.sql" with { type: "text" };
import binding from "./binding.sql" with { type: "text" };
import datasetNames from "./dataset_names.sql" with { type: "text" };
import findings from "./findings.sql" with { type: "text" };
import deliveries from "./deliveries.sql" with { type: "text" };
import keyLimits from "./key_limits.sql" with { type: "text" };
import leases from "./leases.sql" with { type: "text" };
import messages from "./messages.sql" with { type: "text" };
import names from "./names.sql" with { type: "text" };
import readings from "./readings.sql" with { type: "text" };
import reports from "./reports.sql" with { type: "text" };
import schema from "./schema.sql" with { type: "text" };
import studies from "./studies.sql" with { type: "text" };
import thumbnails from "./thumbnails.sql" with { type: "text" };
import tuning from "./tuning.sql" with { type: "text" };

export const versions = [
  schema,
  studies,
  tuning,
  names,
  reports,
  binding,
  leases,
  datasetNames,
  keyLimits,
  readings,
  messages,
  deliveries,
  findings,
  thumbnails,
  attempts,
];

/** The schema that this program makes. */
export const knownVersion = versions.length;
