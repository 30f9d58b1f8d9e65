/** Images of one patient, as multi-instance contrastive learning pairs them (MICLe: Azizi et al., ICCV 2021). */
import { InvalidInput } from "@/lib/errors.ts";
import { labelPositives } from "../positives.ts";
import type { Arm } from "./arm.ts";

export const patient: Arm = {
  title: "Same patient",
  about: "Images of one patient are positive (MICLe), whatever their gaze; needs patients.",
  row: (method) => `${method}, same patient (MICLe)`,
  needs: "patients",
  positives({ n, patients }) {
    if (patients.length !== n) {
      throw new InvalidInput(
        `Cannot pair by patients: ${n} patients expected, got ${patients.length}`,
      );
    }
    return labelPositives(patients);
  },
};
