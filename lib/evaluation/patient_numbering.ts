/** Numbers patients in the order in which they are met; an image without a patient is one. */
export function numbering(patients: Map<string, string | null>) {
  const units = new Map<string, number>();
  return {
    unitOf(image: string): number {
      const patient = patients.get(image) ?? null;
      const unit = patient === null ? `image ${image}` : `patient ${patient}`;
      if (!units.has(unit)) units.set(unit, units.size);
      return units.get(unit)!;
    },
    size: () => units.size,
  };
}
